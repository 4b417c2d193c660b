package io.tideline.node;

import static java.util.stream.Collectors.toMap;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.grpc.StatusRuntimeException;
import io.tideline.protocols.v1.GetTopologyRequest;
import io.tideline.protocols.v1.Node;
import io.tideline.protocols.v1.NodeState;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.Topology;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Shards of real nodes in three zones, moved by what operators say. */
@Timeout(600)
@Tag("alone")
final class PlacementIT {
  private static final int SHARDS = Integer.getInteger("tideline.test.placement-shards", 60);
  private static final List<String> READERS = oneInEachShard();
  private static final Map<String, ?> SETTINGS =
      Map.of(
          "tideline.node.management.token", "secret",
          "tideline.multi-dc.placement.settle-after", "1s",
          "pekko.cluster.sharding.number-of-shards", SHARDS);

  private final String name = TestNode.newName();
  private final HttpClient http = HttpClient.newHttpClient();
  private List<TestNode> nodes = List.of();

  @Test
  void a_zone_is_emptied_while_feeds_are_read_and_stays_empty_when_all_nodes_have_restarted()
      throws Exception {
    try {
      start();
      long post = System.nanoTime();
      nodes.get(0).publish("author", "hello");
      READERS.forEach(this::follow);
      awaitShards(Map.of("a", SHARDS / 3, "b", SHARDS / 3, "c", SHARDS / 3));
      report("filled after", post);

      Reads reads = new Reads();
      reads.run(Duration.ofSeconds(2));
      reads.report("before");
      assertThat(put("b?draining=true", "guess").statusCode()).isEqualTo(401);
      assertThat(put("d?draining=true", "secret").statusCode()).isEqualTo(404);
      assertThat(put("b?weight=1001", "secret").statusCode()).isEqualTo(400);
      long drained = System.nanoTime();
      assertThat(put("b?draining=true", "secret"))
          .returns(200, HttpResponse::statusCode)
          .returns("{\"message\":\"b gives its shards away.\"}", HttpResponse::body);
      CompletableFuture<Void> reading =
          CompletableFuture.runAsync(() -> reads.runUntil(() -> shards("b") == 0));
      awaitShards(Map.of("a", SHARDS / 2, "b", 0, "c", SHARDS / 2));
      report("drained after", drained);
      reading.join();
      reads.report("meanwhile");
      Node inB = zone("b");
      assertThat(inB.getDraining()).isTrue();
      assertThat(inB.getWeight()).isZero();
      assertThat(zone("a").getWeight()).isEqualTo(100);
      READERS.forEach(this::assertWhole);
      String ofB = inB.getGrpcAddress();
      assertThat(put(ofB + "?draining=false", "secret").body())
          .isEqualTo(
              "{\"message\":\"%s is not drained any more, but b is drained.\"}".formatted(ofB));

      assertThat(put("c?weight=50", "secret").statusCode()).isEqualTo(200);
      stop();
      start();
      READERS.forEach(this::assertWhole);
      assertThat(shards("b")).isZero();
      assertThat(zone("c").getWeight()).isEqualTo(50);
      assertThat(placement())
          .contains("\"b\":{\"weight\":100,\"draining\":true}")
          .contains("\"c\":{\"weight\":50,\"draining\":false}");
      assertThat(put(ofB + "?draining=false", "secret").statusCode())
          .as("of a node that is gone")
          .isEqualTo(200);
      assertThat(put("b?draining=false", "secret"))
          .returns(200, HttpResponse::statusCode)
          .returns("{\"message\":\"b takes shards.\"}", HttpResponse::body);
      awaitShards(Map.of("a", 2 * SHARDS / 5, "b", 2 * SHARDS / 5, "c", SHARDS / 5));
    } finally {
      stop();
    }
  }

  private static List<String> oneInEachShard() {
    Map<Integer, String> readers = new TreeMap<>();
    for (int i = 0; readers.size() < SHARDS; i++) {
      String reader = "reader-" + Integer.toHexString(i * 0x9E3779B9);
      readers.putIfAbsent(Math.abs(reader.hashCode() % SHARDS), reader);
    }
    return List.copyOf(readers.values());
  }

  private void start() {
    nodes = TestNode.startCell(name, List.of("a", "b", "c"), "netty", SETTINGS);
    await()
        .atMost(Duration.ofSeconds(30))
        .until(() -> nodes.stream().allMatch(PlacementIT::seesAllUp));
  }

  private static boolean seesAllUp(TestNode node) {
    return topology(node).getNodesList().stream()
            .filter(member -> member.getState() == NodeState.NODE_STATE_UP)
            .count()
        == 3;
  }

  private void stop() throws Exception {
    nodes.forEach(node -> node.system().terminate());
    for (TestNode node : nodes) node.close();
    nodes = List.of();
  }

  private void follow(String reader) {
    while (true) {
      try {
        nodes.get(0).follow(reader, "author");
        return;
      } catch (StatusRuntimeException e) {
        if (!TestClient.isWorthRetrying(e)) throw e;
      }
    }
  }

  private void assertWhole(String reader) {
    assertThat(read(nodes.get(0), reader)).as("feed of %s", reader).isEqualTo(1);
  }

  /** How many posts there are, once somebody answers. */
  private static int read(TestNode node, String reader) {
    while (true) {
      try {
        return TestNode.ok(
                node.feeds.readFeed(ReadFeedRequest.newBuilder().setUserId(reader).build()))
            .getCardsCount();
      } catch (StatusRuntimeException e) {
        if (!TestClient.isWorthRetrying(e)) throw e;
      }
    }
  }

  private void awaitShards(Map<String, Integer> wanted) {
    await()
        .atMost(Duration.ofMinutes(4))
        .pollInterval(Duration.ofMillis(200))
        .untilAsserted(
            () -> {
              Map<String, Integer> shards =
                  topology(nodes.get(0)).getNodesList().stream()
                      .collect(toMap(Node::getAvailabilityZone, Node::getShards));
              assertThat(shards).containsOnlyKeys(wanted.keySet());
              shards.forEach((zone, count) -> assertAbout(count, wanted.getOrDefault(zone, 0)));
            });
  }

  /** Rounding is allowed, except where nothing may be left. */
  private static void assertAbout(int count, int wanted) {
    assertThat(Math.abs(count - wanted)).isLessThanOrEqualTo(wanted == 0 ? 0 : 2);
  }

  private int shards(String zone) {
    return zone(zone).getShards();
  }

  private Node zone(String zone) {
    return topology(nodes.get(0)).getNodesList().stream()
        .filter(node -> node.getAvailabilityZone().equals(zone))
        .findFirst()
        .orElseThrow();
  }

  private static Topology topology(TestNode node) {
    return TestNode.ok(node.cluster.getTopology(GetTopologyRequest.getDefaultInstance()))
        .getTopology();
  }

  private HttpResponse<String> put(String change, String token) throws Exception {
    return http.send(
        HttpRequest.newBuilder(placementUri("/" + change))
            .PUT(HttpRequest.BodyPublishers.noBody())
            .header("Authorization", "Bearer " + token)
            .build(),
        BodyHandlers.ofString());
  }

  private String placement() throws Exception {
    return http.send(HttpRequest.newBuilder(placementUri("")).build(), BodyHandlers.ofString())
        .body();
  }

  private URI placementUri(String path) {
    return URI.create("http://127.0.0.1:" + nodes.get(2).managementPort + "/placement" + path);
  }

  private static void report(String what, long since) {
    System.out.printf("%s %.1f s%n", what, (System.nanoTime() - since) / 1e9);
  }

  /** Readers who read through any node, and again when that is asked of them. */
  private final class Reads {
    private final ConcurrentLinkedQueue<Long> nanos = new ConcurrentLinkedQueue<>();

    void run(Duration time) {
      long end = System.nanoTime() + time.toNanos();
      runUntil(() -> System.nanoTime() > end);
    }

    void runUntil(BooleanSupplier end) {
      for (int i = 0; i % 50 != 0 || !end.getAsBoolean(); i++) {
        long start = System.nanoTime();
        String reader = READERS.get(i * 7 % READERS.size());
        assertThat(read(nodes.get(i % nodes.size()), reader)).isEqualTo(1);
        nanos.add(System.nanoTime() - start);
      }
    }

    void report(String when) {
      long[] sorted = nanos.stream().mapToLong(Long::longValue).sorted().toArray();
      nanos.clear();
      System.out.printf(
          "%s: %d reads, p50 %.1f ms, p99 %.1f ms, max %.1f ms%n",
          when,
          sorted.length,
          sorted[sorted.length / 2] / 1e6,
          sorted[sorted.length * 99 / 100] / 1e6,
          sorted[sorted.length - 1] / 1e6);
    }
  }
}
