package io.tideline.multidc.placement;

import static java.util.Comparator.comparingDouble;
import static java.util.Comparator.comparingInt;
import static java.util.stream.Collectors.groupingBy;
import static java.util.stream.Collectors.toList;
import static java.util.stream.Collectors.toSet;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.LongStream;
import org.apache.pekko.util.Version;

/**
 * Who should have how many shards of a cell, and which shards move to get there.
 *
 * <p>A zone's share is proportional to the weights of its nodes, a node's share of its zone to its
 * own, both in whole numbers. A shard moves only when its node has too many or is drained, it moves
 * once, and in the end nothing moves.
 */
public final class PlacementPlan {
  /**
   * One node; {@code id} is unique for one life of its process.
   *
   * @param weight what it takes compared with others; 0 = it is drained
   */
  public record Node(String id, String zone, int weight, Version version, State state) {
    private boolean isHere() {
      return state == State.UP || state == State.UNSETTLED || state == State.DEPARTING;
    }
  }

  /** What may happen to the shards of a node. */
  public enum State {
    /** It is on its way in. Nothing moves until it is there. */
    JOINING,
    /** It gives and takes shards. */
    UP,
    /** It gets what has no home, and is otherwise left alone: it changed a moment ago. */
    UNSETTLED,
    /** It has said that it will leave: its weight is 0, and its shards go while it still serves. */
    DEPARTING,
    /** It gives up its shards by itself and gets none. */
    LEAVING,
    /** It gets no shard. Nothing moves, because every node must agree to a move. */
    UNREACHABLE
  }

  /** A shard that goes from one node to another. */
  public record Move(String shard, String from, String to) {}

  private static final class Holder {
    final Node node;
    final Deque<String> movable = new ArrayDeque<>();
    int count;
    int target;

    Holder(Node node) {
      this.node = node;
    }

    boolean givesAndTakes() {
      return node.state() == State.UP;
    }

    boolean gives() {
      return givesAndTakes() || node.state() == State.DEPARTING;
    }

    int excess() {
      return count - target;
    }
  }

  private final List<Holder> holders;
  private final List<Holder> open;
  private final List<Holder> takers;

  /**
   * @param table where each shard is, or is going to; shard to node id
   * @param moving the shards that are on their way
   * @param nodes the oldest first
   */
  public PlacementPlan(Map<String, String> table, Set<String> moving, List<Node> nodes) {
    Map<String, Holder> byId = new TreeMap<>();
    for (Node node : nodes) byId.put(node.id(), new Holder(node));
    new TreeMap<>(table)
        .forEach(
            (shard, id) -> {
              Holder holder = byId.get(id);
              if (holder == null) return;
              holder.count++;
              if (!moving.contains(shard)) holder.movable.add(shard);
            });
    holders = List.copyOf(byId.values());
    open = open(holders);
    takers = ofTheLatest(nodes);
  }

  /** Those that may have shards: when all are drained, all of them. */
  private static List<Holder> open(List<Holder> holders) {
    List<Holder> here = holders.stream().filter(holder -> holder.node.isHere()).toList();
    List<Holder> weighing = here.stream().filter(holder -> holder.node.weight() > 0).toList();
    return weighing.isEmpty() ? here : weighing;
  }

  /**
   * While versions differ, those of the version that came last: an upgrade goes to it, and so does
   * whoever takes an upgrade back.
   */
  private List<Holder> ofTheLatest(List<Node> nodes) {
    Set<Node> able = open.stream().map(holder -> holder.node).collect(toSet());
    Optional<Version> latest =
        nodes.stream().filter(able::contains).map(Node::version).reduce((older, later) -> later);
    return open.stream()
        .filter(holder -> latest.filter(holder.node.version()::equals).isPresent())
        .toList();
  }

  /** The node for one more shard; empty when no node is there. */
  public Optional<String> homeForOneMore() {
    aimFor(1);
    return neediest(taker -> true).or(() -> lightest(takers)).map(holder -> holder.node.id());
  }

  /**
   * The next moves, those away from drained nodes first.
   *
   * @param most how many may begin
   * @param tolerance nothing moves for balance while every node and zone has its share, give or
   *     take this part of it
   * @param begun moves for balance have begun, so go on until it is exact
   */
  public List<Move> moves(int most, double tolerance, boolean begun) {
    if (holders.stream().anyMatch(PlacementPlan::forbidsMoves)) return List.of();
    if (open.stream().allMatch(holder -> holder.node.weight() == 0)) return List.of();
    aimFor(0);
    boolean balancing = begun || isOff(tolerance);
    List<Move> moves = new ArrayList<>();
    while (moves.size() < most) {
      Optional<Move> move = drain();
      if (move.isEmpty() && balancing) move = balance();
      if (move.isEmpty()) break;
      moves.add(move.get());
    }
    return moves;
  }

  private static boolean forbidsMoves(Holder holder) {
    return holder.node.state() == State.JOINING || holder.node.state() == State.UNREACHABLE;
  }

  /** Who departs waits for nobody to settle. */
  private Optional<Move> drain() {
    List<Holder> settled = takers.stream().filter(Holder::givesAndTakes).toList();
    return holders.stream()
        .filter(holder -> holder.node.weight() == 0)
        .filter(holder -> holder.gives() && !holder.movable.isEmpty())
        .max(comparingInt(holder -> holder.count))
        .flatMap(
            giver -> {
              boolean wait = giver.node.state() != State.DEPARTING || !settled.isEmpty();
              List<Holder> able = wait ? settled : takers;
              return neediest(able::contains)
                  .or(() -> lightest(able))
                  .map(taker -> move(giver, taker));
            });
  }

  private Optional<Move> balance() {
    return open.stream()
        .filter(holder -> holder.excess() > 0)
        .filter(holder -> holder.givesAndTakes() && !holder.movable.isEmpty())
        .max(comparingInt(Holder::excess))
        .flatMap(giver -> neediest(Holder::givesAndTakes).map(taker -> move(giver, taker)));
  }

  private static Move move(Holder from, Holder to) {
    from.count--;
    to.count++;
    return new Move(from.movable.remove(), from.node.id(), to.node.id());
  }

  private Optional<Holder> neediest(Predicate<Holder> suits) {
    return takers.stream()
        .filter(suits)
        .filter(holder -> holder.excess() < 0)
        .min(comparingInt(Holder::excess));
  }

  /** For a shard that has to go somewhere although nobody lacks one. */
  private static Optional<Holder> lightest(List<Holder> among) {
    return zones(among).stream()
        .min(comparingDouble(PlacementPlan::loadWithOneMore))
        .flatMap(
            zone -> zone.stream().min(comparingDouble(holder -> loadWithOneMore(List.of(holder)))));
  }

  private static double loadWithOneMore(List<Holder> some) {
    return (count(some) + 1.0) / Math.max(1, weight(some));
  }

  private boolean isOff(double tolerance) {
    return open.stream().anyMatch(holder -> isOff(List.of(holder), tolerance))
        || zones(open).stream().anyMatch(zone -> isOff(zone, tolerance));
  }

  private static boolean isOff(List<Holder> some, double tolerance) {
    int target = some.stream().mapToInt(holder -> holder.target).sum();
    return Math.abs(count(some) - target) > Math.max(1, tolerance * target);
  }

  /** Sets the targets of open nodes, for all shards that nodes here have, and some more. */
  private void aimFor(int more) {
    if (open.isEmpty()) return;
    int total = more + count(holders.stream().filter(holder -> holder.node.isHere()).toList());
    List<List<Holder>> zones = zones(open);
    // A zone's count goes up and down while its nodes give and take: it must not decide.
    int[] nothing = new int[zones.size()];
    int[] ofZones =
        shares(total, zones.stream().mapToLong(PlacementPlan::weight).toArray(), nothing);
    for (int i = 0; i < ofZones.length; i++) {
      List<Holder> zone = zones.get(i);
      int[] ofNodes =
          shares(
              ofZones[i],
              zone.stream().mapToLong(holder -> holder.node.weight()).toArray(),
              zone.stream().mapToInt(holder -> holder.count).toArray());
      for (int j = 0; j < ofNodes.length; j++) zone.get(j).target = ofNodes[j];
    }
  }

  /**
   * Divides a total by weight into whole numbers, each less than one off; none falls when the total
   * grows. Of those that are alike, who would have to give up a shard comes first. Without any
   * weight all are alike.
   *
   * <p>The quota method of Balinski and Young ("The quota method of apportionment", American
   * Mathematical Monthly 82, 1975).
   */
  private static int[] shares(int total, long[] weights, int[] has) {
    long sum = LongStream.of(weights).sum();
    if (weights.length > 0 && sum == 0) {
      return shares(total, LongStream.of(weights).map(none -> 1).toArray(), has);
    }
    int[] shares = new int[weights.length];
    for (int given = 1; given <= total; given++) {
      int next = -1;
      for (int i = 0; i < shares.length; i++) {
        boolean mayHaveMore = shares[i] * sum < given * weights[i];
        if (mayHaveMore && (next < 0 || comesFirst(i, next, shares, weights, has))) next = i;
      }
      shares[next]++;
    }
    return shares;
  }

  private static boolean comesFirst(int one, int other, int[] shares, long[] weights, int[] has) {
    long lead = weights[one] * (shares[other] + 1) - weights[other] * (shares[one] + 1);
    if (lead != 0) return lead > 0;
    return has[one] > shares[one] && has[other] <= shares[other];
  }

  /** In the order of their names. */
  private static List<List<Holder>> zones(List<Holder> some) {
    return List.copyOf(
        some.stream()
            .collect(groupingBy(holder -> holder.node.zone(), TreeMap::new, toList()))
            .values());
  }

  private static int count(List<Holder> some) {
    return some.stream().mapToInt(holder -> holder.count).sum();
  }

  private static long weight(List<Holder> some) {
    return some.stream().mapToLong(holder -> holder.node.weight()).sum();
  }
}
