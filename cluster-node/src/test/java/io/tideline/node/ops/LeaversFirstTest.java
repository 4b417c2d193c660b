package io.tideline.node.ops;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.apache.pekko.actor.ActorRef;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.cluster.sharding.ShardCoordinator.AbstractShardAllocationStrategy;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import scala.collection.immutable.IndexedSeq;
import scala.concurrent.Await;
import scala.concurrent.Future;
import scala.concurrent.duration.Duration;
import scala.jdk.javaapi.CollectionConverters;

class LeaversFirstTest {
  private static final ActorTestKit KIT = ActorTestKit.create("LeaversFirstTest");

  private final ActorRef one = region();
  private final ActorRef two = region();
  private final Set<ActorRef> leaving = new HashSet<>();
  private final Fullest others = new Fullest();
  private final LeaversFirst strategy = new LeaversFirst(others, leaving::contains);

  /** Puts everything where most is, and moves one shard, so that it is seen when it is asked. */
  private static final class Fullest extends AbstractShardAllocationStrategy {
    @Override
    public Future<ActorRef> allocateShard(
        ActorRef requester, String shard, Map<ActorRef, IndexedSeq<String>> regions) {
      return Future.successful(
          regions.entrySet().stream()
              .max((a, b) -> Integer.compare(a.getValue().size(), b.getValue().size()))
              .orElseThrow()
              .getKey());
    }

    @Override
    public Future<Set<String>> rebalance(
        Map<ActorRef, IndexedSeq<String>> regions, Set<String> moving) {
      return Future.successful(Set.of("asked"));
    }
  }

  @AfterAll
  static void stop() {
    KIT.shutdownTestKit();
  }

  private static ActorRef region() {
    return Adapter.toClassic(KIT.createTestProbe().getRef());
  }

  private static Map<ActorRef, IndexedSeq<String>> table(
      ActorRef one, int shards, ActorRef two, int more) {
    Map<ActorRef, IndexedSeq<String>> table = new HashMap<>();
    table.put(one, shards("a", shards));
    table.put(two, shards("b", more));
    return table;
  }

  private static IndexedSeq<String> shards(String name, int count) {
    return CollectionConverters.asScala(IntStream.range(0, count).mapToObj(i -> name + i).toList())
        .toIndexedSeq();
  }

  private static <T> T now(Future<T> future) throws Exception {
    return Await.result(future, Duration.create(5, TimeUnit.SECONDS));
  }

  @Test
  void while_nobody_leaves_others_decide() throws Exception {
    assertThat(now(strategy.rebalance(table(one, 100, two, 1), Set.of()))).containsExactly("asked");
    assertThat(now(strategy.allocateShard(two, "new", table(one, 100, two, 1)))).isEqualTo(one);
  }

  @Test
  void who_leaves_gets_nothing_any_more() throws Exception {
    leaving.add(one);
    assertThat(now(strategy.allocateShard(one, "new", table(one, 100, two, 1)))).isEqualTo(two);
  }

  @Test
  void who_leaves_gives_some_at_a_time_and_few_at_first() throws Exception {
    leaving.add(one);
    Map<ActorRef, IndexedSeq<String>> table = table(one, 100, two, 1);
    List<Integer> given = new ArrayList<>();
    for (int i = 0; i < 7; i++) {
      Set<String> shards = now(strategy.rebalance(table, Set.of()));
      assertThat(shards).allMatch(shard -> shard.startsWith("a"));
      given.add(shards.size());
    }
    assertThat(given).containsExactly(2, 2, 4, 8, 16, 20, 20);

    Set<String> moving = Set.of("a1", "a2", "b7");
    assertThat(now(strategy.rebalance(table, moving)))
        .hasSize(17)
        .doesNotContainAnyElementsOf(moving);
    assertThat(now(strategy.rebalance(table(one, 5, two, 1), Set.of()))).hasSize(5);
  }

  @Test
  void who_has_nothing_left_holds_nobody_up() throws Exception {
    leaving.add(one);
    assertThat(now(strategy.rebalance(table(one, 0, two, 9), Set.of()))).containsExactly("asked");
  }

  @Test
  void when_all_leave_nothing_moves_to_and_fro() throws Exception {
    leaving.addAll(Set.of(one, two));
    assertThat(now(strategy.allocateShard(two, "new", table(one, 100, two, 1)))).isEqualTo(one);
    assertThat(now(strategy.rebalance(table(one, 0, two, 9), Set.of()))).containsExactly("asked");
  }
}
