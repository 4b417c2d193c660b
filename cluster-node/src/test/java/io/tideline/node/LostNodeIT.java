package io.tideline.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.tideline.client.TidelineClient;
import io.tideline.protocols.v1.FollowManyRequest;
import io.tideline.protocols.v1.Node;
import io.tideline.protocols.v1.PostContent;
import io.tideline.protocols.v1.PublishRequest;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import io.tideline.protocols.v1.Topology;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/**
 * How long readers wait when a node with many resident timelines is lost, and while a zone is
 * drained. It takes some ten minutes and is asked for: {@code ./mvnw verify -pl cluster-node -am
 * -Dit.test=LostNodeIT -Dtest=none -Dsurefire.failIfNoSpecifiedTests=false
 * -Dfailsafe.failIfNoSpecifiedTests=false -DargLine.extra=-Dtideline.test.residents=30000}.
 */
@EnabledIfSystemProperty(named = "tideline.test.residents", matches = "[0-9]+")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
@Tag("alone")
class LostNodeIT {
  private static final int RESIDENTS = Integer.getInteger("tideline.test.residents", 0);
  private static final int SAMPLE = 1_000;
  private static final int AT_ONCE = 128;
  private static final Duration PATIENCE = Duration.ofMinutes(2);
  private static final int READS_PER_SECOND = 200;
  private static final List<String> AUTHORS =
      IntStream.range(0, 20).mapToObj(i -> "author-" + i).toList();
  private static final List<String> READERS =
      IntStream.range(0, 3 * RESIDENTS).mapToObj(i -> "reader-" + i).toList();

  private static TestCluster cluster;
  private static TestClient nodes;
  private static TidelineClient client;

  @BeforeAll
  static void start(@TempDir Path directory) {
    cluster = TestCluster.start(directory, 3, "1g");
    nodes = new TestClient(cluster.nodes());
    client =
        TidelineClient.builder()
            .cell(cluster.nodes().stream().map(ClusterNode::grpcAddress).toArray(String[]::new))
            .deadline(Duration.ofSeconds(60))
            .build();
    forEach(
        READERS,
        reader ->
            client.followMany(
                FollowManyRequest.newBuilder()
                    .setUserId(reader)
                    .addAllFolloweeIds(AUTHORS)
                    .build()));
    for (String author : AUTHORS) publish(author, "before");
    wakeAll();
  }

  @AfterAll
  static void stop() {
    client.close();
    nodes.close();
    cluster.close();
  }

  @Test
  @Order(1)
  void readers_of_a_drained_zone_wait_for_a_moment() throws Exception {
    ClusterNode drained = cluster.nodes().get(2);
    long before = shardsOf(drained);
    ConcurrentLinkedQueue<Long> nanos = new ConcurrentLinkedQueue<>();
    ConcurrentLinkedQueue<Throwable> failures = new ConcurrentLinkedQueue<>();
    long startedAt = System.nanoTime();
    CompletableFuture<Long> empty =
        CompletableFuture.supplyAsync(
            () -> {
              cluster.nodes().get(0).put("placement/c?draining=true");
              await("an empty zone")
                  .atMost(Duration.ofMinutes(5))
                  .pollInterval(Duration.ofMillis(200))
                  .until(() -> shardsOf(drained) == 0);
              return System.nanoTime() - startedAt;
            });
    var random = new Random(1);
    for (int i = 0; !empty.isDone(); i++) {
      long due = startedAt + i * 1_000_000_000L / READS_PER_SECOND;
      for (long wait; (wait = due - System.nanoTime()) > 0; ) LockSupport.parkNanos(wait);
      var unused =
          client
              .readFeed(feedOf(READERS.get(random.nextInt(READERS.size()))))
              .whenComplete(
                  (page, failure) -> {
                    nanos.add(System.nanoTime() - due);
                    if (failure != null) failures.add(failure);
                  });
    }
    System.out.printf(
        "drained of %d shards in %.1f s; %,d reads meanwhile, %d failed: %s%n",
        before, empty.get() / 1e9, nanos.size(), failures.size(), quantiles(nanos));
    assertThat(failures).isEmpty();
    cluster.nodes().get(0).put("placement/c?draining=false");
    await("shards to come back")
        .atMost(Duration.ofMinutes(5))
        .until(() -> shardsOf(drained) >= before - 20);
    wakeAll();
  }

  @Test
  @Order(2)
  void readers_of_a_killed_node_read_what_is_new() {
    ClusterNode victim = cluster.other(cluster.oldest());
    kill(victim, "a node");
    victim.start();
    victim.awaitReady();
    await("shards to come back")
        .atMost(Duration.ofMinutes(5))
        .until(() -> shardsOf(victim) > 1_000 / 4);
    wakeAll();
  }

  @Test
  @Order(3)
  void readers_of_the_killed_coordinating_node_read_what_is_new() {
    kill(cluster.oldest(), "the coordinating node");
  }

  private static void kill(ClusterNode victim, String what) {
    Topology topology =
        await("an owner for every shard")
            .atMost(Duration.ofMinutes(1))
            .until(nodes::topology, all -> all.getShardOwnersCount() == all.getShardCount());
    List<String> readers = new ArrayList<>(READERS);
    readers.removeIf(reader -> nodes.ownerOf(reader, topology) != victim);
    Collections.shuffle(readers, new Random(2));
    String author =
        AUTHORS.stream()
            .filter(each -> nodes.ownerOf(each, topology) != victim)
            .findFirst()
            .orElseThrow();
    victim.kill();
    long killedAt = System.nanoTime();
    String post = publish(author, "after " + what);
    double published = (System.nanoTime() - killedAt) / 1e9;
    ConcurrentLinkedQueue<Long> sample = new ConcurrentLinkedQueue<>();
    forEach(
        readers.subList(0, Math.min(SAMPLE, readers.size())),
        reader -> seen(reader, post, killedAt, sample));
    ConcurrentLinkedQueue<Long> all = new ConcurrentLinkedQueue<>();
    forEach(readers, reader -> seen(reader, post, killedAt, all));
    System.out.printf(
        "%s with %,d residents killed: a post acknowledged after %.1f s; of %,d random readers of"
            + " its: %s; the last of all had a fresh feed after %.1f s%n",
        what,
        readers.size(),
        published,
        sample.size(),
        quantiles(sample),
        Collections.max(all) / 1e9);
  }

  /** Asks until it is there: a client that has used up its budget fails in between. */
  private static CompletableFuture<Void> seen(
      String reader, String post, long since, ConcurrentLinkedQueue<Long> nanos) {
    return client
        .readFeed(feedOf(reader))
        .handle((page, failure) -> failure == null && isIn(page, post))
        .thenCompose(
            there -> {
              if (there) {
                nanos.add(System.nanoTime() - since);
                return CompletableFuture.completedFuture(null);
              }
              assertThat(System.nanoTime() - since)
                  .as("how long " + reader + " has waited for " + post)
                  .isLessThan(PATIENCE.toNanos());
              return CompletableFuture.runAsync(
                      () -> {}, CompletableFuture.delayedExecutor(50, TimeUnit.MILLISECONDS))
                  .thenCompose(later -> seen(reader, post, since, nanos));
            });
  }

  private static boolean isIn(ReadFeedResponse page, String post) {
    return page.getCardsList().stream().anyMatch(card -> card.getPost().getPostId().equals(post));
  }

  private static long shardsOf(ClusterNode node) {
    return nodes.topology().getNodesList().stream()
        .filter(each -> each.getGrpcAddress().equals(node.grpcAddress()))
        .mapToLong(Node::getShards)
        .findFirst()
        .orElse(0);
  }

  private static void wakeAll() {
    forEach(READERS, reader -> client.readFeed(feedOf(reader)));
  }

  private static String publish(String author, String key) {
    return client
        .publish(
            PublishRequest.newBuilder()
                .setAuthorId(author)
                .setIdempotencyKey(key)
                .setContent(PostContent.newBuilder().setText(key))
                .build())
        .join()
        .getPostId();
  }

  private static ReadFeedRequest feedOf(String reader) {
    return ReadFeedRequest.newBuilder().setUserId(reader).build();
  }

  /** For all of them, some at once; fails with the first that fails. */
  private static void forEach(List<String> users, Function<String, CompletableFuture<?>> call) {
    Semaphore room = new Semaphore(AT_ONCE);
    List<CompletableFuture<?>> calls = new ArrayList<>();
    for (String user : users) {
      room.acquireUninterruptibly();
      calls.add(call.apply(user).whenComplete((answer, failure) -> room.release()));
    }
    CompletableFuture.allOf(calls.toArray(CompletableFuture[]::new)).join();
  }

  private static String quantiles(ConcurrentLinkedQueue<Long> nanos) {
    long[] sorted = nanos.stream().mapToLong(Long::longValue).sorted().toArray();
    return "p50 %s, p99 %s, last %s"
        .formatted(
            millis(sorted[sorted.length / 2]),
            millis(sorted[(int) (sorted.length * 0.99)]),
            millis(Arrays.stream(sorted).max().orElse(0)));
  }

  private static String millis(long nanos) {
    return "%,.1f ms".formatted(nanos / 1e6);
  }
}
