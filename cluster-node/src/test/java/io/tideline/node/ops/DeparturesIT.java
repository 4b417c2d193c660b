package io.tideline.node.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.tideline.multidc.placement.PlacementSettings;
import io.tideline.multidc.placement.PlanAllocationStrategy;
import io.tideline.multidc.placement.Weights;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.AskPattern;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.sharding.ShardRegion.CurrentShardRegionState;
import org.apache.pekko.cluster.sharding.typed.ClusterShardingQuery;
import org.apache.pekko.cluster.sharding.typed.GetShardRegionState;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;
import org.apache.pekko.cluster.sharding.typed.javadsl.Entity;
import org.apache.pekko.cluster.sharding.typed.javadsl.EntityTypeKey;
import org.apache.pekko.cluster.typed.Cluster;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(120)
@Tag("alone")
class DeparturesIT {
  private static final EntityTypeKey<String> USERS = EntityTypeKey.create(String.class, "Leave");
  private static final int LEAVING = 1;

  /** Ends as a process does that is killed. */
  private static final String ABRUPTLY =
      """
      pekko.cluster.sharding.number-of-shards = 30
      pekko.coordinated-shutdown.run-by-actor-system-terminate = off
      pekko.cluster.run-coordinated-shutdown-when-down = off
      """;

  @ParameterizedTest(name = "lost: {0}")
  @ValueSource(ints = {2, 0})
  void a_node_that_leaves_hands_over_all_shards_also_when_another_one_is_lost_meanwhile(int lost)
      throws Exception {
    try (TestCell cell = TestCell.ofNodes(3, ABRUPTLY)) {
      List<Departures> departures =
          IntStream.range(0, 3).mapToObj(i -> start(cell.node(i))).toList();
      ActorSystem<?> leaving = cell.node(LEAVING);
      ClusterSharding users = ClusterSharding.get(leaving);
      for (int i = 0; i < 300; i++) users.entityRefFor(USERS, "user-" + i).tell("hello");
      await().atMost(Duration.ofSeconds(20)).until(() -> shards(leaving) >= 5);

      cell.node(lost).terminate();
      await()
          .atMost(Duration.ofSeconds(20))
          .until(() -> !Cluster.get(leaving).state().getUnreachable().isEmpty());
      departures
          .get(LEAVING)
          .handOver(USERS, Duration.ofSeconds(45))
          .toCompletableFuture()
          .get(50, TimeUnit.SECONDS);

      assertThat(shards(leaving)).isZero();
    }
  }

  private static Departures start(ActorSystem<?> system) {
    Departures departures = Departures.start(system);
    PlanAllocationStrategy placing =
        new PlanAllocationStrategy(
            system,
            PlacementSettings.from(system.settings().config()),
            () -> Weights.NONE,
            departures::isLeaving);
    ClusterSharding.get(system)
        .init(Entity.of(USERS, entity -> user()).withAllocationStrategy(placing));
    return departures;
  }

  private static Behavior<String> user() {
    return Behaviors.receiveMessage(message -> Behaviors.same());
  }

  private static int shards(ActorSystem<?> system) throws Exception {
    return AskPattern.<ClusterShardingQuery, CurrentShardRegionState>ask(
            ClusterSharding.get(system).shardState(),
            replyTo -> new GetShardRegionState(USERS, replyTo),
            Duration.ofSeconds(3),
            system.scheduler())
        .toCompletableFuture()
        .get(4, TimeUnit.SECONDS)
        .getShards()
        .size();
  }
}
