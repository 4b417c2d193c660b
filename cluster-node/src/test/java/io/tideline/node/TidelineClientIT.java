package io.tideline.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.tideline.client.TidelineClient;
import io.tideline.protocols.v1.FollowRequest;
import io.tideline.protocols.v1.GetTopologyRequest;
import io.tideline.protocols.v1.Node;
import io.tideline.protocols.v1.PostContent;
import io.tideline.protocols.v1.PublishRequest;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.IntSummaryStatistics;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/**
 * The Java client with real nodes. The crash takes a minute and is asked for: {@code ./mvnw verify
 * -pl cluster-node -am -Dit.test=TidelineClientIT -Dtest=none
 * -Dsurefire.failIfNoSpecifiedTests=false -Dfailsafe.failIfNoSpecifiedTests=false
 * -DargLine.extra=-Dtideline.test.crash=true}.
 */
@Timeout(300)
class TidelineClientIT {
  private static final List<String> READERS =
      IntStream.range(0, 300).mapToObj(i -> "reader-" + i).toList();

  private static final Map<String, Object> SETTINGS =
      Map.of(
          "tideline.multi-dc.placement.settle-after",
          "1s",
          "tideline.multi-dc.placement.moves-at-once",
          50,
          "tideline.multi-dc.placement.departures-at-once",
          50);

  @Test
  void reads_go_to_the_owners_and_find_them_again_when_a_node_has_left() throws Exception {
    List<TestNode> nodes = new ArrayList<>(TestNode.startCell(3, "netty", SETTINGS));
    try (TidelineClient client =
        TidelineClient.builder().cell(nodes.get(0).grpcAddress()).build()) {
      followStar(client);
      String post = publish(client, "before");
      awaitFeeds(client, post);

      // The first node had them all; the others were not there yet.
      await("every node to have its share")
          .atMost(Duration.ofSeconds(90))
          .until(() -> haveTheirShares(nodes.get(0)));
      awaitNothingForwarded(nodes, client);
      long before = forwarded(nodes);
      read(client, 2_000);
      assertThat(forwarded(nodes) - before).isLessThan(20);

      // The same reads by somebody who does not know the owners.
      before = forwarded(nodes);
      READERS.forEach(reader -> nodes.get(0).read(reader, request -> request));
      assertThat(forwarded(nodes) - before).isGreaterThan(100);

      TestNode leaving = nodes.remove(2);
      CompletableFuture<Void> left = CompletableFuture.runAsync(() -> close(leaving));
      int rounds = 0;
      while (!left.isDone() || rounds == 0) {
        read(client, 100);
        post = publish(client, "while it leaves " + rounds++);
      }
      left.join();
      awaitFeeds(client, post);
      awaitNothingForwarded(nodes, client);
      before = forwarded(nodes);
      read(client, 1_000);
      assertThat(forwarded(nodes) - before).isLessThan(10);
    } finally {
      nodes.forEach(TidelineClientIT::close);
    }
  }

  @Test
  @EnabledIfSystemProperty(named = "tideline.test.crash", matches = "true")
  void reads_and_writes_go_on_when_a_node_crashes(@TempDir Path directory) {
    try (TestCluster cluster = TestCluster.start(directory, 3);
        TidelineClient client =
            TidelineClient.builder()
                .cell(cluster.nodes().stream().map(ClusterNode::grpcAddress).toArray(String[]::new))
                .deadline(Duration.ofSeconds(60))
                .build()) {
      followStar(client);
      awaitFeeds(client, publish(client, "before"));
      cluster.nodes().get(1).kill();
      long killedAt = System.nanoTime();
      List<Long> took = new ArrayList<>();
      for (String reader : READERS) {
        client.readFeed(feedOf(reader)).join();
        took.add(System.nanoTime() - killedAt);
      }
      awaitFeeds(client, publish(client, "after"));
      System.out.printf(
          "the last of %d readers had its feed %d ms after the crash%n",
          took.size(), TimeUnit.NANOSECONDS.toMillis(took.get(took.size() - 1)));
    }
  }

  /** A node that has not heard of any shard yet does not count. */
  private static boolean haveTheirShares(TestNode node) {
    IntSummaryStatistics shards = shards(node).summaryStatistics();
    return shards.getMin() > 0 && shards.getMax() - shards.getMin() <= 2;
  }

  private static IntStream shards(TestNode node) {
    return TestNode.ok(node.cluster.getTopology(GetTopologyRequest.getDefaultInstance()))
        .getTopology()
        .getNodesList()
        .stream()
        .mapToInt(Node::getShards);
  }

  private static String publish(TidelineClient client, String text) {
    return client
        .publish(
            PublishRequest.newBuilder()
                .setAuthorId("star")
                .setIdempotencyKey(text)
                .setContent(PostContent.newBuilder().setText(text))
                .build())
        .join()
        .getPostId();
  }

  /** One by one: so many at once are more than cold nodes answer in time. */
  private static void followStar(TidelineClient client) {
    READERS.forEach(reader -> client.follow(follow(reader)).join());
  }

  private static FollowRequest follow(String reader) {
    return FollowRequest.newBuilder().setUserId(reader).setFolloweeId("star").build();
  }

  private static ReadFeedRequest feedOf(String reader) {
    return ReadFeedRequest.newBuilder().setUserId(reader).build();
  }

  private static void read(TidelineClient client, int times) {
    for (int i = 0; i < times; i++) {
      ReadFeedResponse page = client.readFeed(feedOf(READERS.get(i % READERS.size()))).join();
      assertThat(page.getCardsList()).isNotEmpty();
    }
  }

  private static void awaitFeeds(TidelineClient client, String newest) {
    for (String reader : READERS) {
      await(reader + " to see " + newest)
          .atMost(Duration.ofSeconds(60))
          // Most see it at the first look, and there are hundreds of them.
          .pollDelay(Duration.ZERO)
          .until(
              () ->
                  client.readFeed(feedOf(reader)).join().getCardsList().stream()
                      .anyMatch(card -> card.getPost().getPostId().equals(newest)));
    }
  }

  /** The nodes look once a second where the users are. */
  private static void awaitNothingForwarded(List<TestNode> nodes, TidelineClient client) {
    await("all owners to be known")
        .atMost(Duration.ofSeconds(30))
        .pollInterval(Duration.ofMillis(500))
        .untilAsserted(
            () -> {
              long before = forwarded(nodes);
              read(client, READERS.size());
              assertThat(forwarded(nodes)).isEqualTo(before);
            });
  }

  private static long forwarded(List<TestNode> nodes) {
    return nodes.stream().mapToLong(node -> node.node().forwarding().forwarded()).sum();
  }

  private static void close(TestNode node) {
    try {
      node.close();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }
}
