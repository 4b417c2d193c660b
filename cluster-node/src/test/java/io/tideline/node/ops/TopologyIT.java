package io.tideline.node.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.tideline.multidc.fence.Fence;
import io.tideline.multidc.placement.Weights;
import io.tideline.protocols.UserId;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;
import org.apache.pekko.cluster.sharding.typed.javadsl.Entity;
import org.apache.pekko.cluster.sharding.typed.javadsl.EntityTypeKey;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Leave;
import org.apache.pekko.stream.javadsl.Sink;
import org.apache.pekko.stream.javadsl.SinkQueueWithCancel;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class TopologyIT {
  private static final EntityTypeKey<UserId> USERS = EntityTypeKey.create(UserId.class, "Where");
  private static final List<UserId> PEOPLE =
      IntStream.range(0, 50).mapToObj(i -> new UserId("user-" + i)).toList();

  @Test
  void every_node_knows_where_each_user_is_also_after_one_has_left() throws Exception {
    try (TestCell cell = TestCell.ofNodes(3, "pekko.cluster.sharding.number-of-shards = 30")) {
      AtomicLong moves = new AtomicLong();
      List<TopologyFollower> followers =
          IntStream.range(0, 3).mapToObj(i -> start(cell.node(i), moves)).toList();
      PEOPLE.forEach(user -> visit(cell.node(0), user));
      await()
          .atMost(Duration.ofSeconds(20))
          .untilAsserted(() -> assertEveryUserIsFound(followers, 3));

      Topology topology = followers.get(0).current();
      assertThat(topology.shardCount()).isEqualTo(30);
      assertThat(topology.nodes())
          .extracting(Topology.Node::availabilityZone)
          .containsExactlyInAnyOrder("a", "b", "c");
      assertThat(topology.nodes()).allMatch(node -> node.state() == Topology.State.UP);
      assertThat(topology.nodes()).allMatch(node -> node.cell().equals("local"));

      SinkQueueWithCancel<Topology> watch =
          followers.get(1).changes().runWith(Sink.queue(), cell.node(1));
      Topology seen = next(watch);
      assertThat(seen.nodes()).hasSize(3);

      Cluster leaving = Cluster.get(cell.node(2));
      leaving.manager().tell(Leave.create(leaving.selfMember().address()));
      PEOPLE.forEach(user -> visit(cell.node(0), user));
      await()
          .atMost(Duration.ofSeconds(40))
          .pollInterval(Duration.ofSeconds(1))
          .untilAsserted(
              () -> {
                PEOPLE.forEach(user -> visit(cell.node(0), user));
                assertEveryUserIsFound(followers.subList(0, 2), 2);
              });
      assertThat(moves).hasPositiveValue();
      assertThat(next(watch).epoch()).isGreaterThan(seen.epoch());
    }
  }

  @Test
  void the_fence_is_open_on_each_node_of_a_cell_and_its_clocks_agree() throws Exception {
    try (TestCell cell = TestCell.ofNodes(2, "")) {
      List<Fence> fences = List.of(Fence.start(cell.node(0)), Fence.start(cell.node(1)));
      await().atMost(Duration.ofSeconds(10)).until(() -> fences.stream().allMatch(Fence::open));
      assertThat(fences).noneMatch(Fence::clockOff);
      assertThat(fences).allMatch(fence -> fence.clockOffset().abs().toMillis() < 500);
    }
  }

  private static void assertEveryUserIsFound(List<TopologyFollower> followers, int nodes) {
    for (TopologyFollower follower : followers) {
      Topology topology = follower.current();
      assertThat(topology.nodes()).hasSize(nodes);
      for (UserId user : PEOPLE)
        assertThat(follower.grpcAddressOfOwner(user))
            .isPresent()
            .isEqualTo(followers.get(0).grpcAddressOfOwner(user));
    }
    assertThat(
            PEOPLE.stream().map(followers.get(0)::grpcAddressOfOwner).map(Optional::get).distinct())
        .hasSize(nodes);
  }

  private static Topology next(SinkQueueWithCancel<Topology> watch) throws Exception {
    return watch.pull().toCompletableFuture().get(20, java.util.concurrent.TimeUnit.SECONDS).get();
  }

  private static TopologyFollower start(ActorSystem<?> system, AtomicLong moves) {
    ClusterSharding.get(system).init(Entity.of(USERS, entity -> visitor()));
    return TopologyFollower.start(
        system, "local", USERS, () -> Weights.NONE, nanos -> moves.incrementAndGet());
  }

  private static Behavior<UserId> visitor() {
    return Behaviors.receiveMessage(visit -> Behaviors.same());
  }

  private static void visit(ActorSystem<?> system, UserId user) {
    ClusterSharding.get(system).entityRefFor(USERS, user.value()).tell(user);
  }
}
