package io.tideline.bench.scenario;

import io.grpc.stub.StreamObserver;
import io.tideline.bench.Samples;
import io.tideline.bench.data.Dataset;
import io.tideline.bench.side.Pause;
import io.tideline.bench.side.TidelineNode;
import io.tideline.client.FeedWatch;
import io.tideline.client.TidelineClient;
import io.tideline.protocols.v1.WatchFeedRequest;
import io.tideline.protocols.v1.WatchFeedResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.HdrHistogram.ConcurrentHistogram;
import org.HdrHistogram.Histogram;

/**
 * How long a post takes until it is acknowledged, and from there until somebody who watches a feed
 * is told of it.
 */
public final class PublishScenario {
  private static final long LONGEST = TimeUnit.MINUTES.toNanos(1);
  private static final long FROM = 1_750_000_000_000L;
  private static final int FOLLOWS = 20;
  private static final Duration TO_BE_SEEN = Duration.ofSeconds(10);

  /** What one turn measured, in nanoseconds. */
  private record Turn(Histogram acknowledged, Histogram visible, long lost) {}

  private final Place place;
  private final int readers;
  private final int authors;
  private final Posts posts = new Posts();
  private final List<List<String>> rows = new ArrayList<>();
  private final Map<String, Long> seen = new ConcurrentHashMap<>();
  private final Queue<Throwable> failures = new ConcurrentLinkedQueue<>();
  private boolean right = true;

  private PublishScenario(Place place) {
    this.place = place;
    readers = place.quick() ? 100 : 1_000;
    authors = readers / 5;
  }

  /** True when every post was acknowledged and seen. */
  public static boolean run(Place place) {
    return new PublishScenario(place).run();
  }

  private boolean run() {
    place.report().heading(2, "Publish: acknowledged, and visible to those who are awake");
    place
        .report()
        .line(
            String.format(
                Locale.ROOT,
                "One node, which shares the machine with its Cassandra, its Kafka and the driver; %,d timelines awake with %d follows each, %d deliveries of a post. Latencies count from when a post should have been sent to its answer, and from there to the message in which one follower's watch has it (0 when that was sooner). The median of %d turns of %d s each, and the least and the most. Target at 500/s: p99 25 and 50 ms.",
                readers,
                FOLLOWS,
                readers * FOLLOWS / authors,
                place.plan().rounds(),
                place.plan().turn().toSeconds()));
    rows.add(
        List.of(
            "posts/s",
            "acknowledged p50, ms",
            "p99, ms",
            "p99.9, ms",
            "then visible p50, ms",
            "p99, ms",
            "p99.9, ms",
            "not acknowledged or seen"));
    List<String> options =
        List.of(
            TidelineNode.AGENT,
            "-Xmx1500m",
            "-XX:ActiveProcessorCount=" + Runtime.getRuntime().availableProcessors(),
            "-Dtideline.persistence.user.passivate-after=24h");
    Dataset dataset = dataset();
    try (TidelineNode node =
        TidelineNode.start(place.home(), place.directory().resolve("publish"), options)) {
      node.fill(dataset);
      node.readNewest(dataset.readers());
      try (TidelineClient client = node.client()) {
        List<FeedWatch> watches = watchEveryAuthor(client);
        for (int rate : place.quick() ? List.of(50) : List.of(100, 500)) measure(client, rate);
        watches.forEach(FeedWatch::close);
      }
    }
    place.report().table(rows);
    return right;
  }

  private void measure(TidelineClient client, int rate) {
    place.say().accept("Publish: warming up with %d/s".formatted(rate));
    var unused = turn(client, rate, place.plan().warmUp().multipliedBy(2));
    Map<String, Samples> figures = new LinkedHashMap<>();
    long lost = 0;
    for (int round = 1; round <= place.plan().rounds(); round++) {
      Turn turn = turn(client, rate, place.plan().turn());
      lost += turn.lost();
      add(figures, "acknowledged", turn.acknowledged());
      add(figures, "visible", turn.visible());
      place
          .say()
          .accept(
              String.format(
                  Locale.ROOT,
                  "Publish at %d/s, round %d: acknowledged p99 %.1f ms, visible p99 %.1f ms",
                  rate,
                  round,
                  millis(turn.acknowledged(), 99),
                  millis(turn.visible(), 99)));
    }
    List<String> row = new ArrayList<>();
    row.add(Integer.toString(rate));
    figures.values().forEach(samples -> row.add(samples.text("%.1f")));
    row.add(Long.toString(lost));
    rows.add(row);
    if (!failures.isEmpty()) {
      place
          .report()
          .line("**A post or a watch failed, the first: %s.**".formatted(failures.peek()));
    }
    right &= lost == 0 && failures.isEmpty();
  }

  private static void add(Map<String, Samples> figures, String what, Histogram nanos) {
    for (double percentile : new double[] {50, 99, 99.9}) {
      figures
          .computeIfAbsent(what + percentile, name -> new Samples())
          .add(millis(nanos, percentile));
    }
  }

  private static double millis(Histogram nanos, double percentile) {
    return nanos.getValueAtPercentile(percentile) / 1e6;
  }

  /** Posts at a fixed rate, whatever becomes of them, by one author after the other. */
  private Turn turn(TidelineClient client, int rate, Duration time) {
    seen.clear();
    var acknowledged = new ConcurrentHistogram(LONGEST, 3);
    Map<String, Long> acknowledgedAt = new ConcurrentHashMap<>();
    var underWay = new AtomicInteger();
    long begin = System.nanoTime();
    long count = rate * time.toSeconds();
    for (long i = 0; i < count; i++) {
      long due = begin + i * 1_000_000_000L / rate;
      for (long wait; (wait = due - System.nanoTime()) > 0; ) LockSupport.parkNanos(wait);
      underWay.incrementAndGet();
      var unused =
          client
              .publish(posts.request(author((int) (i % authors)), "post " + i))
              .whenComplete(
                  (answer, failure) -> {
                    long now = System.nanoTime();
                    if (failure != null) {
                      failures.add(failure);
                    } else {
                      acknowledged.recordValue(Math.min(LONGEST, now - due));
                      acknowledgedAt.put(answer.getPostId(), now);
                    }
                    underWay.decrementAndGet();
                  });
    }
    long giveUpAt = System.nanoTime() + TO_BE_SEEN.toNanos();
    while ((underWay.get() > 0 || !seen.keySet().containsAll(acknowledgedAt.keySet()))
        && System.nanoTime() < giveUpAt) {
      Pause.of(Duration.ofMillis(50));
    }
    var visible = new Histogram(LONGEST, 3);
    long lost = count - acknowledgedAt.size();
    for (Map.Entry<String, Long> post : acknowledgedAt.entrySet()) {
      Long at = seen.get(post.getKey());
      if (at == null) lost++;
      else visible.recordValue(Math.max(0, Math.min(LONGEST, at - post.getValue())));
    }
    return new Turn(acknowledged, visible, lost);
  }

  /** One follower of each author watches. */
  private List<FeedWatch> watchEveryAuthor(TidelineClient client) {
    List<FeedWatch> watches = new ArrayList<>();
    for (int i = 0; i < authors / FOLLOWS; i++) {
      watches.add(
          client.watchFeed(
              WatchFeedRequest.newBuilder().setUserId(watcher(i)).build(), new Seen()));
    }
    return watches;
  }

  private final class Seen implements StreamObserver<WatchFeedResponse> {
    @Override
    public void onNext(WatchFeedResponse change) {
      if (change.hasAdded()) seen.put(change.getAdded().getPost().getPostId(), System.nanoTime());
    }

    @Override
    public void onError(Throwable failure) {
      failures.add(failure);
    }

    @Override
    public void onCompleted() {}
  }

  private static String author(int number) {
    return "author-" + number;
  }

  private static String watcher(int number) {
    return "watcher-" + number;
  }

  /** The first ones are those who watch, each some authors of its own. */
  private Dataset dataset() {
    var random = new SplittableRandom(1);
    Map<String, List<String>> follows = new LinkedHashMap<>();
    for (int i = 0; i < authors / FOLLOWS; i++) {
      int first = i * FOLLOWS;
      follows.put(
          watcher(i),
          IntStream.range(first, first + FOLLOWS).mapToObj(PublishScenario::author).toList());
    }
    for (int i = follows.size(); i < readers; i++) {
      Set<String> followees = new LinkedHashSet<>();
      while (followees.size() < FOLLOWS) followees.add(author(random.nextInt(authors)));
      follows.put("reader-" + i, List.copyOf(followees));
    }
    List<Dataset.SourcePost> old = new ArrayList<>();
    for (int i = 0; i < 4 * authors; i++) {
      old.add(
          new Dataset.SourcePost(
              author(i % authors), "post-" + i, FROM + i * 60_000L, "the title of post " + i));
    }
    return new Dataset("", follows, old);
  }
}
