package io.tideline.multidc.placement;

import io.tideline.multidc.placement.PlacementPlan.Move;
import io.tideline.multidc.placement.PlacementPlan.Node;
import io.tideline.multidc.placement.PlacementPlan.State;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks a {@link PlacementPlan} again and again, and remembers in between what the plan must know of
 * the past: since when each node is as it is, and where shards are going. For one thread.
 */
final class Placement {
  private static final Logger log = LoggerFactory.getLogger(Placement.class);

  // A shard that has left arrives when it is asked for; one that nobody wants does not count.
  private static final long TO_BE_WANTED = Duration.ofMillis(250).toNanos();

  private final PlacementSettings settings;
  private final Map<String, Seen> seen = new HashMap<>();
  private final Map<String, String> going = new HashMap<>();
  private final Map<String, Long> leftAt = new HashMap<>();
  private int moved;

  private record Seen(Node node, long since) {}

  Placement(PlacementSettings settings) {
    this.settings = settings;
  }

  /**
   * The node for a shard that has none; empty when there is no node.
   *
   * @param table shard to node id
   * @param now nanoseconds
   */
  Optional<String> home(String shard, Map<String, String> table, List<Node> nodes, long now) {
    Map<String, String> placed = new HashMap<>(table);
    // The table shows a home only some time after it was given away.
    placed.putAll(going);
    Optional<String> planned = Optional.ofNullable(going.get(shard)).filter(id -> takes(nodes, id));
    placed.remove(shard);
    Optional<String> home =
        planned.or(() -> new PlacementPlan(placed, Set.of(), settled(nodes, now)).homeForOneMore());
    home.ifPresent(node -> going.put(shard, node));
    return home;
  }

  private static boolean takes(List<Node> nodes, String id) {
    return nodes.stream()
        .anyMatch(node -> node.id().equals(id) && node.state() == State.UP && node.weight() > 0);
  }

  /**
   * The shards that now leave their nodes.
   *
   * @param table shard to node id
   * @param moving the shards that have been told to leave and have not left yet
   * @param now nanoseconds
   */
  Set<String> moves(Map<String, String> table, Set<String> moving, List<Node> nodes, long now) {
    for (String shard : going.keySet()) if (!moving.contains(shard)) leftAt.put(shard, now);
    going.keySet().retainAll(moving);
    leftAt
        .entrySet()
        .removeIf(left -> table.containsKey(left.getKey()) || now - left.getValue() > TO_BE_WANTED);
    Map<String, String> target = new HashMap<>(table);
    target.keySet().removeAll(moving);
    target.putAll(going);
    boolean somebodyLeaves =
        nodes.stream()
            .anyMatch(node -> node.state() == State.DEPARTING && target.containsValue(node.id()));
    int atOnce = somebodyLeaves ? settings.departuresAtOnce() : settings.movesAtOnce();
    List<Move> moves =
        new PlacementPlan(target, moving, settled(nodes, now))
            .moves(atOnce - moving.size() - leftAt.size(), settings.tolerance(), moved > 0);
    note(moves, atOnce);
    moves.forEach(move -> going.put(move.shard(), move.to()));
    return moves.stream().map(Move::shard).collect(Collectors.toSet());
  }

  private void note(List<Move> moves, int atOnce) {
    if (moved == 0 && !moves.isEmpty()) log.info("Shards move, {} at a time", atOnce);
    moved += moves.size();
    if (moved > 0 && moves.isEmpty() && going.isEmpty()) {
      log.info("{} shards have moved", moved);
      moved = 0;
    }
  }

  /** Nodes that have changed a moment ago are left alone, so that what flaps moves nothing. */
  private List<Node> settled(List<Node> nodes, long now) {
    Map<String, Seen> before = Map.copyOf(seen);
    seen.clear();
    List<Node> settled = new ArrayList<>();
    for (Node node : nodes) {
      Seen last = before.get(node.id());
      long since = last != null && last.node().equals(node) ? last.since() : now;
      seen.put(node.id(), new Seen(node, since));
      boolean changing = node.state() == State.UP && now - since < settings.settleAfter().toNanos();
      settled.add(changing ? unsettled(node) : node);
    }
    return settled;
  }

  private static Node unsettled(Node node) {
    return new Node(node.id(), node.zone(), node.weight(), node.version(), State.UNSETTLED);
  }
}
