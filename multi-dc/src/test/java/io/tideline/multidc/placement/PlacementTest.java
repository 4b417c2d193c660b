package io.tideline.multidc.placement;

import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.multidc.placement.PlacementPlan.Node;
import io.tideline.multidc.placement.PlacementPlan.State;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class PlacementTest {
  private final SimulatedShards cell = new SimulatedShards(300, 1);

  private void threeZonesOfTwo() {
    for (String zone : List.of("a", "b", "c")) {
      cell.join(zone, 100);
      cell.join(zone, 100);
    }
    cell.settle();
  }

  @Test
  void shards_that_nobody_has_had_are_spread_without_a_move() {
    threeZonesOfTwo();
    assertThat(cell.countsByZone()).isEqualTo(Map.of("a", 100L, "b", 100L, "c", 100L));
    assertThat(cell.moves).isZero();
  }

  @Test
  void a_drained_zone_ends_empty_and_only_its_shards_move_once() {
    threeZonesOfTwo();
    cell.drainZone("b");
    cell.settle();
    assertThat(cell.countsByZone()).isEqualTo(Map.of("a", 150L, "c", 150L));
    assertThat(cell.moves).isEqualTo(100);
  }

  @Test
  void a_zone_that_is_drained_no_more_gets_its_share_again() {
    threeZonesOfTwo();
    cell.drainZone("b");
    cell.settle();
    cell.ids("b").forEach(id -> cell.weigh(id, 100));
    cell.settle();
    assertThat(cell.countsByZone()).isEqualTo(Map.of("a", 100L, "b", 100L, "c", 100L));
    assertThat(cell.moves).isEqualTo(200);
  }

  @Test
  void a_node_that_departs_is_empty_soon_although_all_others_have_just_come() {
    String oldest = cell.join("a", 100);
    cell.second();
    cell.join("b", 100);
    cell.join("c", 100);
    cell.depart(oldest);
    cell.seconds(2);
    assertThat(cell.count(oldest)).isLessThan(300);
    cell.seconds(48);
    assertThat(cell.countsByZone()).isEqualTo(Map.of("b", 150L, "c", 150L));
    assertThat(cell.timesMoved.values()).containsOnly(1);
  }

  @Test
  void a_shard_is_on_its_way_until_it_has_a_home_or_nobody_asks_for_it() {
    var placement = new Placement(new PlacementSettings(2, 3, Duration.ZERO, 0.05));
    List<Node> nodes =
        List.of(SimulatedShards.node("from", "a", 0), SimulatedShards.node("to", "a", 100));
    Map<String, String> before = Map.of("1", "from", "2", "from", "3", "from", "4", "from");
    assertThat(placement.moves(before, Set.of(), nodes, 0)).containsExactlyInAnyOrder("1", "2");
    Map<String, String> left = Map.of("3", "from", "4", "from");
    long soon = Duration.ofMillis(100).toNanos();
    assertThat(placement.moves(left, Set.of(), nodes, soon)).isEmpty();
    Map<String, String> oneHasArrived = Map.of("1", "to", "3", "from", "4", "from");
    assertThat(placement.moves(oneHasArrived, Set.of(), nodes, 2 * soon)).containsExactly("3");
    assertThat(placement.moves(oneHasArrived, Set.of("3"), nodes, 5 * soon)).containsExactly("4");
  }

  @Test
  void a_node_that_is_about_to_leave_gives_up_more_at_once() {
    var placement = new Placement(new PlacementSettings(1, 3, Duration.ZERO, 0.05));
    Node leaves =
        new Node("from", "a", 0, SimulatedShards.node("to", "a", 1).version(), State.DEPARTING);
    List<Node> nodes = List.of(leaves, SimulatedShards.node("to", "a", 100));
    Map<String, String> all = Map.of("1", "from", "2", "from", "3", "from", "4", "from");
    assertThat(placement.moves(all, Set.of(), nodes, 0)).hasSize(3);
  }

  @Test
  void while_all_nodes_are_drained_shards_stay_and_new_ones_find_a_home() {
    cell.join("a", 0);
    cell.join("a", 0);
    cell.settle();
    assertThat(cell.nodes()).allMatch(node -> cell.count(node.id()) == 150);
    assertThat(cell.moves).isZero();
  }

  @Test
  void a_node_that_comes_and_goes_moves_nothing() {
    threeZonesOfTwo();
    for (int i = 0; i < 20; i++) {
      String flapping = cell.join("a", 100);
      cell.seconds(8);
      cell.crash(flapping);
      cell.seconds(8);
    }
    assertThat(cell.moves).isZero();
  }

  @Test
  void a_node_that_is_reached_now_and_then_keeps_its_shards_and_gets_none() {
    threeZonesOfTwo();
    String flapping = cell.ids("a").get(0);
    for (int i = 0; i < 20; i++) {
      cell.reach(flapping, false);
      cell.seconds(4);
      cell.reach(flapping, true);
      cell.seconds(8);
    }
    assertThat(cell.moves).isZero();
    assertThat(cell.count(flapping)).isEqualTo(50);
  }

  @Test
  void a_weight_that_is_toggled_moves_nothing() {
    threeZonesOfTwo();
    String toggled = cell.ids("a").get(0);
    for (int weight : new int[] {0, 100, 1_000, 100, 1, 100, 0, 100}) {
      cell.weigh(toggled, weight);
      cell.seconds(8);
    }
    cell.settle();
    assertThat(cell.moves).isZero();
  }

  @Test
  void a_small_change_of_weight_is_not_worth_a_move() {
    threeZonesOfTwo();
    cell.weigh(cell.ids("a").get(0), 105);
    cell.settle();
    assertThat(cell.moves).isZero();
  }

  @Test
  void shards_of_a_crashed_node_move_back_once_it_has_been_there_for_a_while() {
    threeZonesOfTwo();
    cell.crash(cell.ids("c").get(0));
    cell.seconds(30);
    assertThat(cell.moves).isZero();
    cell.join("c", 100);
    cell.settle();
    assertThat(cell.nodes()).allMatch(node -> cell.count(node.id()) == 50);
    assertThat(cell.moves).isEqualTo(50);
  }

  @Property(tries = 60)
  void whatever_happens_it_ends_balanced_with_each_shard_in_one_place(
      @ForAll @Size(min = 1, max = 12) List<@IntRange(min = 0, max = 9_999) Integer> days,
      @ForAll long seed) {
    SimulatedShards cell = new SimulatedShards(120, seed);
    for (String zone : List.of("a", "a", "b", "c")) cell.join(zone, 100);
    cell.settle();
    for (int day : days) badDay(cell, day);
    cell.nodes().forEach(node -> cell.reach(node.id(), true));
    cell.settle();
    assertThat(cell.table).hasSize(120);
    List<Node> weighing = cell.nodes().stream().filter(node -> node.weight() > 0).toList();
    if (weighing.isEmpty()) return;
    assertThat(cell.table.values()).isSubsetOf(weighing.stream().map(Node::id).toList());
    int moves = cell.moves;
    cell.seconds(60);
    assertThat(cell.moves).isEqualTo(moves);
  }

  private static void badDay(SimulatedShards cell, int day) {
    List<Node> nodes = cell.nodes();
    String id = nodes.get(day / 10 % nodes.size()).id();
    switch (day % 10) {
      case 0, 1 -> cell.join(List.of("a", "b", "c").get(day / 10 % 3), 50 + day / 10 % 100);
      case 2, 3 -> {
        if (nodes.size() > 1) cell.crash(id);
      }
      case 4, 5 -> cell.weigh(id, 0);
      case 6 -> cell.weigh(id, 100);
      case 7 -> cell.weigh(id, 1 + day / 10);
      case 8 -> cell.reach(id, false);
      default -> cell.reach(id, true);
    }
    // Nobody homeless can be helped while nobody is reached.
    if (cell.nodes().stream().allMatch(node -> node.state() != PlacementPlan.State.UP))
      cell.reach(cell.nodes().get(0).id(), true);
    cell.seconds(1 + day % 30);
  }
}
