package io.tideline.node.ops;

import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.multidc.placement.Weights;
import io.tideline.multidc.placement.Weights.Entry;
import io.tideline.node.ops.Topology.Node;
import io.tideline.node.ops.Topology.State;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class PlacementRoutesTest {
  private static final Entry DRAINED = new Entry(100, true);
  private static final Entry WEIGHTLESS = new Entry(0, false);

  @Test
  void a_node_is_held_by_what_is_said_of_it_and_of_its_zone() {
    assertThat(whatHolds("host:1", Map.of())).isEmpty();
    assertThat(whatHolds("host:1", Map.of("b", DRAINED, "host:2", DRAINED))).isEmpty();
    assertThat(whatHolds("host:1", Map.of("a", DRAINED))).isEqualTo("a is drained");
    assertThat(whatHolds("host:1", Map.of("host:1", WEIGHTLESS, "a", DRAINED)))
        .isEqualTo("host:1 has weight 0, a is drained");
  }

  @Test
  void a_zone_is_held_by_what_is_said_of_it_and_of_each_of_its_nodes() {
    assertThat(whatHolds("a", Map.of("host:2", DRAINED, "host:3", DRAINED)))
        .isEqualTo("host:2 is drained");
    assertThat(whatHolds("a", Map.of("a", WEIGHTLESS))).isEqualTo("a has weight 0");
  }

  @Test
  void a_name_of_nobody_who_is_here_is_held_by_what_is_said_of_it() {
    assertThat(whatHolds("gone", Map.of("a", DRAINED))).isEmpty();
    assertThat(whatHolds("gone", Map.of("gone", WEIGHTLESS))).isEqualTo("gone has weight 0");
  }

  private static String whatHolds(String name, Map<String, Entry> said) {
    List<Node> nodes = List.of(node("host:1", "a"), node("host:2", "a"), node("host:3", "b"));
    return PlacementRoutes.whatHolds(name, new Weights(said), nodes);
  }

  private static Node node(String address, String zone) {
    return new Node("of " + address, "cell", zone, address, "1.0", State.UP, 100);
  }
}
