package io.tideline.node.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.tideline.node.ops.Topology.Node;
import io.tideline.node.ops.Topology.State;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TopologyTest {
  @Test
  void zones_are_skewed_by_how_much_they_have_for_their_weight() {
    List<Node> even = List.of(node("1", "a", 100), node("2", "b", 50), node("3", "b", 50));
    assertThat(skew(even, "1", "1", "2", "3")).isZero();
    assertThat(skew(even, "1", "1", "1", "1", "1", "1", "2", "3")).isCloseTo(1, within(1e-9));
    assertThat(skew(List.of(node("1", "a", 100), node("2", "b", 300)), "1", "2", "2", "2"))
        .isZero();
  }

  @Test
  void zones_that_are_no_two_shards_off_their_shares_are_not_skewed() {
    List<Node> three = List.of(node("1", "a", 100), node("2", "b", 100), node("3", "c", 100));
    assertThat(skew(three, "1", "1", "2", "3")).isZero();
    assertThat(skew(three, "1", "1", "2", "2")).as("nothing moves").isZero();
    assertThat(skew(three, "1", "1", "1")).isCloseTo(3, within(1e-9));
  }

  @Test
  void zones_that_take_nothing_do_not_count() {
    List<Node> nodes = List.of(node("1", "a", 100), node("2", "b", 0), node("3", "c", 100));
    assertThat(skew(nodes, "1", "3")).isZero();
    assertThat(skew(nodes, "1", "3", "2")).isZero();
  }

  @Test
  void where_there_is_nothing_there_is_no_skew() {
    assertThat(skew(List.of())).isZero();
    assertThat(skew(List.of(node("1", "a", 100), node("2", "b", 100)))).isZero();
  }

  @Test
  void a_node_knows_whether_it_is_with_the_fewer() {
    Node up = node("1", "a", 100);
    Node away = new Node("2", "cell", "b", "host:2", "1.0", State.UNREACHABLE, 100);
    assertThat(reachesHalf()).isTrue();
    assertThat(reachesHalf(up, up, away)).isTrue();
    assertThat(reachesHalf(up, away)).isTrue();
    assertThat(reachesHalf(up, away, away)).isFalse();
  }

  @Test
  void shards_of_those_who_are_nobody_are_no_users() {
    List<Node> nodes = List.of(node("1", "a", 100), node("2", "b", 100));
    assertThat(new Topology(1, nodes, 9, Map.of()).hasUsers()).isFalse();
    assertThat(new Topology(1, nodes, 9, Map.of(3, "1", 5, "1")).hasUsers()).isFalse();
    assertThat(new Topology(1, nodes, 9, Map.of(3, "1", 5, "1", 7, "2")).hasUsers()).isTrue();
  }

  private static boolean reachesHalf(Node... nodes) {
    return new Topology(1, List.of(nodes), 1, Map.of()).reachesHalf();
  }

  private static Node node(String id, String zone, int weight) {
    return new Node(id, "cell", zone, "host:" + id, "1.0", State.UP, weight);
  }

  private static double skew(List<Node> nodes, String... owners) {
    Map<Integer, String> table = new HashMap<>();
    for (String owner : owners) table.put(table.size(), owner);
    return new Topology(1, nodes, owners.length, table).zoneSkew();
  }
}
