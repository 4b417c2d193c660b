package io.tideline.bench.scenario;

import io.tideline.bench.Cores;
import io.tideline.bench.Samples;
import io.tideline.bench.data.Dataset;
import io.tideline.bench.driver.Call;
import io.tideline.bench.driver.Driver;
import io.tideline.bench.driver.Measured;
import io.tideline.bench.side.Side;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Random;

/** How fast posts reach the timelines of those who follow. */
public final class FanOutScenario {
  private static final int CONNECTIONS = 4;
  private static final int UNDER_WAY = 32;
  private static final int CHECKED_READERS = 20;
  private static final int SAMPLE = 200;
  private static final int CAPACITY = 800;
  private static final int PART = 10;

  private static final class Figures {
    private final Samples deliveries = new Samples();
    private final Samples posts = new Samples();
    private final Samples cpu = new Samples();
    private final Samples writes = new Samples();
    private final Samples ratio = new Samples();
    private final Samples star = new Samples();
    private final List<String> wrong = new ArrayList<>();
  }

  private final Setting setting;
  private final Posts posts = new Posts();
  private final Map<String, List<String>> followers;
  private final List<String> sample;
  private final Map<Side, Figures> figures = new LinkedHashMap<>();
  private final long deliveries;

  private FanOutScenario(Setting setting) {
    this.setting = setting;
    followers = setting.dataset().followers();
    List<String> readers = new ArrayList<>(setting.dataset().readers());
    Collections.shuffle(readers, new Random(1));
    sample = readers.subList(0, Math.min(SAMPLE, readers.size()));
    deliveries = deliveriesOf(setting.dataset().posts());
    for (Side side : setting.sides()) {
      if (side.takesPosts() && side.delivers()) figures.put(side, new Figures());
    }
  }

  /** True when every post got where it should. */
  public static boolean run(Setting setting) {
    var scenario = new FanOutScenario(setting);
    setting.report().heading(2, "Fan-out: posts into resident timelines");
    scenario.rounds();
    for (int round = 1; round <= setting.plan().rounds(); round++) {
      scenario.figures.forEach(scenario::toLastFollower);
    }
    return scenario.report("fanout");
  }

  /** The same while most timelines sleep where they can: their entries come when they wake. */
  public static boolean runAsleep(Setting setting) {
    var scenario = new FanOutScenario(setting);
    List<String> awake = new ArrayList<>();
    int number = 0;
    for (String reader : setting.dataset().readers()) {
      if (number++ % PART == 0) awake.add(reader);
    }
    setting.say().accept("Asleep: all timelines but one in " + PART);
    setting.sides().forEach(side -> side.keepAwake(awake));
    setting.cores().separate(setting.processes());
    setting
        .report()
        .heading(2, "Fan-out: posts to followers of whom one in %d is awake".formatted(PART));
    scenario.rounds();
    return scenario.report("asleep");
  }

  private void rounds() {
    List<Dataset.SourcePost> source = setting.dataset().posts();
    warmUp(source);
    for (int round = 1; round <= setting.plan().rounds(); round++) {
      Map<Side, Double> rates = new LinkedHashMap<>();
      for (Map.Entry<Side, Figures> side : figures.entrySet()) {
        rates.put(side.getKey(), replay(side.getKey(), side.getValue(), source, round));
      }
      double tideline = rates.values().iterator().next();
      rates.forEach((side, rate) -> figuresOf(side).ratio.add(tideline / rate));
    }
  }

  private Figures figuresOf(Side side) {
    return figures.computeIfAbsent(side, unknown -> new Figures());
  }

  private void warmUp(List<Dataset.SourcePost> source) {
    for (Side side : figures.keySet()) {
      setting.say().accept("Fan-out: warming up " + side.name());
      Driver.replay(
          side.address(), CONNECTIONS, UNDER_WAY, source.stream().map(posts::call).toList());
      side.awaitDelivered();
    }
  }

  /** Followers only: whether authors read what they have written is no question of fan-out. */
  private long deliveriesOf(List<Dataset.SourcePost> source) {
    return source.stream()
        .mapToLong(post -> followers.getOrDefault(post.author(), List.of()).size())
        .sum();
  }

  private double replay(Side side, Figures of, List<Dataset.SourcePost> source, int round) {
    List<Call> calls = source.stream().map(posts::call).toList();
    long startMillis = System.currentTimeMillis();
    OptionalLong writesBefore = side.cassandraWrites();
    double cpuBefore = Cores.seconds(side.processes());
    long begin = System.nanoTime();
    Measured measured = Driver.replay(side.address(), CONNECTIONS, UNDER_WAY, calls);
    side.awaitDelivered();
    double seconds = (System.nanoTime() - begin) / 1e9;
    double cpu = Cores.seconds(side.processes()) - cpuBefore;
    double rate = deliveries / seconds;
    of.deliveries.add(rate);
    if (writesBefore.isPresent()) {
      long writes = side.cassandraWrites().orElse(0) - writesBefore.getAsLong();
      of.writes.add((double) writes / deliveries);
    }
    of.posts.add(measured.answers() / seconds);
    of.cpu.add(1e6 * cpu / deliveries);
    if (measured.failures() > 0) {
      of.wrong.add(
          "%,d posts were not taken, the first: %s"
              .formatted(measured.failures(), measured.firstFailure()));
    }
    check(side, of, source, startMillis);
    setting
        .say()
        .accept(
            String.format(
                Locale.ROOT, "Fan-out, round %d: %s %,.0f deliveries/s", round, side.name(), rate));
    return rate;
  }

  private void check(Side side, Figures of, List<Dataset.SourcePost> source, long startMillis) {
    Map<String, Integer> written = new HashMap<>();
    source.forEach(post -> written.merge(post.author(), 1, Integer::sum));
    try (var feeds = new FeedReader(side.address())) {
      for (String reader : sample.subList(0, Math.min(CHECKED_READERS, sample.size()))) {
        int expected = 0;
        for (String followee : setting.dataset().follows().getOrDefault(reader, List.of())) {
          expected += written.getOrDefault(followee, 0);
        }
        // Of authors who read: Tideline shows them their own posts, too.
        int own = written.getOrDefault(reader, 0);
        int found = feeds.publishedSince(reader, startMillis, CAPACITY);
        if (found < Math.min(expected, CAPACITY) || found > Math.min(expected + own, CAPACITY)) {
          of.wrong.add("%s has %d new entries instead of %d".formatted(reader, found, expected));
        }
      }
    }
  }

  private void toLastFollower(Side side, Figures of) {
    try (var feeds = new FeedReader(side.address())) {
      feeds.without(sample, "");
      long begin = System.nanoTime();
      String id = feeds.publish(posts.request(Dataset.STAR, "to everybody")).getPostId();
      List<String> missing = sample;
      while (!missing.isEmpty()) missing = feeds.without(missing, id);
      of.star.add((System.nanoTime() - begin) / 1e6);
    }
  }

  private boolean report(String chart) {
    var report = setting.report();
    report.line(
        String.format(
            Locale.ROOT,
            "%,d posts, published as fast as they are taken (%d connections with %d calls under"
                + " way), make %,d deliveries. Time runs until the last follower has the last post;"
                + " CPU is that of all processes of a side, publishing included. The median of %d"
                + " rounds, and the least and the most.",
            setting.dataset().posts().size(),
            CONNECTIONS,
            UNDER_WAY,
            deliveries,
            setting.plan().rounds()));
    List<List<String>> rows = new ArrayList<>();
    rows.add(
        List.of(
            "Side",
            "deliveries/s",
            "posts/s",
            "CPU per delivery, µs",
            "Cassandra writes per delivery",
            "Tideline is times",
            "one post to %,d followers, ms".formatted(setting.dataset().readers().size())));
    boolean right = true;
    for (Map.Entry<Side, Figures> side : figures.entrySet()) {
      Figures of = side.getValue();
      rows.add(
          List.of(
              side.getKey().name(),
              of.deliveries.text("%,.0f"),
              of.posts.text("%,.0f"),
              of.cpu.text("%.2f"),
              of.writes.text("%.4f"),
              of.ratio.text("%.2f"),
              of.star.text("%,.0f")));
    }
    report.table(rows);
    Map<String, Samples> bars = new LinkedHashMap<>();
    figures.forEach((side, of) -> bars.put(side.name(), of.deliveries));
    report.chart(chart, "Deliveries per second on one core", bars);
    report.line(
        "The last column is the time from the call of Publish until each of "
            + sample.size()
            + " followers, chosen at random, had been asked and had it; asking takes a part of"
            + " it.");
    for (Map.Entry<Side, Figures> side : figures.entrySet()) {
      for (String wrong : side.getValue().wrong) {
        right = false;
        report.line("\n**%s: %s.**".formatted(side.getKey().name(), wrong));
      }
    }
    return right;
  }
}
