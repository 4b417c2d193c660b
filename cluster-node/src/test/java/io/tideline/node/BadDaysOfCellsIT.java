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
import io.grpc.stub.StreamObserver;
import io.tideline.client.FeedWatch;
import io.tideline.client.TidelineClient;
import io.tideline.node.cli.CellLine;
import io.tideline.protocols.v1.FollowManyRequest;
import io.tideline.protocols.v1.Post;
import io.tideline.protocols.v1.PostContent;
import io.tideline.protocols.v1.PublishRequest;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import io.tideline.protocols.v1.SourceCellState;
import io.tideline.protocols.v1.WatchFeedRequest;
import io.tideline.protocols.v1.WatchFeedResponse;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.LongSummaryStatistics;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
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
@Tag("alone")
class BadDaysOfCellsIT {
  private static final String KEYS = "1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
  private static final Duration SOON = Duration.ofSeconds(10);
  private static final Duration TO_SETTLE = Duration.ofMinutes(2);
  // On two cores some 200 writes a second of all.
  private static final Duration BRISK = Duration.ofMillis(15);
  private static final int MANY = 7;
  // Of figures_of_the_line: posts a second x seconds. The first warms up.
  private static final String PHASES =
      System.getProperty("tideline.test.line", "100x60,5x30,100x20,200x20,500x20");

  private static final int NODES = Integer.getInteger("tideline.test.cell-nodes", 2);

  // A busy machine makes some ms of a few; a call that waits for the other cell takes seconds.
  private static final double NOISE_P50_MILLIS = 25;
  private static final double NOISE_P99_MILLIS = 1_000;

  private static final SlowLine SLOW = new SlowLine();

  private static CellLine toEast;
  private static CellLine toWest;
  private static TestCluster east;
  private static TestCluster west;
  private static TidelineClient inEast;
  private static TidelineClient inWest;

  @BeforeAll
  static void start(@TempDir Path directory) {
    toEast = CellLine.open(SLOW);
    toWest = CellLine.open(SLOW);
    CompletableFuture<TestCluster> first =
        CompletableFuture.supplyAsync(() -> start(directory, "east", 1, toEast, "west", 2, toWest));
    west = start(directory, "west", 2, toWest, "east", 1, toEast);
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
    toEast.close();
    toWest.close();
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
    System.out.printf("%s; equal after %.1f s%n", load, (System.nanoTime() - stoppedAt) / 1e9);
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
  void a_line_that_loses_packets_loses_nothing() throws Exception {
    assumeTrue(PacketLoss.isPossible(), "skipped: iptables cannot lose packets here");
    try (PacketLoss loss = PacketLoss.of(0.03, toEast.proxy().port(), toWest.proxy().port());
        CellsLoad load = load("lossy")) {
      pass(load, 30);
      verify(load);
      assertThat(loss.lost()).isPositive();
      System.out.printf("%d packets were lost%n", loss.lost());
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
      assertNotSlower(load, "west", before, killedAt, restartedAt);
      east.startMissing();
      pass(load, 15);
      assertThat(members(west)).isEqualTo(members);
      awaitCopying(east);
      awaitCopying(west);
      verify(load);
    }
  }

  private static void assertNotSlower(CellsLoad load, String cell, long from, long since, long to) {
    System.out.printf("%-12s %26s %26s%n", cell + ", ms", "before", "alone");
    for (boolean reads : new boolean[] {true, false}) {
      List<Double> usual = load.millis(cell, reads, from, since);
      List<Double> alone = load.millis(cell, reads, since, to);
      System.out.printf(
          "%-12s %26s %26s%n", reads ? "reads" : "writes", figures(usual), figures(alone));
      assertThat(at(alone, 0.5)).isLessThan(at(usual, 0.5) + NOISE_P50_MILLIS);
      assertThat(at(alone, 0.99)).isLessThan(at(usual, 0.99) + NOISE_P99_MILLIS);
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
  void two_cells_cut_off_from_each_other_for_a_minute_do_not_notice_and_are_the_same_soon_after()
      throws Exception {
    try (CellsLoad load =
        new CellsLoad("cut", Map.of("east", inEast, "west", inWest), BRISK, MANY)) {
      pass(load, 20);
      List<String> members = List.of(members(east), members(west));
      long before = System.nanoTime();
      pass(load, 20);
      long cutAt = System.nanoTime();
      toEast.cut();
      toWest.cut();
      pass(load, 60);
      long stoppedAt = System.nanoTime();
      load.stop();
      assertThat(List.of(members(east), members(west))).isEqualTo(members);
      assertNotSlower(load, "east", before, cutAt, stoppedAt);
      assertNotSlower(load, "west", before, cutAt, stoppedAt);
      toEast.heal();
      toWest.heal();
      long healedAt = System.nanoTime();
      await("both cells to be the same").atMost(SOON).until(load::isSameEverywhere);
      System.out.printf(
          "%.0f writes/s while cut; equal %.1f s after it was healed%n",
          load.writes(cutAt, stoppedAt) / ((stoppedAt - cutAt) / 1e9),
          (System.nanoTime() - healedAt) / 1e9);
      load.verify("east");
      load.verify("west");
      for (String reader : load.readers()) {
        assertThat(ids(inWest, reader)).isEqualTo(ids(inEast, reader));
      }
      System.out.println(load);
    } finally {
      toEast.heal();
      toWest.heal();
    }
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
            "LD_PRELOAD",
            faketime.orElseThrow().toString(),
            "FAKETIME",
            offset,
            "FAKETIME_DONT_FAKE_MONOTONIC",
            "1",
            // Otherwise every wait that has a limit ends at once.
            "FAKETIME_FORCE_MONOTONIC_FIX",
            "0"));
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

  @Test
  void a_client_goes_on_in_the_next_cell_and_comes_back_by_and_by() throws Exception {
    List<String> authors = people("failover-author-", 5);
    List<String> readers = people("failover-reader-", 200);
    Traffic traffic = new Traffic();
    try (TidelineClient client =
        client(east, west).deadline(Duration.ofSeconds(5)).interceptor(traffic).build()) {
      Map<String, String> tokens = new HashMap<>();
      for (String reader : readers) {
        FollowManyRequest follow =
            FollowManyRequest.newBuilder().setUserId(reader).addAllFolloweeIds(authors).build();
        tokens.put(reader, client.followMany(follow).join().getConsistencyToken());
      }
      for (int i = 0; i < 60; i++) {
        client.publish(post(authors.get(i % authors.size()), "before " + i)).join();
      }
      List<Walk> walks = readers.stream().limit(10).map(Walk::new).toList();
      for (Walk walk : walks) {
        await("all to be in the other cell")
            .atMost(SOON)
            .until(() -> ids(inWest, walk.reader), ids(inEast, walk.reader)::equals);
        walk.expected.addAll(ids(inEast, walk.reader));
        assertThat(walk.expected).hasSize(60);
      }
      for (int page = 0; page < 3; page++) walks.forEach(walk -> walk.goOn(client));

      traffic.start(client, authors, readers);
      TimeUnit.SECONDS.sleep(10);
      // All, unless a busy machine has made the cell give some users away.
      assertThat(traffic.partIn(east, 5)).as("part of the calls at home").isGreaterThan(0.5);
      long killedAt = System.nanoTime();
      east.kill();
      TimeUnit.SECONDS.sleep(1);
      while (walks.stream().anyMatch(walk -> !walk.atEnd())) {
        walks.forEach(walk -> walk.goOn(client));
      }
      System.out.printf(
          "walks at their ends %.1f s after the kill%n", (System.nanoTime() - killedAt) / 1e9);
      for (Walk walk : walks) {
        assertThat(walk.walked).as("walk of %s", walk.reader).isEqualTo(walk.expected);
      }
      for (String reader : readers) {
        ReadFeedRequest read =
            ReadFeedRequest.newBuilder()
                .setUserId(reader)
                .setConsistencyToken(tokens.get(reader))
                .build();
        assertThat(client.readFeed(read).join().getCardsCount()).isPositive();
      }
      // So that what is looked back at has all happened since the kill.
      TimeUnit.SECONDS.sleep(8);
      assertThat(traffic.partIn(west, 5)).as("part of the calls answered elsewhere").isOne();
      System.out.println("of the calls since the kill " + traffic.failuresSince(killedAt));

      east.startMissing();
      long backAt = System.nanoTime();
      List<Double> parts = new ArrayList<>();
      for (int i = 0; i < 7; i++) {
        TimeUnit.SECONDS.sleep(10);
        parts.add(traffic.partIn(east, 5));
      }
      System.out.printf("part of the calls at home again, every 10 s: %s%n", parts);
      System.out.println("of the calls since it is back " + traffic.failuresSince(backAt));
      assertThat(parts.get(0)).as("at once").isZero();
      assertThat(parts.get(parts.size() - 1)).as("after 70 s").isBetween(0.05, 0.5);
      assertThat(traffic.failedSince(backAt)).isZero();
      List<String> acknowledged = traffic.stop();
      for (TidelineClient cell : List.of(inEast, inWest)) {
        await("everything to be in both cells")
            .atMost(SOON)
            .untilAsserted(
                () ->
                    assertThat(ids(cell, readers.get(0)))
                        .doesNotHaveDuplicates()
                        .containsAll(acknowledged));
      }
      assertThat(ids(inWest, readers.get(0))).isEqualTo(ids(inEast, readers.get(0)));
    } finally {
      traffic.stop();
    }
  }

  private static List<String> people(String prefix, int count) {
    return IntStream.range(0, count).mapToObj(i -> prefix + i).toList();
  }

  private static PublishRequest post(String author, String key) {
    return PublishRequest.newBuilder()
        .setAuthorId(author)
        .setIdempotencyKey(key)
        .setContent(PostContent.newBuilder().setText(key))
        .build();
  }

  /** A walk through a feed, page by page. */
  private static final class Walk {
    private final String reader;
    private final List<String> expected = new ArrayList<>();
    private final List<String> walked = new ArrayList<>();
    private String cursor = "";

    Walk(String reader) {
      this.reader = reader;
    }

    boolean atEnd() {
      return cursor.isEmpty();
    }

    /** One page further, where that can be had now. */
    void goOn(TidelineClient client) {
      if (!walked.isEmpty() && atEnd()) return;
      try {
        ReadFeedRequest request =
            ReadFeedRequest.newBuilder().setUserId(reader).setPageSize(5).setCursor(cursor).build();
        ReadFeedResponse page = client.readFeed(request).join();
        page.getCardsList().forEach(card -> walked.add(card.getPost().getPostId()));
        cursor = page.getNextCursor();
      } catch (CompletionException e) {
        if (!CellsLoad.passes(e)) throw e;
      }
    }
  }

  /** Reads and posts at a fixed rate, what becomes of them, and which node has answered. */
  private static final class Traffic implements ClientInterceptor {
    private static final int PER_SECOND = 25;
    private static final int READS_PER_POST = 4;

    private record Answer(String address, long at) {}

    private record Outcome(long due, long at, @Nullable String failure) {}

    private final ConcurrentLinkedQueue<Answer> answers = new ConcurrentLinkedQueue<>();
    private final ConcurrentLinkedQueue<Outcome> outcomes = new ConcurrentLinkedQueue<>();
    private final ConcurrentLinkedQueue<String> posts = new ConcurrentLinkedQueue<>();
    private final ConcurrentLinkedQueue<CompletableFuture<?>> calls = new ConcurrentLinkedQueue<>();
    private Thread sender = new Thread();
    private volatile boolean stopped;

    void start(TidelineClient client, List<String> authors, List<String> readers) {
      sender = new Thread(() -> send(client, authors, readers), "traffic");
      sender.start();
    }

    private void send(TidelineClient client, List<String> authors, List<String> readers) {
      Random random = new Random(1);
      long startedAt = System.nanoTime();
      for (int i = 0; !stopped; i++) {
        long due = startedAt + i * 1_000_000_000L / PER_SECOND;
        for (long wait; (wait = due - System.nanoTime()) > 0; ) LockSupport.parkNanos(wait);
        CompletableFuture<?> call;
        if (i % (READS_PER_POST + 1) == 0) {
          call =
              client
                  .publish(post(authors.get(random.nextInt(authors.size())), "traffic " + i))
                  .thenAccept(answer -> posts.add(answer.getPostId()));
        } else {
          String reader = readers.get(random.nextInt(readers.size()));
          call = client.readFeed(ReadFeedRequest.newBuilder().setUserId(reader).build());
        }
        calls.add(
            call.whenComplete(
                (answer, failure) ->
                    outcomes.add(
                        new Outcome(
                            due,
                            System.nanoTime(),
                            failure == null ? null : Status.fromThrowable(failure).toString()))));
      }
    }

    /** The posts that were acknowledged. */
    List<String> stop() throws InterruptedException {
      stopped = true;
      sender.join();
      for (CompletableFuture<?> call : calls) call.handle((answer, failure) -> 0).join();
      return List.copyOf(posts);
    }

    /** Which part of the calls of the last seconds this cell has answered. */
    double partIn(TestCluster cell, int seconds) {
      long since = System.nanoTime() - TimeUnit.SECONDS.toNanos(seconds);
      List<Answer> latest = answers.stream().filter(answer -> answer.at - since > 0).toList();
      List<String> nodes = addresses(cell);
      return latest.stream().filter(answer -> nodes.contains(answer.address)).count()
          / (double) latest.size();
    }

    long failedSince(long moment) {
      return outcomes.stream()
          .filter(each -> each.due - moment > 0 && each.failure != null)
          .count();
    }

    String failuresSince(long moment) {
      List<Outcome> since = outcomes.stream().filter(each -> each.at - moment > 0).toList();
      List<Outcome> failed = since.stream().filter(each -> each.failure != null).toList();
      LongSummaryStatistics due =
          failed.stream().mapToLong(each -> each.due - moment).summaryStatistics();
      double slowest = since.stream().mapToLong(each -> each.at - each.due).max().orElse(0) / 1e9;
      return failed.isEmpty()
          ? "%d, none has failed; the slowest took %.1f s".formatted(since.size(), slowest)
          : "%d, %d have failed, the first of %.1f s, the last of %.1f s after it; the slowest took %.1f s; %s"
              .formatted(
                  since.size(),
                  failed.size(),
                  due.getMin() / 1e9,
                  due.getMax() / 1e9,
                  slowest,
                  failed.stream().map(Outcome::failure).distinct().limit(5).toList());
    }

    @Override
    public <Q, R> ClientCall<Q, R> interceptCall(
        MethodDescriptor<Q, R> method, CallOptions options, Channel next) {
      return new SimpleForwardingClientCall<>(next.newCall(method, options)) {
        @Override
        public void start(Listener<R> listener, Metadata headers) {
          super.start(
              new SimpleForwardingClientCallListener<>(listener) {
                @Override
                public void onClose(Status status, Metadata trailers) {
                  if (status.isOk()) answers.add(new Answer(next.authority(), System.nanoTime()));
                  super.onClose(status, trailers);
                }
              },
              headers);
        }
      };
    }
  }

  /**
   * A table rather than a test: how long posts take from one cell to the other, and at what cost.
   * {@code -Dtideline.test.line=100x60,5x30} says how many posts a second for how many seconds, one
   * after the other, {@code -Dtideline.test.cell-nodes=1} how many nodes a cell has.
   */
  @Test
  void figures_of_the_line() throws Exception {
    List<String> authors = people("figures-author-", 50);
    String reader = "figures-reader";
    inWest
        .followMany(
            FollowManyRequest.newBuilder().setUserId(reader).addAllFolloweeIds(authors).build())
        .join();
    for (String author : authors) inEast.publish(post(author, "before")).join();
    await("all to be there").atMost(SOON).until(() -> ids(inWest, reader).size() == authors.size());
    Map<String, Long> seen = new ConcurrentHashMap<>();
    String from =
        inWest
            .readFeed(ReadFeedRequest.newBuilder().setUserId(reader).build())
            .join()
            .getNewerCursor();
    WatchFeedRequest request =
        WatchFeedRequest.newBuilder().setUserId(reader).setCursor(from).build();
    long idle = SLOW.bytes();
    TimeUnit.SECONDS.sleep(10);
    double idlePerSecond = (SLOW.bytes() - idle) / 10.0;
    System.out.printf("bytes/s over the line while nothing happens: %.0f%n", idlePerSecond);
    try (FeedWatch watch = inWest.watchFeed(request, new Sightings(seen))) {
      for (String phase : PHASES.split(",", -1)) {
        int[] numbers = Stream.of(phase.split("x", -1)).mapToInt(Integer::parseInt).toArray();
        measure(numbers[0], numbers[1], authors, seen, idlePerSecond);
      }
    }
  }

  private static void measure(
      int rate, int lasting, List<String> authors, Map<String, Long> seen, double idlePerSecond)
      throws Exception {
    int posts = rate * lasting;
    record Sent(long due, long acknowledgedAt, String post) {}
    ConcurrentLinkedQueue<Sent> sent = new ConcurrentLinkedQueue<>();
    List<CompletableFuture<?>> calls = new ArrayList<>();
    long bytes = SLOW.bytes();
    Map<String, Double> cpu = cpuMillis();
    long startedAt = System.nanoTime();
    for (int i = 0; i < posts; i++) {
      long due = startedAt + i * 1_000_000_000L / rate;
      for (long wait; (wait = due - System.nanoTime()) > 0; ) LockSupport.parkNanos(wait);
      calls.add(
          inEast
              .publish(post(authors.get(i % authors.size()), rate + "/s " + startedAt + i))
              .thenAccept(
                  answer -> sent.add(new Sent(due, System.nanoTime(), answer.getPostId()))));
    }
    long refused =
        calls.stream()
            .filter(call -> call.handle((answer, failure) -> failure != null).join())
            .count();
    await("all to be seen")
        .atMost(TO_SETTLE)
        .until(() -> sent.stream().allMatch(each -> seen.containsKey(each.post)));
    double seconds = (System.nanoTime() - startedAt) / 1e9;
    Map<String, Double> spent = cpuMillis();
    double perPost = (SLOW.bytes() - bytes - idlePerSecond * seconds) / sent.size();
    System.out.printf(
        "%d posts/s (%.0f reached), %d posts, %d refused; ms until acknowledged %s; from there"
            + " until seen in the other cell %s; from when it was due %s; bytes per post %.0f; live"
            + " heap of the nodes %s MiB%n",
        rate,
        posts / seconds,
        sent.size(),
        refused,
        figures(millis(sent.stream().map(each -> each.acknowledgedAt - each.due))),
        figures(
            millis(
                sent.stream().map(each -> seen.getOrDefault(each.post, 0L) - each.acknowledgedAt))),
        figures(millis(sent.stream().map(each -> seen.getOrDefault(each.post, 0L) - each.due))),
        perPost,
        west.nodes().stream().map(BadDaysOfCellsIT::liveMiB).toList());
    spent.forEach(
        (process, after) -> {
          double millis = after - cpu.getOrDefault(process, 0.0);
          System.out.printf(
              "  %6.1f ms of CPU per s, %.2f per post: %s%n",
              millis / seconds, millis / sent.size(), process);
        });
  }

  private static List<Double> millis(Stream<Long> nanos) {
    return nanos.map(each -> Math.max(0, each) / 1e6).sorted().toList();
  }

  /** What each process has used, this one included. */
  private static Map<String, Double> cpuMillis() {
    Map<String, Double> cpu = new TreeMap<>();
    cpu.put("the test with its driver and the line", millisOf(ProcessHandle.current()));
    ProcessHandle.current()
        .descendants()
        .forEach(process -> cpu.merge(nameOf(process), millisOf(process), Double::sum));
    return cpu;
  }

  private static double millisOf(ProcessHandle process) {
    return process.info().totalCpuDuration().orElse(Duration.ZERO).toNanos() / 1e6;
  }

  private static String nameOf(ProcessHandle process) {
    for (Map.Entry<String, TestCluster> cell : Map.of("east", east, "west", west).entrySet()) {
      if (cell.getValue().nodes().stream().anyMatch(node -> node.pid() == process.pid())) {
        return "nodes of " + cell.getKey();
      }
    }
    Matcher server =
        Pattern.compile("/(\\w+)/stack/(\\w+)/jvm.args")
            .matcher(String.join(" ", process.info().arguments().orElse(new String[0])));
    return server.find() ? server.group(2) + " of " + server.group(1) : "others";
  }

  private static long liveMiB(ClusterNode node) {
    jcmd(node, "GC.run");
    Matcher used = Pattern.compile("used (\\d+)K").matcher(jcmd(node, "GC.heap_info"));
    long kib = 0;
    for (int space = 0; space < 2 && used.find(); space++) kib += Long.parseLong(used.group(1));
    return kib >> 10;
  }

  private static String jcmd(ClusterNode node, String command) {
    try {
      Process jcmd =
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "jcmd").toString(),
                  Long.toString(node.pid()),
                  command)
              .start();
      return new String(jcmd.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** When posts were seen first. */
  private record Sightings(Map<String, Long> seen) implements StreamObserver<WatchFeedResponse> {
    @Override
    public void onNext(WatchFeedResponse message) {
      if (message.hasAdded())
        seen.putIfAbsent(message.getAdded().getPost().getPostId(), System.nanoTime());
    }

    @Override
    public void onError(Throwable failure) {
      failure.printStackTrace();
    }

    @Override
    public void onCompleted() {}
  }
}
