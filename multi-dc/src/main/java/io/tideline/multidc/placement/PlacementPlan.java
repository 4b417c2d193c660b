package io.tideline.multidc.placement;

import static java.util.Comparator.comparing;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.Collectors;
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
  public record Node(String id, String zone, int weight, Version version, State state) {}

  /** What may happen to the shards of a node. */
  public enum State {
    /** It is on its way in. Nothing moves until it is there. */
    JOINING,
    /** It gives and takes shards. */
    UP,
    /** It gets what has no home, and is otherwise left alone: it changed a moment ago. */
    UNSETTLED,
    /** It gives up its shards by itself and gets none. */
    LEAVING,
    /** It gets no shard. Nothing moves, because every node must agree to a move. */
    UNREACHABLE
  }

  /** A shard that goes from one node to another. */
  public record Move(String shard, String from, String to) {}

  private final List<Node> nodes;
  private final List<Node> open;
  private final List<Node> takers;
  private final Map<String, Deque<String>> movable = new HashMap<>();
  private final Map<String, Integer> counts = new HashMap<>();

  /**
   * @param table where each shard is, or is going to; shard to node id
   * @param moving the shards that are on their way
   */
  public PlacementPlan(Map<String, String> table, Set<String> moving, List<Node> nodes) {
    this.nodes = nodes.stream().sorted(comparing(Node::id)).toList();
    open = open(this.nodes);
    takers = newest(open);
    this.nodes.forEach(node -> movable.put(node.id(), new ArrayDeque<>()));
    new TreeMap<>(table)
        .forEach(
            (shard, node) -> {
              counts.merge(node, 1, Integer::sum);
              if (!moving.contains(shard) && movable.containsKey(node))
                movable.get(node).add(shard);
            });
  }

  /** Those that may have shards; when all are drained, they all serve on alike. */
  private static List<Node> open(List<Node> nodes) {
    List<Node> present =
        nodes.stream()
            .filter(node -> node.state() == State.UP || node.state() == State.UNSETTLED)
            .toList();
    List<Node> weighing = present.stream().filter(node -> node.weight() > 0).toList();
    if (!weighing.isEmpty()) return weighing;
    return present.stream()
        .map(node -> new Node(node.id(), node.zone(), 1, node.version(), node.state()))
        .toList();
  }

  private static List<Node> newest(List<Node> nodes) {
    Optional<Version> newest =
        nodes.stream().map(Node::version).max(Comparator.<Version>naturalOrder());
    return nodes.stream().filter(node -> newest.get().compareTo(node.version()) == 0).toList();
  }

  /** The node for one more shard; empty when no node is there. */
  public Optional<String> homeForOneMore() {
    Map<String, Integer> targets = targets(1);
    return neediest(targets, node -> true).or(() -> lightest(takers)).map(Node::id);
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
    List<Move> moves = new ArrayList<>();
    if (nodes.stream().anyMatch(PlacementPlan::forbidsMoves) || !someWeigh()) return moves;
    Map<String, Integer> targets = targets(0);
    boolean balancing = begun || isOff(targets, tolerance);
    while (moves.size() < most) {
      Optional<Move> move = drain(targets);
      if (move.isEmpty() && balancing) move = balance(targets);
      if (move.isEmpty()) break;
      moves.add(move.get());
      counts.merge(move.get().from(), -1, Integer::sum);
      counts.merge(move.get().to(), 1, Integer::sum);
    }
    return moves;
  }

  private static boolean forbidsMoves(Node node) {
    return node.state() == State.JOINING || node.state() == State.UNREACHABLE;
  }

  private boolean someWeigh() {
    return nodes.stream().anyMatch(node -> node.weight() > 0 && open.contains(node));
  }

  private Optional<Move> drain(Map<String, Integer> targets) {
    Optional<Node> from =
        nodes.stream()
            .filter(node -> node.state() == State.UP && node.weight() == 0 && hasMovable(node))
            .max(comparing(this::count));
    List<Node> settled = takers.stream().filter(node -> node.state() == State.UP).toList();
    return from.flatMap(
        giver ->
            neediest(targets, settled::contains)
                .or(() -> lightest(settled))
                .map(taker -> move(giver, taker)));
  }

  private Optional<Move> balance(Map<String, Integer> targets) {
    Optional<Node> from =
        open.stream()
            .filter(node -> node.state() == State.UP && hasMovable(node))
            .filter(node -> count(node) > targets.get(node.id()))
            .max(comparing(node -> count(node) - targets.get(node.id())));
    return from.flatMap(
        giver ->
            neediest(targets, node -> node.state() == State.UP).map(taker -> move(giver, taker)));
  }

  private Move move(Node from, Node to) {
    return new Move(movable.get(from.id()).remove(), from.id(), to.id());
  }

  private boolean hasMovable(Node node) {
    return !movable.get(node.id()).isEmpty();
  }

  private Optional<Node> neediest(Map<String, Integer> targets, Predicate<Node> suits) {
    return takers.stream()
        .filter(suits)
        .filter(node -> count(node) < targets.get(node.id()))
        .max(comparing(node -> targets.get(node.id()) - count(node)));
  }

  /** For a shard that has to go somewhere although nobody lacks one. */
  private Optional<Node> lightest(List<Node> among) {
    Map<String, List<Node>> zones = byZone(among);
    return among.stream()
        .min(
            Comparator.<Node>comparingDouble(node -> loadWithOneMore(zones.get(node.zone())))
                .thenComparing(node -> loadWithOneMore(List.of(node))));
  }

  private double loadWithOneMore(List<Node> some) {
    return (count(some) + 1.0) / some.stream().mapToInt(Node::weight).sum();
  }

  private boolean isOff(Map<String, Integer> targets, double tolerance) {
    return open.stream().anyMatch(node -> isOff(List.of(node), targets, tolerance))
        || byZone(open).values().stream().anyMatch(zone -> isOff(zone, targets, tolerance));
  }

  private boolean isOff(List<Node> some, Map<String, Integer> targets, double tolerance) {
    int target = some.stream().mapToInt(node -> targets.get(node.id())).sum();
    return Math.abs(count(some) - target) > Math.max(1, tolerance * target);
  }

  /** Node id to number of shards, for all shards that are or will be on open nodes. */
  private Map<String, Integer> targets(int more) {
    int total =
        more
            + nodes.stream()
                .filter(node -> node.state() == State.UP || node.state() == State.UNSETTLED)
                .mapToInt(this::count)
                .sum();
    Map<String, List<Node>> zones = byZone(open);
    // A zone's count goes up and down while its nodes give and take: it must not decide.
    Map<String, Integer> ofZones = shares(total, weights(zones), Map.of());
    Map<String, Integer> targets = new HashMap<>();
    zones.forEach(
        (zone, members) -> {
          Map<String, List<Node>> each =
              members.stream()
                  .collect(Collectors.toMap(Node::id, List::of, (one, same) -> one, TreeMap::new));
          targets.putAll(shares(ofZones.get(zone), weights(each), counts(each)));
        });
    return targets;
  }

  /**
   * Divides a total by weight into whole numbers, each less than one off. Who would have to give up
   * a shard is rounded up first, then who is cut most.
   */
  private static Map<String, Integer> shares(
      int total, Map<String, Long> weights, Map<String, Integer> has) {
    long sum = weights.values().stream().mapToLong(Long::longValue).sum();
    Map<String, Integer> shares = new TreeMap<>();
    weights.forEach((name, weight) -> shares.put(name, (int) (total * weight / sum)));
    long left = total - shares.values().stream().mapToLong(Integer::longValue).sum();
    Comparator<String> gives = comparing(name -> has.getOrDefault(name, 0) <= shares.get(name));
    Comparator<String> cutLess = comparing(name -> total * weights.get(name) % sum);
    List<String> roundedUp =
        weights.keySet().stream()
            .filter(name -> total * weights.get(name) % sum > 0)
            .sorted(gives.thenComparing(cutLess.reversed()).thenComparing(name -> name))
            .limit(left)
            .toList();
    roundedUp.forEach(name -> shares.merge(name, 1, Integer::sum));
    return shares;
  }

  private static Map<String, List<Node>> byZone(List<Node> some) {
    return some.stream().collect(Collectors.groupingBy(Node::zone, TreeMap::new, Collectors.toList()));
  }

  private static Map<String, Long> weights(Map<String, List<Node>> groups) {
    Map<String, Long> weights = new TreeMap<>();
    groups.forEach(
        (name, group) -> weights.put(name, group.stream().mapToLong(Node::weight).sum()));
    return weights;
  }

  private Map<String, Integer> counts(Map<String, List<Node>> groups) {
    Map<String, Integer> sums = new TreeMap<>();
    groups.forEach((name, group) -> sums.put(name, count(group)));
    return sums;
  }

  private int count(List<Node> some) {
    return some.stream().mapToInt(this::count).sum();
  }

  private int count(Node node) {
    return counts.getOrDefault(node.id(), 0);
  }
}
