package io.tideline.client;

import static io.tideline.protocols.v1.NodeState.NODE_STATE_LEAVING;
import static io.tideline.protocols.v1.NodeState.NODE_STATE_UNREACHABLE;
import static io.tideline.protocols.v1.NodeState.NODE_STATE_UP;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.tideline.protocols.UserId;
import io.tideline.protocols.v1.Node;
import io.tideline.protocols.v1.NodeState;
import io.tideline.protocols.v1.Topology;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class TableTest {
  private static final int SHARDS = 30;

  /** The string whose hash has no absolute value. */
  private static final String NEGATIVE = "polygenelubricants";

  private final Table table =
      table(
          node("a1", "a", "1.0", NODE_STATE_UP),
          node("a2", "a", "1.0", NODE_STATE_UP),
          node("b1", "b", "1.1", NODE_STATE_UP),
          node("c1", "c", "1.0", NODE_STATE_LEAVING),
          node("c2", "c", "1.0", NODE_STATE_UNREACHABLE));

  @Test
  void what_an_owner_has_goes_to_the_owner_also_while_it_leaves() {
    for (int i = 0; i < 500; i++) {
      String user = "user-" + i;
      String owner = ownerAddress(user);
      if (owner.equals("c2")) continue;
      assertThat(pick(table, user, true, Set.of(), null)).isEqualTo(owner);
    }
  }

  @Test
  void what_no_owner_has_or_one_that_is_away_goes_to_those_that_are_up_and_near() {
    assertThat(drawn(user -> pick(table, user, false, Set.of(), null)))
        .containsOnlyKeys("a1", "a2")
        .allSatisfy((node, share) -> assertThat(share).isCloseTo(0.5, within(0.05)));
    String lost = userOf("c2");
    assertThat(drawn(user -> pick(table, lost, true, Set.of(), null))).containsOnlyKeys("a1", "a2");
  }

  @Test
  void a_node_that_has_failed_is_tried_last() {
    String user = userOf("a1");
    assertThat(pick(table, user, true, Set.of("a1"), null)).isEqualTo("a2");
    assertThat(pick(table, user, true, Set.of("a1", "a2"), null)).isEqualTo("b1");
    assertThat(pick(table, user, true, Set.of("a1", "a2", "b1"), null)).isEqualTo("a1");
  }

  @Test
  void users_of_a_canary_go_to_its_version_and_the_others_do_not() {
    Canary canary = new Canary("1.1", 0.2);
    assertThat(drawn(user -> pick(table, user, false, Set.of(), canary)).get("b1"))
        .isCloseTo(0.2, within(0.02));
    for (int i = 0; i < 500; i++) {
      String user = "user-" + i;
      String owner = ownerAddress(user);
      String picked = pick(table, user, true, Set.of(), canary);
      if (canary.has(user)) assertThat(picked).isEqualTo("b1");
      else if (!owner.equals("c2")) assertThat(picked).isEqualTo(owner);
    }
  }

  @Test
  void a_canary_that_nobody_runs_changes_nothing() {
    Canary canary = new Canary("2.0", 0.5);
    for (int i = 0; i < 500; i++) {
      String user = "user-" + i;
      if (!ownerAddress(user).equals("c2")) {
        assertThat(pick(table, user, true, Set.of(), canary)).isEqualTo(ownerAddress(user));
      }
    }
  }

  @Test
  void the_one_user_whose_shard_is_not_told_goes_anywhere() {
    assertThat(UserId.shardOf(NEGATIVE, SHARDS)).isNegative();
    assertThat(pick(table, NEGATIVE, true, Set.of(), null)).isIn("a1", "a2");
  }

  @Test
  void with_nobody_up_there_is_nobody_to_call() {
    Table empty = table(node("a1", "a", "1.0", NODE_STATE_UNREACHABLE));
    assertThat(empty.serves()).isFalse();
    assertThat(empty.pick("user", true, Set.of(), null, "a")).isNull();
  }

  @Test
  void a_cell_is_over_its_capacity_when_most_of_its_nodes_are() {
    Node busy = node("a1", "a", "1.0", NODE_STATE_UP).toBuilder().setOverCapacity(true).build();
    Node idle = node("a2", "a", "1.0", NODE_STATE_UP);
    assertThat(table(busy, idle).overCapacity()).isFalse();
    assertThat(table(busy, idle, busy).overCapacity()).isTrue();
    assertThat(table().overCapacity()).isFalse();
  }

  private static Map<String, Double> drawn(Function<String, String> pick) {
    int draws = 10_000;
    return IntStream.range(0, draws)
        .mapToObj(i -> pick.apply("user-" + i))
        .collect(Collectors.groupingBy(node -> node, Collectors.summingDouble(i -> 1.0 / draws)));
  }

  private String ownerAddress(String user) {
    return table.nodes().get(UserId.shardOf(user, SHARDS) % 5).getGrpcAddress();
  }

  private String userOf(String owner) {
    return IntStream.range(0, 1_000)
        .mapToObj(i -> "user-" + i)
        .filter(user -> ownerAddress(user).equals(owner))
        .findFirst()
        .orElseThrow();
  }

  private static String pick(
      Table table, String user, boolean owned, Set<String> tried, @Nullable Canary canary) {
    return requireNonNull(table.pick(user, owned, tried, canary, "a")).getGrpcAddress();
  }

  /** The nodes have the shards in turn. */
  private static Table table(Node... nodes) {
    Topology.Builder topology =
        Topology.newBuilder().addAllNodes(Arrays.asList(nodes)).setShardCount(SHARDS);
    for (int shard = 0; shard < SHARDS && nodes.length > 0; shard++) {
      topology.putShardOwners(shard, nodes[shard % nodes.length].getNodeId());
    }
    return new Table(topology.build());
  }

  private static Node node(String address, String zone, String version, NodeState state) {
    return Node.newBuilder()
        .setNodeId(address + "#1")
        .setCell("here")
        .setAvailabilityZone(zone)
        .setGrpcAddress(address)
        .setVersion(version)
        .setState(state)
        .build();
  }
}
