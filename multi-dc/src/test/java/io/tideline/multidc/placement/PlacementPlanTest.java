package io.tideline.multidc.placement;

import static java.util.stream.Collectors.groupingBy;
import static java.util.stream.Collectors.summingInt;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.tideline.multidc.placement.PlacementPlan.Move;
import io.tideline.multidc.placement.PlacementPlan.Node;
import io.tideline.multidc.placement.PlacementPlan.State;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;
import org.apache.pekko.util.Version;
import org.junit.jupiter.api.Test;

class PlacementPlanTest {
  private static final Version OLD = Version.apply("1.9");
  private static final Version NEW = Version.apply("1.10");

  /** Some nodes, and where some shards are. */
  record Cell(List<Node> nodes, Map<String, String> table) {
    Cell {
      table = new TreeMap<>(table);
    }

    PlacementPlan plan() {
      return new PlacementPlan(table, Set.of(), nodes);
    }

    int count(String id) {
      return (int) table.values().stream().filter(id::equals).count();
    }

    int count(List<Node> some) {
      return some.stream().mapToInt(node -> count(node.id())).sum();
    }

    List<Node> weighing() {
      return nodes.stream().filter(node -> node.weight() > 0).toList();
    }

    Map<String, List<Node>> zones() {
      return weighing().stream().collect(groupingBy(Node::zone));
    }

    Node node(String id) {
      return nodes.stream().filter(node -> node.id().equals(id)).findFirst().orElseThrow();
    }

    /** Lets shards move, some at a time, until none has to; returns all moves. */
    List<Move> converge(int atOnce) {
      List<Move> all = new ArrayList<>();
      while (true) {
        List<Move> moves = plan().moves(atOnce, 0, true);
        if (moves.isEmpty()) return all;
        assertThat(moves).hasSizeLessThanOrEqualTo(atOnce);
        moves.forEach(this::carryOut);
        all.addAll(moves);
        assertThat(all).hasSizeLessThanOrEqualTo(2 * table.size());
      }
    }

    private void carryOut(Move move) {
      assertThat(table.put(move.shard(), move.to())).isEqualTo(move.from());
    }
  }

  @Property(tries = 1_000)
  void zones_and_nodes_end_with_their_share_by_weight(@ForAll("cells") Cell cell) {
    cell.converge(10);
    List<Node> weighing = cell.weighing();
    if (weighing.isEmpty()) return;
    long all = weight(weighing);
    cell.zones()
        .values()
        .forEach(
            zone -> {
              int has = cell.count(zone);
              assertOneOff(has, (double) cell.table().size() * weight(zone) / all);
              zone.forEach(
                  node ->
                      assertOneOff(
                          cell.count(node.id()), (double) has * node.weight() / weight(zone)));
            });
  }

  private static void assertOneOff(int count, double share) {
    assertThat((double) count).isCloseTo(share, within(1 - 1e-9));
  }

  @Property(tries = 1_000)
  void no_shard_moves_twice_and_none_that_could_stay(@ForAll("cells") Cell cell) {
    int least = shardsThatCannotStay(cell);
    List<Move> moves = cell.converge(10);
    assertThat(moves).extracting(Move::shard).doesNotHaveDuplicates();
    // Rounding a zone and then its nodes can cost each node one shard more.
    assertThat(moves).hasSizeBetween(least, least + cell.nodes().size());
  }

  /** What is above the highest share that a node can have, however shares are rounded. */
  private static int shardsThatCannotStay(Cell cell) {
    long all = weight(cell.weighing());
    if (all == 0) return 0;
    int most = 0;
    for (Node node : cell.nodes()) {
      double share = 0;
      if (node.weight() > 0) {
        List<Node> zone = cell.zones().getOrDefault(node.zone(), List.of());
        double ofZone = Math.ceil((double) cell.table().size() * weight(zone) / all - 1e-9);
        share = Math.ceil(ofZone * node.weight() / weight(zone) - 1e-9);
      }
      most += (int) Math.max(0, cell.count(node.id()) - share);
    }
    return most;
  }

  @Property(tries = 1_000)
  void what_is_balanced_stays(@ForAll("cells") Cell cell) {
    cell.converge(1_000);
    assertThat(cell.plan().moves(10, 0, true)).isEmpty();
    assertThat(cell.plan().moves(10, 0.05, false)).isEmpty();
  }

  @Property(tries = 500)
  void how_many_move_at_once_does_not_change_how_many_move(@ForAll("cells") Cell cell) {
    Cell same = new Cell(cell.nodes(), cell.table());
    assertThat(cell.converge(3)).hasSameSizeAs(same.converge(1_000));
  }

  @Property(tries = 500)
  void drained_nodes_end_empty_when_any_other_may_take(@ForAll("mixedCells") Cell cell) {
    cell.converge(7);
    if (cell.weighing().isEmpty()) return;
    assertThat(cell.nodes())
        .filteredOn(node -> node.weight() == 0)
        .allMatch(node -> cell.count(node.id()) == 0);
  }

  @Property(tries = 500)
  void while_versions_differ_shards_go_to_the_one_that_came_last(@ForAll("mixedCells") Cell cell) {
    Map<String, String> before = Map.copyOf(cell.table());
    Optional<Version> latest =
        cell.weighing().stream().map(Node::version).reduce((older, later) -> later);
    for (Move move : cell.converge(7)) {
      assertThat(before.get(move.shard())).isEqualTo(move.from());
      assertThat(cell.node(move.to()).version()).isEqualTo(latest.orElseThrow());
    }
    Node home = cell.node(cell.plan().homeForOneMore().orElseThrow());
    assertThat(home.version()).isEqualTo(latest.orElse(home.version()));
  }

  @Property(tries = 500)
  void every_shard_has_a_home_on_a_node_that_weighs_something(@ForAll("mixedCells") Cell cell) {
    Map<String, String> table = new HashMap<>();
    for (int shard = 0; shard < 50; shard++) {
      String home = new PlacementPlan(table, Set.of(), cell.nodes()).homeForOneMore().orElseThrow();
      table.put("" + shard, home);
      if (!cell.weighing().isEmpty()) assertThat(cell.node(home).weight()).isPositive();
    }
  }

  @Property(tries = 500)
  void a_cell_that_fills_up_is_balanced_all_the_time(@ForAll("cells") Cell cell) {
    Map<String, String> table = new HashMap<>();
    for (int shard = 0; shard < 100; shard++) {
      PlacementPlan plan = new PlacementPlan(table, Set.of(), cell.nodes());
      assertThat(plan.moves(10, 0, true)).isEmpty();
      table.put("" + shard, plan.homeForOneMore().orElseThrow());
    }
  }

  @Property(tries = 500)
  void shards_on_their_way_are_left_alone(@ForAll("cells") Cell cell) {
    Set<String> moving = Set.of("1", "2", "3", "5", "8");
    assertThat(new PlacementPlan(cell.table(), moving, cell.nodes()).moves(1_000, 0, true))
        .extracting(Move::shard)
        .doesNotContainAnyElementsOf(moving);
  }

  @Property(tries = 200)
  void nothing_moves_while_a_node_is_on_its_way_in_or_cannot_be_reached(
      @ForAll("cells") Cell cell, @ForAll boolean joining) {
    List<Node> more = new ArrayList<>(cell.nodes());
    State state = joining ? State.JOINING : State.UNREACHABLE;
    more.add(new Node("other", "a", 100, NEW, state));
    PlacementPlan plan = new PlacementPlan(cell.table(), Set.of(), more);
    assertThat(plan.moves(10, 0, true)).isEmpty();
    assertThat(plan.homeForOneMore()).isPresent().isNotEqualTo(Optional.of("other"));
  }

  @Test
  void a_node_that_has_just_come_takes_only_what_has_no_home() {
    List<Node> nodes =
        List.of(
            new Node("new", "a", 100, NEW, State.UNSETTLED),
            new Node("old", "a", 100, NEW, State.UP));
    PlacementPlan plan = new PlacementPlan(Map.of("1", "old", "2", "old"), Set.of(), nodes);
    assertThat(plan.moves(10, 0, true)).isEmpty();
    assertThat(plan.homeForOneMore()).contains("new");
  }

  @Test
  void nodes_that_leave_get_nothing_and_their_shards_are_not_counted() {
    List<Node> nodes =
        List.of(
            new Node("leaving", "a", 100, NEW, State.LEAVING),
            new Node("staying", "b", 100, NEW, State.UP));
    PlacementPlan plan = new PlacementPlan(Map.of("1", "leaving", "2", "staying"), Set.of(), nodes);
    assertThat(plan.moves(10, 0, true)).isEmpty();
    assertThat(plan.homeForOneMore()).contains("staying");
  }

  @Test
  void without_a_node_there_is_no_home() {
    assertThat(new PlacementPlan(Map.of(), Set.of(), List.of()).homeForOneMore()).isEmpty();
    assertThat(new PlacementPlan(Map.of(), Set.of(), List.of()).moves(10, 0, true)).isEmpty();
  }

  @Test
  void the_version_that_came_last_gets_what_a_drained_one_gives_away_even_beyond_its_share() {
    assertThat(homesOfTheDrained(OLD, NEW)).containsExactly("last", "last");
    assertThat(homesOfTheDrained(NEW, OLD))
        .as("an upgrade is taken back")
        .containsExactly("last", "last");
  }

  private static List<String> homesOfTheDrained(Version before, Version after) {
    List<Node> nodes =
        List.of(
            new Node("drained", "a", 0, before, State.UP),
            new Node("first", "b", 100, before, State.UP),
            new Node("last", "c", 100, after, State.UP));
    Cell cell = new Cell(nodes, Map.of("1", "drained", "2", "drained", "3", "first", "4", "last"));
    return cell.converge(10).stream().map(Move::to).toList();
  }

  @Provide
  Arbitrary<Cell> cells() {
    return cells(Arbitraries.just(NEW));
  }

  @Provide
  Arbitrary<Cell> mixedCells() {
    return cells(Arbitraries.of(OLD, NEW));
  }

  private static Arbitrary<Cell> cells(Arbitrary<Version> versions) {
    Arbitrary<Integer> weights =
        Arbitraries.frequencyOf(
            Tuple.of(2, Arbitraries.just(0)),
            Tuple.of(5, Arbitraries.just(100)),
            Tuple.of(3, Arbitraries.integers().between(1, 1_000)));
    Arbitrary<List<Node>> nodes =
        Combinators.combine(Arbitraries.of("a", "b", "c", "d"), weights, versions)
            .as((zone, weight, version) -> new Node(zone, zone, weight, version, State.UP))
            .list()
            .ofMinSize(1)
            .ofMaxSize(12)
            .map(PlacementPlanTest::withIds);
    Arbitrary<List<Integer>> owners =
        Arbitraries.integers().between(0, 99).list().ofMinSize(0).ofMaxSize(400);
    return Combinators.combine(nodes, owners).as(PlacementPlanTest::cell);
  }

  private static List<Node> withIds(List<Node> nodes) {
    List<Node> numbered = new ArrayList<>();
    for (Node node : nodes)
      numbered.add(
          new Node(
              node.zone() + numbered.size(),
              node.zone(),
              node.weight(),
              node.version(),
              node.state()));
    return numbered;
  }

  private static Cell cell(List<Node> nodes, List<Integer> owners) {
    Map<String, String> table = new TreeMap<>();
    // The square makes the first nodes have more.
    for (int owner : owners)
      table.put("" + table.size(), nodes.get(owner * owner * nodes.size() / 10_000).id());
    return new Cell(nodes, table);
  }

  private static long weight(List<Node> some) {
    return some.stream().collect(summingInt(Node::weight));
  }
}
