package io.tideline.bench.scenario;

import io.tideline.bench.Cores;
import io.tideline.bench.Samples;
import io.tideline.bench.data.Dataset;
import io.tideline.bench.side.Pause;
import io.tideline.bench.side.TidelineNode;
import io.tideline.client.TidelineClient;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.PostFacts;
import io.tideline.protocols.log.v1.PostLine;
import io.tideline.protocols.log.v1.PostLineKind;
import io.tideline.protocols.v1.Card;
import io.tideline.protocols.v1.Post;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.LongAdder;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** How long a node takes to start, to come back from a crash, and to catch up without its log. */
public final class StartScenario {
  private static final String LOG = "tideline.posts.local";
  private static final int CELL = 1;
  private static final int AUTHORS = 10_000;
  private static final int READERS = 100;
  private static final int FOLLOWS = 20;
  private static final int POSTS_PER_SECOND = 20;
  private static final int PAGE = 100;
  private static final Duration PATIENCE = Duration.ofMinutes(15);
  private static final Duration FOR_ONE_READ = Duration.ofSeconds(2);
  // Gauges are up to ten seconds old.
  private static final Duration TO_SETTLE = Duration.ofSeconds(11);

  private final Place place;
  private final Path directory;
  private final int references;
  private final Dataset dataset;
  private final List<List<String>> rows = new ArrayList<>();

  private StartScenario(Place place) {
    this.place = place;
    directory = place.directory().resolve("start");
    references = place.quick() ? 20_000 : 1_000_000;
    Map<String, List<String>> follows = new LinkedHashMap<>();
    for (int i = 0; i < READERS; i++) {
      List<String> followees = new ArrayList<>();
      for (int k = 0; k < FOLLOWS; k++) followees.add(author(i * FOLLOWS + k));
      follows.put("reader-" + i, List.copyOf(followees));
    }
    dataset = new Dataset("", follows, List.of());
  }

  private static String author(int number) {
    return "author-" + number % AUTHORS;
  }

  /** True when nothing that was accepted is missing. */
  public static boolean run(Place place) {
    return new StartScenario(place).run();
  }

  private boolean run() {
    place.report().heading(2, "Start: from nothing, after a crash, after an outage of the log");
    Path names = directory.resolve("classes");
    try (TidelineNode node =
        TidelineNode.start(
            place.home(),
            directory,
            options("-XX:DumpLoadedClassList=" + names.toAbsolutePath()))) {
      node.fill(dataset);
      writeLines(node);
      place.say().accept("Start: waiting until all lines are stored");
      awaitGauge(node, "tideline_store_lag", 0);
      node.readNewest(dataset.readers());
      Path classData = classData(node, names);
      starts(node, classData);
      crash(node, classData);
      return outage(node);
    }
  }

  /** As {@code ./tideline up} runs nodes, with a heap for what is to be remembered. */
  private static List<String> options(String... more) {
    List<String> options =
        new ArrayList<>(
            List.of(
                "-XX:ActiveProcessorCount=" + Runtime.getRuntime().availableProcessors(),
                "-Xmx1g",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1"));
    options.addAll(List.of(more));
    return options;
  }

  /** Straight into the log: by the API a million would take a quarter of an hour. */
  private void writeLines(TidelineNode node) {
    place.say().accept("Start: writing %,d lines into the log".formatted(references));
    Map<String, Object> properties =
        Map.of(
            "bootstrap.servers",
            node.kafka().bootstrapServers(),
            "acks",
            "all",
            "compression.type",
            "lz4",
            "linger.ms",
            20);
    try (var producer =
        new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer())) {
      long from = System.currentTimeMillis() - references;
      for (int i = 0; i < references; i++) {
        String author = author(i);
        var unused =
            producer.send(
                new ProducerRecord<>(
                    LOG,
                    author.getBytes(StandardCharsets.UTF_8),
                    line(author, i, from + i).toByteArray()));
      }
    }
  }

  private static PostLine line(String author, int number, long millis) {
    var id = PostId.of(HybridClock.ofMillis(millis), CELL, new UserId(author), "line-" + number);
    return PostLine.newBuilder()
        .setKind(PostLineKind.POST_LINE_KIND_PUBLISHED)
        .setPostId(id.toByteString())
        .setAuthorId(author)
        .setVersion(id.hi())
        .setOriginCell(CELL)
        .setSequence(number / AUTHORS + 1)
        .setWriterEpoch(1)
        .setFacts(PostFacts.getDefaultInstance())
        .setPost(
            Post.newBuilder()
                .setPostId(id.toString())
                .setAuthorId(author)
                .setCreatedAtMillis(millis)
                .setVersion(id.hi())
                .setTitle("what was to be said with the number " + number)
                .build()
                .toByteString())
        .build();
  }

  private static void awaitGauge(TidelineNode node, String name, double value) {
    long giveUpAt = System.nanoTime() + PATIENCE.toNanos();
    // The first value may be from before what is waited for.
    do {
      if (System.nanoTime() > giveUpAt) {
        throw new IllegalStateException(
            "%s is %s after %s".formatted(name, node.metric(name), PATIENCE));
      }
      Pause.of(TO_SETTLE);
    } while (node.metric(name).orElse(-1) != value);
  }

  /** Made as {@code ./tideline up} makes it after a first start. */
  private Path classData(TidelineNode node, Path names) {
    place.say().accept("Start: making class data");
    Path file = directory.resolve("node.jsa");
    // The JVM writes the last names when it ends.
    node.restart(options());
    try {
      Process process =
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-Xshare:dump",
                  "-XX:SharedClassListFile=" + names,
                  "-XX:SharedArchiveFile=" + file,
                  "-XX:+UseSerialGC",
                  "-Xmx512m",
                  "-Xlog:disable",
                  "-cp",
                  node.classPath())
              .redirectErrorStream(true)
              .start();
      process.getOutputStream().close();
      process.getInputStream().transferTo(OutputStream.nullOutputStream());
      if (!Files.exists(file)) throw new IllegalStateException("the JVM made no class data");
      return file;
    } catch (IOException e) {
      throw new UncheckedIOException("cannot make class data", e);
    }
  }

  private void starts(TidelineNode node, Path classData) {
    var seconds = List.of(new Samples(), new Samples());
    var cpu = List.of(new Samples(), new Samples());
    List<List<String>> options = List.of(options(), options("-XX:SharedArchiveFile=" + classData));
    for (int round = 1; round <= place.plan().rounds(); round++) {
      for (int with = 0; with < 2; with++) {
        place.say().accept("Start: round %d, class data %s".formatted(round, with == 1));
        seconds.get(with).add(node.timedRestart(options.get(with)).toMillis() / 1e3);
        cpu.get(with).add(Cores.seconds(List.of(node.pid())));
      }
    }
    Pause.of(TO_SETTLE);
    double remembered = node.metric("tideline_recent_posts").orElse(0);
    rows.add(List.of("%,.0f references to read".formatted(remembered), "ready after, s", "CPU, s"));
    rows.add(List.of("without class data", seconds.get(0).text("%.1f"), cpu.get(0).text("%.1f")));
    rows.add(List.of("with class data", seconds.get(1).text("%.1f"), cpu.get(1).text("%.1f")));
    place
        .report()
        .line(
            "One node, its Cassandra and its Kafka on this machine. From the start of the JVM until `/ready` answers 200, the medians of %d, alternately, and the least and the most. Target: 20 s with a million."
                .formatted(place.plan().rounds()));
    place.report().table(rows);
  }

  /** The only node of the cell: nobody else can take over. */
  private void crash(TidelineNode node, Path classData) {
    var first = new Samples();
    var all = new Samples();
    for (int round = 1; round <= place.plan().rounds(); round++) {
      place.say().accept("Start: crash " + round);
      long begin = System.nanoTime();
      node.crash(options("-XX:SharedArchiveFile=" + classData));
      try (TidelineClient client = node.client().withDeadline(FOR_ONE_READ)) {
        awaitRead(client, "reader-0");
        first.add((System.nanoTime() - begin) / 1e9);
        for (String reader : dataset.readers()) awaitRead(client, reader);
        all.add((System.nanoTime() - begin) / 1e9);
      }
    }
    place
        .report()
        .line(
            "Killed (SIGKILL) and started again at once, with class data: the first page was read %s s after the kill, those of %d readers one after the other after %s s."
                .formatted(first.text("%.1f"), READERS, all.text("%.1f")));
  }

  private static void awaitRead(TidelineClient client, String reader) {
    long giveUpAt = System.nanoTime() + PATIENCE.toNanos();
    while (true) {
      try {
        var request = ReadFeedRequest.newBuilder().setUserId(reader).setPageSize(1).build();
        if (client.readFeed(request).get(5, TimeUnit.SECONDS).getCardsCount() > 0) return;
      } catch (ExecutionException | TimeoutException e) {
        if (System.nanoTime() > giveUpAt) {
          throw new IllegalStateException("no page of %s".formatted(reader), e);
        }
        Pause.of(Duration.ofMillis(50));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("interrupted", e);
      }
    }
  }

  /** Posts are accepted while Kafka is away, and are in the feeds once it is back. */
  private boolean outage(TidelineNode node) {
    Duration outage = place.quick() ? Duration.ofSeconds(10) : Duration.ofMinutes(5);
    place.say().accept("Start: no Kafka for %d s".formatted(outage.toSeconds()));
    node.kafka().kill();
    Set<String> accepted = ConcurrentHashMap.newKeySet();
    var refused = new LongAdder();
    var posts = new Posts();
    try (TidelineClient client = node.client()) {
      long begin = System.nanoTime();
      long count = outage.toSeconds() * POSTS_PER_SECOND;
      List<CompletableFuture<?>> underWay = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        long due = begin + i * 1_000_000_000L / POSTS_PER_SECOND;
        Pause.of(Duration.ofNanos(Math.max(0, due - System.nanoTime())));
        // The authors whom the first reader follows.
        underWay.add(
            client
                .publish(posts.request(author(i % FOLLOWS), "while the log was away"))
                .handle(
                    (answer, failure) -> {
                      if (failure == null) accepted.add(answer.getPostId());
                      else refused.increment();
                      return null;
                    }));
      }
      underWay.forEach(CompletableFuture::join);
      place.say().accept("Start: Kafka comes back");
      node.kafka().restart();
      long back = System.nanoTime();
      long missing = accepted.size();
      double seconds = 0;
      while (missing > 0 && seconds < PATIENCE.toSeconds()) {
        Set<String> left = new HashSet<>(accepted);
        walk(client, "reader-0", left);
        missing = left.size();
        seconds = (System.nanoTime() - back) / 1e9;
      }
      place
          .report()
          .line(
              String.format(
                  Locale.ROOT,
                  "Kafka killed, and started again after %d s: of %,d posts by %d authors at %d/s meanwhile %,d were accepted and %,d refused. A walk that found all of them in the feed of one who follows ended %.1f s after Kafka answered again.",
                  outage.toSeconds(),
                  count,
                  FOLLOWS,
                  POSTS_PER_SECOND,
                  accepted.size(),
                  refused.sum(),
                  seconds));
      if (missing == 0) return true;
      place.report().line("**%,d accepted posts never came.**".formatted(missing));
      return false;
    }
  }

  /** Through a feed from its newest entry, until nothing is left to be found. */
  private static void walk(TidelineClient client, String reader, Set<String> left) {
    String cursor = "";
    do {
      ReadFeedResponse page =
          client
              .readFeed(
                  ReadFeedRequest.newBuilder()
                      .setUserId(reader)
                      .setPageSize(PAGE)
                      .setCursor(cursor)
                      .build())
              .join();
      int before = left.size();
      for (Card card : page.getCardsList()) left.remove(card.getPost().getPostId());
      // What was accepted is newer than everything else.
      if (left.size() == before) return;
      cursor = page.getNextCursor();
    } while (!left.isEmpty() && !cursor.isEmpty());
  }
}
