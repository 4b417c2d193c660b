package io.tideline.multidc.placement;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.multidc.placement.PlacementPlan.Node;
import io.tideline.multidc.placement.PlacementPlan.State;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.pekko.util.Version;

/** A coordinator of shards and its nodes, a second at a time. */
final class SimulatedShards {
  static final PlacementSettings SETTINGS =
      new PlacementSettings(10, 12, Duration.ofSeconds(10), 0.05);

  final Map<String, String> table = new TreeMap<>();
  final Map<String, Integer> timesMoved = new HashMap<>();
  int moves;
  private final Map<String, Node> nodes = new TreeMap<>();
  private final Set<String> moving = new TreeSet<>();
  private final Placement placement = new Placement(SETTINGS);
  private final Random random;
  private final int shards;
  private int seconds;
  private int lives;

  SimulatedShards(int shards, long seed) {
    this.shards = shards;
    this.random = new Random(seed);
  }

  static Node node(String id, String zone, int weight) {
    return new Node(id, zone, weight, Version.apply("1.0"), State.UP);
  }

  /** Each life of a node has an id of its own. */
  String join(String zone, int weight) {
    String id = zone + "#" + lives++;
    nodes.put(id, node(id, zone, weight));
    return id;
  }

  void crash(String id) {
    nodes.remove(id);
    table.values().removeIf(id::equals);
    moving.retainAll(table.keySet());
  }

  void weigh(String id, int weight) {
    Node node = requireNonNull(nodes.get(id));
    nodes.put(id, new Node(id, node.zone(), weight, node.version(), node.state()));
  }

  void drainZone(String zone) {
    ids(zone).forEach(id -> weigh(id, 0));
  }

  void depart(String id) {
    Node node = requireNonNull(nodes.get(id));
    nodes.put(id, new Node(id, node.zone(), 0, node.version(), State.DEPARTING));
  }

  void reach(String id, boolean reachable) {
    Node node = requireNonNull(nodes.get(id));
    State state = reachable ? State.UP : State.UNREACHABLE;
    nodes.put(id, new Node(id, node.zone(), node.weight(), node.version(), state));
  }

  List<String> ids(String zone) {
    return nodes.values().stream().filter(node -> node.zone().equals(zone)).map(Node::id).toList();
  }

  List<Node> nodes() {
    return List.copyOf(nodes.values());
  }

  long count(String id) {
    return table.values().stream().filter(id::equals).count();
  }

  /** Every shard is asked for, what moves arrives sooner or later, and shards are told to move. */
  void second() {
    seconds++;
    for (String shard : List.copyOf(moving)) {
      if (random.nextInt(4) == 0) continue;
      moving.remove(shard);
      table.remove(shard);
      place(shard);
    }
    for (int shard = 0; shard < shards; shard++)
      if (!table.containsKey("" + shard)) place("" + shard);
    Set<String> told = placement.moves(table, Set.copyOf(moving), nodes(), now());
    told.forEach(shard -> timesMoved.merge(shard, 1, Integer::sum));
    moves += told.size();
    assertThat(told).noneMatch(moving::contains);
    moving.addAll(told);
    boolean departing = nodes().stream().anyMatch(node -> node.state() == State.DEPARTING);
    int most = departing ? SETTINGS.departuresAtOnce() : SETTINGS.movesAtOnce();
    if (!told.isEmpty()) assertThat(moving.size()).isLessThanOrEqualTo(most);
  }

  private void place(String shard) {
    String home = placement.home(shard, Map.copyOf(table), nodes(), now()).orElseThrow();
    assertThat(nodes).containsKey(home);
    table.put(shard, home);
  }

  void seconds(int count) {
    for (int i = 0; i < count; i++) second();
  }

  /** Returns when nothing has moved for long enough that nothing will. */
  void settle() {
    int quiet = 0;
    for (int i = 0; i < 1_000 && quiet < 15; i++) {
      int before = moves;
      second();
      quiet = moves == before && moving.isEmpty() ? quiet + 1 : 0;
    }
    assertThat(quiet).as("seconds without a move").isEqualTo(15);
  }

  private long now() {
    return Duration.ofSeconds(seconds).toNanos();
  }

  Map<String, Long> countsByZone() {
    List<String> owners = new ArrayList<>(table.values());
    return owners.stream()
        .map(nodes::get)
        .collect(Collectors.groupingBy(Node::zone, TreeMap::new, Collectors.counting()));
  }
}
