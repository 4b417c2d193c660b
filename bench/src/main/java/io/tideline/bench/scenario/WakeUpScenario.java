package io.tideline.bench.scenario;

import io.tideline.bench.data.Dataset;
import io.tideline.bench.driver.Rpc;
import io.tideline.bench.side.Pause;
import io.tideline.bench.side.TidelineNode;
import io.tideline.client.TidelineClient;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/** How long the first page takes of a timeline that is not in memory. */
public final class WakeUpScenario {
  private static final long LONGEST = TimeUnit.MINUTES.toNanos(2);
  private static final int POSTS_PER_AUTHOR = 4;
  private static final int MOST_FOLLOWS = 10_000;
  private static final long FROM = 1_750_000_000_000L;
  private static final int BURST_FOLLOWS = 200;
  private static final int BURSTS = 3;
  private static final Duration TO_SETTLE = Duration.ofSeconds(10);
  private static final Duration TO_PASSIVATE = Duration.ofMinutes(3);
  private static final String RESIDENT = "tideline_timelines_resident";
  private static final String COLD = "tideline_activations_cold_total";
  private static final String WARM = "tideline_activations_warm_total";

  /** Readers with equally many follows. */
  private record Group(int follows, List<String> readers) {}

  /** What came of some reads. */
  private record Times(
      Histogram nanos, double seconds, long wrong, @Nullable String firstProblem) {}

  private final Place place;
  private final Duration passiveAfter;
  private final SplittableRandom random = new SplittableRandom(1);
  private final List<Group> groups = new ArrayList<>();
  private final List<Group> bursts = new ArrayList<>();
  private final int authors;
  private final List<List<String>> rows = new ArrayList<>();
  private boolean right = true;

  private WakeUpScenario(Place place) {
    this.place = place;
    passiveAfter = Duration.ofSeconds(place.quick() ? 15 : 30);
    authors = place.quick() ? MOST_FOLLOWS / 10 : MOST_FOLLOWS;
    int part = place.quick() ? 10 : 1;
    add(20, 300 / part);
    add(200, 300 / part);
    add(2_000 / part, 60 / part);
    add(10_000 / part, 10);
    for (int i = 1; i <= BURSTS; i++) {
      bursts.add(group("burst-" + i, BURST_FOLLOWS, 1_000 / part));
    }
  }

  private void add(int follows, int readers) {
    groups.add(group("follows-" + follows, follows, readers));
  }

  private static Group group(String name, int follows, int readers) {
    List<String> ids = new ArrayList<>();
    for (int i = 0; i < readers; i++) ids.add(name + "-" + i);
    return new Group(follows, ids);
  }

  /** True when every page was whole. */
  public static boolean run(Place place) {
    return new WakeUpScenario(place).run();
  }

  private boolean run() {
    Dataset dataset = dataset();
    place.report().heading(2, "Wake-up: the first page of a timeline that sleeps");
    place
        .report()
        .line(
            "From the call of ReadFeed to its answer of 20 cards, at the client. %s. Node, Cassandra and Kafka are on this machine and share its cores with the driver. One read at a time, unless it says at once."
                .formatted(dataset.description()));
    rows.add(
        List.of("What", "follows", "timelines", "p50, ms", "p99, ms", "most, ms", "wake-ups/s"));
    try (TidelineNode node =
        TidelineNode.start(
            place.home(), place.directory().resolve("wakeup"), options("1000000", "64MiB"))) {
      place.say().accept("Wake-up: filling a node with " + dataset.description());
      node.fill(dataset);
      everybody(node, "never awake before");
      passivate(node);
      everybody(node, "window warm");
      passivate(node);
      // Only the end of the log is remembered: what has come since nobody slept is not.
      node.restart(options("1000", "64MiB"));
      publish(node, dataset);
      everybody(node, "window cold, after a restart");
      node.restart(options("1000000", "1KiB"));
      missingCards(node);
    }
    place.report().table(rows);
    place
        .report()
        .line(
            "One burst of timelines that are read at once comes after another; the first ones still have code compiled. Targets for p99: window warm, 200 follows 50 ms; cold, 200 follows 250 ms, 2,000 follows 1,000 ms; 1,000 wake-ups/s.");
    return right;
  }

  private List<String> options(String references, String cards) {
    return List.of(
        TidelineNode.AGENT,
        "-Xmx4g",
        // ServerProcess gives one processor; this node has the machine.
        "-XX:ActiveProcessorCount=" + Runtime.getRuntime().availableProcessors(),
        "-Dtideline.persistence.user.passivate-after=" + passiveAfter.toSeconds() + "s",
        "-Dtideline.multi-dc.log.tail.max-references=" + references,
        "-Dtideline.persistence.card-cache.max-size=" + cards);
  }

  private Dataset dataset() {
    Map<String, List<String>> follows = new LinkedHashMap<>();
    List<Group> all = new ArrayList<>(groups);
    all.addAll(bursts);
    for (Group group : all) {
      for (String reader : group.readers()) follows.put(reader, followees(group.follows()));
    }
    List<Dataset.SourcePost> posts = new ArrayList<>();
    for (int i = 0; i < authors * POSTS_PER_AUTHOR; i++) {
      // Each author has as many, so that who follows 20 has a page.
      posts.add(
          new Dataset.SourcePost(
              "author-" + (int) ((i * 7_919L) % authors),
              "post-" + i,
              FROM + i * 10_000L,
              "what was to be said on the day with the number " + i));
    }
    return new Dataset(
        String.format(
            Locale.ROOT,
            "%,d readers, %,d posts by %,d authors",
            follows.size(),
            posts.size(),
            authors),
        follows,
        posts);
  }

  private List<String> followees(int count) {
    Set<String> followees = new HashSet<>();
    if (count >= authors) {
      for (int i = 0; i < authors; i++) followees.add("author-" + i);
    }
    while (followees.size() < Math.min(count, authors)) {
      followees.add("author-" + random.nextInt(authors));
    }
    return List.copyOf(followees);
  }

  private void everybody(TidelineNode node, String what) {
    try (TidelineClient client = node.client()) {
      // The connection is no part of it.
      client.readFeed(request("nobody")).join();
      double cold = counted(node, COLD);
      double warm = counted(node, WARM);
      for (Group group : groups) measure(client, what, group, 1);
      for (int i = 0; i < BURSTS; i++) {
        Group burst = bursts.get(i);
        measure(client, what + ", all at once, " + (i + 1), burst, burst.readers().size());
      }
      cold = counted(node, COLD) - cold;
      warm = counted(node, WARM) - warm;
      place
          .report()
          .line(
              String.format(
                  Locale.ROOT,
                  "- %s: the node rebuilt %.0f from the post store and resumed %.0f from their checkpoints",
                  what,
                  cold,
                  warm));
    }
  }

  private void measure(TidelineClient client, String what, Group group, int atOnce) {
    place.say().accept("Wake-up: %s, %,d follows".formatted(what, group.follows()));
    report(what, group, read(client, group.readers(), atOnce));
  }

  private void report(String what, Group group, Times times) {
    rows.add(
        List.of(
            what,
            String.format(Locale.ROOT, "%,d", group.follows()),
            String.format(Locale.ROOT, "%,d", group.readers().size()),
            millis(times.nanos().getValueAtPercentile(50)),
            millis(times.nanos().getValueAtPercentile(99)),
            millis(times.nanos().getMaxValue()),
            String.format(Locale.ROOT, "%,.0f", group.readers().size() / times.seconds())));
    place
        .say()
        .accept(
            "Wake-up: p50 %s ms, p99 %s ms"
                .formatted(
                    millis(times.nanos().getValueAtPercentile(50)),
                    millis(times.nanos().getValueAtPercentile(99))));
    if (times.wrong() > 0) {
      right = false;
      place
          .report()
          .line(
              "\n**%s, %d follows: %d pages failed or were not whole.**"
                  .formatted(what, group.follows(), times.wrong()));
    }
  }

  private static String millis(long nanos) {
    return String.format(Locale.ROOT, "%,.1f", nanos / 1e6);
  }

  private static Times read(TidelineClient client, List<String> readers, int atOnce) {
    var nanos = new Histogram(LONGEST, 3);
    List<String> problems = new ArrayList<>();
    long begin = System.nanoTime();
    for (int from = 0; from < readers.size(); from += atOnce) {
      List<CompletableFuture<?>> underWay = new ArrayList<>();
      for (String reader : readers.subList(from, Math.min(readers.size(), from + atOnce))) {
        long asked = System.nanoTime();
        underWay.add(
            client
                .readFeed(request(reader))
                .handle(
                    (page, failure) -> {
                      boolean whole = failure == null && isWhole(page);
                      synchronized (nanos) {
                        if (!whole)
                          problems.add(failure == null ? "a short page" : failure.getMessage());
                        nanos.recordValue(Math.min(LONGEST, System.nanoTime() - asked));
                      }
                      return whole;
                    }));
      }
      underWay.forEach(CompletableFuture::join);
    }
    return new Times(
        nanos,
        (System.nanoTime() - begin) / 1e9,
        problems.size(),
        problems.isEmpty() ? null : problems.get(0));
  }

  private static boolean isWhole(ReadFeedResponse page) {
    return page.getCardsCount() == Rpc.PAGE_SIZE;
  }

  private static ReadFeedRequest request(String reader) {
    return ReadFeedRequest.newBuilder().setUserId(reader).setPageSize(Rpc.PAGE_SIZE).build();
  }

  /** As the node tells it, once that is up to date. */
  private static double counted(TidelineNode node, String name) {
    Pause.of(TO_SETTLE);
    return node.metric(name).orElse(0);
  }

  private void passivate(TidelineNode node) {
    place.say().accept("Wake-up: waiting until all timelines sleep");
    long giveUpAt = System.nanoTime() + TO_PASSIVATE.toNanos();
    Pause.of(passiveAfter.plus(TO_SETTLE));
    while (node.metric(RESIDENT).orElse(1) > 0) {
      if (System.nanoTime() > giveUpAt) {
        throw new IllegalStateException("timelines are still awake after " + TO_PASSIVATE);
      }
      Pause.of(Duration.ofSeconds(1));
    }
    // Its users go a while after a timeline.
    Pause.of(TO_SETTLE);
  }

  /** More than is remembered, in each partition of the log. */
  private void publish(TidelineNode node, Dataset dataset) {
    var posts = new Posts();
    var window = new ArrayList<CompletableFuture<?>>();
    try (TidelineClient client = node.client()) {
      for (int i = 0; i < 4_000; i++) {
        Dataset.SourcePost like = dataset.posts().get(i % dataset.posts().size());
        window.add(client.publish(posts.request(like.author(), like.title())));
        if (window.size() == 100) {
          window.forEach(CompletableFuture::join);
          window.clear();
        }
      }
    }
    Pause.of(TO_SETTLE);
  }

  /** Timelines are awake, but of no page any card is at hand. */
  private void missingCards(TidelineNode node) {
    Group group = groups.get(1);
    try (TidelineClient client = node.client()) {
      read(client, group.readers(), 1);
      place.say().accept("Wake-up: pages without a card at hand");
      Times times = read(client, group.readers(), 1);
      report("awake, 20 of 20 cards missing", group, times);
    }
    place
        .report()
        .line(
            String.format(
                Locale.ROOT,
                "- 20 of 20 cards missing: the cache of cards was given 1 KiB; of all cards looked up %.1f %% were in it",
                100 * counted(node, "tideline_cards_hit_rate")));
  }
}
