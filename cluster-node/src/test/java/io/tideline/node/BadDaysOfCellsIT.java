package io.tideline.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.tideline.client.TidelineClient;
import io.tideline.node.cli.CellLine;
import io.tideline.protocols.v1.FollowManyRequest;
import io.tideline.protocols.v1.Post;
import io.tideline.protocols.v1.PostContent;
import io.tideline.protocols.v1.PublishRequest;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import io.tideline.protocols.v1.SourceCellState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two cells, each of two nodes, a Cassandra and a Kafka in processes of their own, on days when the
 * line between them, a server, a whole cell or a clock fails. It takes some ten minutes and is
 * asked for: {@code ./mvnw verify -pl cluster-node -am -Dit.test=BadDaysOfCellsIT -Dtest=none
 * -Dsurefire.failIfNoSpecifiedTests=false -Dfailsafe.failIfNoSpecifiedTests=false
 * -DargLine.extra=-Dtideline.test.cells=true}.
 */
@EnabledIfSystemProperty(named = "tideline.test.cells", matches = "true")
class BadDaysOfCellsIT {
  private static final String KEYS = "1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
  private static final Duration SOON = Duration.ofSeconds(10);
  private static final Duration TO_SETTLE = Duration.ofMinutes(2);
  private static final int NODES = 2;

  // A busy machine makes some ms of a few; a call that waits for the other cell takes seconds.
  private static final double NOISE_P50_MILLIS = 25;
  private static final double NOISE_P99_MILLIS = 1_000;

  private static final SlowLine SLOW = new SlowLine();
  private static final CellLine TO_EAST = CellLine.open(SLOW);
  private static final CellLine TO_WEST = CellLine.open(SLOW);

  private static TestCluster east;
  private static TestCluster west;
  private static TidelineClient inEast;
  private static TidelineClient inWest;

  @BeforeAll
  static void start(@TempDir Path directory) {
    CompletableFuture<TestCluster> first =
        CompletableFuture.supplyAsync(
            () -> start(directory, "east", 1, TO_EAST, "west", 2, TO_WEST));
    west = start(directory, "west", 2, TO_WEST, "east", 1, TO_EAST);
    east = first.join();
    inEast = client(east).build();
    inWest = client(west).build();
  }

  private static TestCluster start(
      Path directory,
      String name,
      int number,
      CellLine line,
      String other,
      int otherNumber,
      CellLine toOther) {
    Map<String, String> configuration = new HashMap<>();
    configuration.put("tideline.node.cell.name", name);
    configuration.put("tideline.node.cell.number", Integer.toString(number));
    configuration.put("tideline.node.cursor.keys", KEYS);
    configuration.put("tideline.multi-dc.cells.0.name", other);
    configuration.put("tideline.multi-dc.cells.0.number", Integer.toString(otherNumber));
    configuration.put("tideline.multi-dc.cells.0.bootstrap-servers", toOther.bootstrapServers());
    return TestCluster.startCell(directory.resolve(name), NODES, line, configuration);
  }

  private static TidelineClient.Builder client(TestCluster... cells) {
    TidelineClient.Builder client = TidelineClient.builder();
    for (TestCluster cell : cells) client.cell(addresses(cell).toArray(String[]::new));
    return client;
  }

  private static List<String> addresses(TestCluster cell) {
    return cell.nodes().stream().map(ClusterNode::grpcAddress).toList();
  }

  @AfterAll
  static void stop() {
    inEast.close();
    inWest.close();
    east.close();
    west.close();
    TO_EAST.close();
    TO_WEST.close();
  }

  @BeforeEach
  void makeWhole() {
    SLOW.takes(0, 0);
    for (TestCluster cell : List.of(east, west)) {
      cell.startMissing();
      awaitCopying(cell);
    }
  }

  private static void awaitCopying(TestCluster cell) {
    try (TestClient nodes = new TestClient(cell.nodes())) {
      await("the other cell's logs to be copied")
          .atMost(TO_SETTLE)
          .until(
              () ->
                  nodes.topology().getSourcesList().stream()
                      .allMatch(
                          source -> source.getState() == SourceCellState.SOURCE_CELL_STATE_UP));
    }
  }

  private static CellsLoad load(String name) {
    return new CellsLoad(name, Map.of("east", inEast, "west", inWest));
  }

  /** All that was acknowledged is in both cells, and both show the same, soon after the last. */
  private static void verify(CellsLoad load) {
    load.stop();
    long stoppedAt = System.nanoTime();
    await("both cells to have everything")
        .atMost(SOON)
        .pollInterval(Duration.ofMillis(200))
        .ignoreExceptionsMatching(CompletionException.class::isInstance)
        .untilAsserted(
            () -> {
              load.verify("east");
              load.verify("west");
              for (String reader : load.readers()) {
                assertThat(ids(inWest, reader)).isEqualTo(ids(inEast, reader));
              }
            });
    System.out.printf(
        "%s; equal after %.1f s%n", load, (System.nanoTime() - stoppedAt) / 1e9);
  }

  private static List<String> ids(TidelineClient client, String reader) {
    return CellsLoad.feed(client, reader).stream().map(Post::getPostId).toList();
  }

  private static void pass(CellsLoad load, int seconds) throws InterruptedException {
    for (int i = 0; i < seconds; i++) {
      TimeUnit.SECONDS.sleep(1);
      load.assertWell();
    }
  }

  @Test
  void a_long_line_that_stands_still_now_and_then_loses_nothing() throws Exception {
    SLOW.takes(100, 200);
    try (CellsLoad load = load("slow")) {
      for (int i = 0; i < 4; i++) {
        pass(load, 8);
        SLOW.standStill(Duration.ofSeconds(4 + i));
        pass(load, 6);
      }
      verify(load);
    }
  }

  @Test
  void a_kafka_killed_while_it_is_copied_from_and_to_loses_nothing() throws Exception {
    try (CellsLoad load = load("kafka")) {
      pass(load, 10);
      east.kafka().kill();
      pass(load, 15);
      east.kafka().restart();
      pass(load, 15);
      awaitCopying(east);
      awaitCopying(west);
      verify(load);
    }
  }

  @Test
  void a_cell_killed_whole_comes_back_with_all_and_the_other_does_not_notice() throws Exception {
    try (CellsLoad load = load("whole")) {
      pass(load, 10);
      String members = members(west);
      long before = System.nanoTime();
      pass(load, 20);
      long killedAt = System.nanoTime();
      east.kill();
      pass(load, 30);
      long restartedAt = System.nanoTime();
      assertThat(members(west)).isEqualTo(members);
      System.out.printf("%-12s %26s %26s%n", "west, ms", "before", "while the east is down");
      for (boolean reads : new boolean[] {true, false}) {
        List<Double> usual = load.millis("west", reads, before, killedAt);
        List<Double> meanwhile = load.millis("west", reads, killedAt, restartedAt);
        System.out.printf(
            "%-12s %26s %26s%n", reads ? "reads" : "writes", figures(usual), figures(meanwhile));
        assertThat(at(meanwhile, 0.5)).isLessThan(at(usual, 0.5) + NOISE_P50_MILLIS);
        assertThat(at(meanwhile, 0.99)).isLessThan(at(usual, 0.99) + NOISE_P99_MILLIS);
      }
      east.startMissing();
      pass(load, 15);
      assertThat(members(west)).isEqualTo(members);
      awaitCopying(east);
      awaitCopying(west);
      verify(load);
    }
  }

  private static String members(TestCluster cell) {
    return cell.nodes().get(0).read("cluster/members");
  }

  private static double at(List<Double> sorted, double quantile) {
    return sorted.get((int) (sorted.size() * quantile));
  }

  private static String figures(List<Double> sorted) {
    return "%d: p50 %.1f, p99 %.1f".formatted(sorted.size(), at(sorted, 0.5), at(sorted, 0.99));
  }

  @Test
  void a_clock_five_minutes_ahead_mixes_nothing_up() throws Exception {
    clockOff("ahead", "+300s");
  }

  @Test
  void a_clock_five_minutes_behind_mixes_nothing_up() throws Exception {
    clockOff("behind", "-300s");
  }

  private static void clockOff(String name, String offset) throws Exception {
    Optional<Path> faketime = faketime();
    assumeTrue(faketime.isPresent(), "skipped: there is no libfaketime in /usr/lib");
    ClusterNode off = east.nodes().get(1);
    off.stop();
    off.start(
        Map.of(
            "LD_PRELOAD", faketime.orElseThrow().toString(),
            "FAKETIME", offset,
            "FAKETIME_DONT_FAKE_MONOTONIC", "1",
            "DONT_FAKE_MONOTONIC", "1"));
    try {
      off.awaitReady();
      try (CellsLoad load = load(name)) {
        pass(load, 20);
        System.out.println(
            Stream.of(off.read("metrics").split("\n"))
                .filter(line -> line.startsWith("tideline_clock_offset"))
                .toList());
        off.stop();
        off.start();
        off.awaitReady();
        pass(load, 10);
        awaitCopying(west);
        verify(load);
      }
    } finally {
      if (off.isRunning()) off.stop();
    }
  }

  private static Optional<Path> faketime() throws IOException {
    Path libraries = Path.of("/usr/lib");
    if (!Files.isDirectory(libraries)) return Optional.empty();
    try (Stream<Path> found =
        Files.find(
            libraries, 3, (file, attributes) -> file.endsWith("faketime/libfaketime.so.1"))) {
      return found.findFirst();
    }
  }
}
