package io.tideline.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.tideline.protocols.v1.Post;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Servers and nodes that go away and come back, under a cluster of real processes. */
final class BadDaysIT {
  private static final int AUTHORS = 6;
  private static final int READERS = 6;

  private static TestCluster cluster;
  private static TestClient client;

  @BeforeAll
  static void start(@TempDir Path directory) {
    cluster = TestCluster.start(directory, 3);
    client = new TestClient(cluster.nodes());
  }

  @AfterAll
  static void stop() {
    client.close();
    cluster.close();
  }

  @BeforeEach
  void makeWhole() {
    cluster.startMissing();
  }

  @Test
  void as_many_as_one_may_follow_at_once_are_followed_and_listed_through_any_node() {
    Random random = new Random(1);
    for (ClusterNode node : cluster.nodes()) {
      Set<String> followees = new HashSet<>();
      while (followees.size() < 5_000) followees.add(longestId(random));
      String reader = "collector-at-" + node.grpcAddress();
      for (ClusterNode other : cluster.nodes()) client.followAt(other, reader, followees);
      for (ClusterNode other : cluster.nodes()) {
        assertThat(client.followeesAt(other, reader))
            .containsExactlyInAnyOrderElementsOf(followees);
      }
    }
  }

  /** As hard to compress as ids can be. */
  private static String longestId(Random random) {
    String characters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._";
    return random
        .ints(64, 0, characters.length())
        .mapToObj(i -> characters.substring(i, i + 1))
        .collect(Collectors.joining());
  }

  @Test
  void without_cassandra_awake_feeds_are_read_and_writes_are_refused() {
    Audience audience = Audience.gather(client, "storage", AUTHORS, READERS);
    String writing = audience.readers().get(0);
    audience.publish(writing);
    cluster.cassandra().kill();

    ClusterNode first = cluster.nodes().get(0);
    Map<String, String> refused = new HashMap<>();
    refused.put(writing, audience.newKey(writing));
    assertUnavailable(() -> client.publishAt(first, writing, refused.get(writing)));
    for (String author : audience.authors()) {
      String key = audience.newKey(author);
      refused.put(author, key);
      for (ClusterNode node : cluster.nodes()) {
        assertUnavailable(() -> client.publishAt(node, author, key));
      }
    }
    assertUnavailable(() -> client.followAt(first, writing, "somebody.else"));
    cluster.nodes().forEach(audience::verifyAt);

    cluster.cassandra().restart();
    refused.forEach(
        (author, key) -> audience.history().acknowledged(author, key, client.publish(author, key)));
    audience.authors().forEach(audience::publish);
    audience.verify();
    assertThat(cluster.nodes()).allMatch(ClusterNode::isRunning);
  }

  @Test
  void without_kafka_posts_are_taken_and_reach_their_readers_later() {
    Audience audience = Audience.gather(client, "log", AUTHORS, READERS);
    List<List<String>> before = audience.feeds();
    // A connection to a node that an earlier test restarted may not have been made again yet.
    String reader = audience.readers().get(0);
    for (ClusterNode node : cluster.nodes()) {
      await(node + " to be called")
          .atMost(Duration.ofMinutes(2))
          .ignoreExceptions()
          .until(() -> client.readAt(node, reader) != null);
    }
    cluster.kafka().kill();
    for (String author : audience.authors()) {
      cluster.nodes().forEach(node -> audience.publishAt(node, author));
    }

    ClusterNode restarted = cluster.nodes().get(2);
    restarted.stop();
    restarted.start();
    restarted.awaitReady();
    assertThat(restarted.status("degraded")).isEqualTo(503);
    assertThat(restarted.read("degraded")).contains("log");
    List<Post> feed = client.readAt(restarted, audience.readers().get(0));
    assertThat(feed).extracting(Post::getPostId).containsAll(before.get(0));

    for (ClusterNode node : cluster.nodes()) {
      await(node + " to say that it does not know where the log ends")
          .atMost(Duration.ofMinutes(1))
          .until(() -> node.read("degraded").contains("log-end"));
    }

    cluster.kafka().restart();
    audience.verify();
    for (ClusterNode node : cluster.nodes()) {
      await(node + " to be whole again")
          .atMost(Duration.ofSeconds(30))
          .until(() -> node.status("degraded") == 200);
    }
  }

  @Test
  void what_a_killed_node_had_not_announced_reaches_every_reader() {
    Audience audience = Audience.gather(client, "announce", AUTHORS, READERS);
    cluster.kafka().kill();
    audience.authors().forEach(audience::publish);
    ClusterNode victim = client.ownerOf(audience.authors().get(0));
    victim.kill();
    cluster.kafka().restart();
    audience.verify();
  }

  @Test
  void a_node_killed_under_load_loses_nothing() {
    ClusterNode oldest = cluster.oldest();
    killUnderLoad("crash", cluster.other(oldest));
  }

  @Test
  void the_coordinating_node_killed_under_load_loses_nothing() {
    killUnderLoad("coordinator", cluster.oldest());
  }

  private static void killUnderLoad(String name, ClusterNode victim) {
    Audience audience = Audience.gather(client, name, AUTHORS, READERS);
    try (Audience.Load load = audience.underLoad()) {
      load.awaitMore(10);
      victim.kill();
      load.awaitMore(30);
      victim.start();
      victim.awaitReady();
      load.awaitMore(20);
    }
    audience.verify();
    cluster.nodes().forEach(audience::awaitAt);
  }

  @Test
  void a_paused_node_acknowledges_nothing_that_is_lost_and_shows_nothing_old() throws Exception {
    Audience audience = Audience.gather(client, "pause", AUTHORS, READERS);
    ClusterNode victim = client.ownerOf(audience.readers().get(0));
    try (Audience.Load load = audience.underLoad()) {
      load.awaitMore(10);
      victim.pause();
      Thread.sleep(Duration.ofSeconds(40).toMillis());
      load.awaitMore(10);
      Map<String, Set<String>> owed = new HashMap<>();
      for (String reader : audience.readers()) owed.put(reader, visibleElsewhere(victim, reader));
      victim.resume();
      while (victim.isRunning()) assertNothingOld(victim, audience.readers(), owed);
    }
    audience.verify();
    victim.start();
    victim.awaitReady();
    audience.verify();
  }

  @Test
  void a_seed_node_that_reaches_no_other_founds_no_second_cluster_while_they_live()
      throws Exception {
    ClusterNode first = cluster.nodes().get(0);
    first.stop();
    first.start(Map.of("TIDELINE_SEED_NODES", first.clusterAddress() + ",127.0.0.1:1"));
    await("the node to wait")
        .atMost(Duration.ofMinutes(1))
        .until(() -> first.status("ready") == 503);
    // It would found one 5 s after it has begun to look for others.
    for (int i = 0; i < 12; i++) {
      assertThat(first.status("ready")).isEqualTo(503);
      Thread.sleep(1_000);
    }
    first.kill();
    first.start();
    first.awaitReady();
  }

  private static Set<String> visibleElsewhere(ClusterNode victim, String reader) {
    return client.readPageAt(cluster.other(victim), reader).stream()
        .map(Post::getPostId)
        .collect(Collectors.toSet());
  }

  /** What is newer than everything known before may push those out of the page, nothing else. */
  private static void assertNothingOld(
      ClusterNode node, List<String> readers, Map<String, Set<String>> owed) {
    for (String reader : readers) {
      try {
        List<String> page = client.readPageAt(node, reader).stream().map(Post::getPostId).toList();
        Set<String> missing = new HashSet<>(owed.get(reader));
        page.forEach(missing::remove);
        String oldest = page.get(page.size() - 1);
        missing.removeIf(post -> post.compareTo(oldest) < 0);
        assertThat(missing).as("not shown by the resumed node to %s", reader).isEmpty();
      } catch (StatusRuntimeException e) {
        if (!TestClient.isWorthRetrying(e)) throw e;
      }
    }
  }

  @Test
  void a_cluster_that_was_stopped_shows_the_same_feeds() {
    sameFeedsAfter("stopped", () -> cluster.nodes().parallelStream().forEach(ClusterNode::stop));
  }

  @Test
  void a_cluster_that_was_killed_shows_the_same_feeds() {
    sameFeedsAfter("killed", () -> cluster.nodes().forEach(ClusterNode::kill));
  }

  private static void sameFeedsAfter(String name, Runnable end) {
    Audience audience = Audience.gather(client, name, AUTHORS, READERS);
    audience.authors().forEach(audience::publish);
    List<List<String>> before = audience.feeds();
    end.run();
    cluster.startMissing();
    assertThat(audience.feeds()).isEqualTo(before);
    audience.authors().forEach(audience::publish);
    audience.verify();
  }

  private static void assertUnavailable(ThrowingCallable call) {
    StatusRuntimeException failure = catchThrowableOfType(StatusRuntimeException.class, call);
    assertThat(failure).as("a refusal").isNotNull();
    assertThat(failure.getStatus().getCode()).as("%s", failure).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(TestClient.saysWhenToRetry(failure)).as("RetryInfo in %s", failure).isTrue();
  }
}
