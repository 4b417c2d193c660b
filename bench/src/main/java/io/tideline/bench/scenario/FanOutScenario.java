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
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Random;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** How fast posts reach the timelines of those who follow. */
public final class FanOutScenario {
  private static final int CONNECTIONS = 4;
  private static final int UNDER_WAY = 32;
  private static final int CHECKED_READERS = 20;
  private static final int SAMPLE = 200;
  private static final int CAPACITY = 800;
  private static final int PART = 10;
  // It has just started, and has one core for everything.
  private static final int WARM_UPS_AFTER_START = 6;

  private static final class Figures {
    private final Samples deliveries = new Samples();
    private final Samples toAwake = new Samples();
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
  private final Set<String> awake;
  private final long deliveries;
  private final long toAwake;

  private FanOutScenario(Setting setting, Set<String> awake) {
    this.setting = setting;
    this.awake = awake;
    followers = setting.dataset().followers();
    List<String> readers = new ArrayList<>(setting.dataset().readers());
    Collections.shuffle(readers, new Random(1));
    sample = readers.subList(0, Math.min(SAMPLE, readers.size()));
    deliveries = deliveries(reader -> true);
    toAwake = deliveries(awake::contains);
    for (Side side : setting.sides()) {
      if (side.takesPosts() && side.delivers()) figures.put(side, new Figures());
    }
  }

  /** True when every post got where it should. */
  public static boolean run(Setting setting) {
    var scenario = new FanOutScenario(setting, setting.dataset().readers());
    setting.report().heading(2, "Fan-out: posts into resident timelines");
    setting
        .report()
        .line(
            scenario.published()
                + String.format(
                    Locale.ROOT,
                    " make %,d deliveries. Time runs until the last follower has the last post.",
                    scenario.deliveries));
    scenario.rounds(List.of());
    for (int round = 1; round <= setting.plan().rounds(); round++) {
      scenario.figures.forEach(scenario::toLastFollower);
    }
    return scenario.report("fanout");
  }

  /** The same while most timelines sleep where they can: their entries come when they wake. */
  public static boolean runAsleep(Setting setting) {
    Set<String> awake = new LinkedHashSet<>();
    int number = 0;
    for (String reader : setting.dataset().readers()) {
      if (number++ % PART == 0) awake.add(reader);
    }
    setting.say().accept("Asleep: all timelines but one in " + PART);
    var scenario = new FanOutScenario(setting, awake);
    List<Side> asleep =
        scenario.figures.keySet().stream().filter(side -> side.keepAwake(awake)).toList();
    setting.cores().separate(setting.processes());
    setting
        .report()
        .heading(2, "Fan-out: posts to followers of whom one in %d is awake".formatted(PART));
    setting.report().line(scenario.whatIsDelivered(asleep));
    scenario.rounds(asleep);
    return scenario.report("asleep");
  }

  private String published() {
    return String.format(
        Locale.ROOT,
        "%,d posts, published as fast as they are taken (%d connections with %d calls under way),",
        setting.dataset().posts().size(),
        CONNECTIONS,
        UNDER_WAY);
  }

  private String whatIsDelivered(List<Side> asleep) {
    return published()
        + String.format(
            Locale.ROOT,
            " are %,d entries for those who follow, %,d of them in the timelines that are awake."
                + " Timelines can sleep on %s only. There, time runs until the last timeline that"
                + " is awake has the last post; all other entries are put off until their readers"
                + " wake up, which no figure here has in it. Everywhere else each entry is"
                + " delivered, and time runs until the last follower has the last post. Entries/s"
                + " and figures per entry count those that are put off as well. What sleeps was"
                + " started anew, and warmed up with %d replays of the posts; the others with one.",
            deliveries,
            toAwake,
            asleep.stream().map(Side::name).collect(Collectors.joining(" and ")),
            WARM_UPS_AFTER_START);
  }

  /**
   * Takes all turns.
   *
   * @param anew sides that have just started
   */
  private void rounds(List<Side> anew) {
    List<Dataset.SourcePost> source = setting.dataset().posts();
    for (Side side : figures.keySet()) {
      int times = anew.contains(side) ? WARM_UPS_AFTER_START : 1;
      for (int i = 0; i < times; i++) warmUp(side, source);
    }
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

  private void warmUp(Side side, List<Dataset.SourcePost> source) {
    setting.say().accept("Fan-out: warming up " + side.name());
    Driver.replay(
        side.address(), CONNECTIONS, UNDER_WAY, source.stream().map(posts::call).toList());
    side.awaitDelivered();
  }

  /** Followers only: whether authors read what they have written is no question of fan-out. */
  private long deliveries(Predicate<String> to) {
    return setting.dataset().posts().stream()
        .flatMap(post -> followers.getOrDefault(post.author(), List.of()).stream())
        .filter(to)
        .count();
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
    of.toAwake.add(toAwake / seconds);
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
                Locale.ROOT,
                "Fan-out, round %d: %s %,.0f deliveries/s",
                round,
                side.name(),
                toAwake / seconds));
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
      List<String> missing = feeds.awaitFirst(sample, id, FeedReader.PATIENCE);
      if (missing.isEmpty()) {
        of.star.add((System.nanoTime() - begin) / 1e6);
      } else {
        of.wrong.add(FeedReader.lost(missing, sample));
      }
    }
  }

  private boolean report(String chart) {
    var report = setting.report();
    report.line(
        ("CPU is that of all processes of a side, publishing included. The median of %d rounds, and"
                + " the least and the most.")
            .formatted(setting.plan().rounds()));
    boolean allAwake = awake.size() == setting.dataset().readers().size();
    String unit = allAwake ? "delivery" : "entry";
    Map<String, Function<Figures, String>> columns = new LinkedHashMap<>();
    columns.put(allAwake ? "deliveries/s" : "entries/s", of -> of.deliveries.text("%,.0f"));
    if (!allAwake) columns.put("to awake timelines/s", of -> of.toAwake.text("%,.0f"));
    columns.put("posts/s", of -> of.posts.text("%,.0f"));
    columns.put("CPU per %s, µs".formatted(unit), of -> of.cpu.text("%.2f"));
    columns.put("Cassandra writes per " + unit, of -> of.writes.text("%.4f"));
    columns.put("Tideline is times", of -> of.ratio.text("%.2f"));
    if (allAwake) {
      columns.put(
          "one post to %,d followers, ms".formatted(setting.dataset().readers().size()),
          of -> of.star.text("%,.0f"));
    }
    List<List<String>> rows = new ArrayList<>();
    rows.add(Stream.concat(Stream.of("Side"), columns.keySet().stream()).toList());
    figures.forEach(
        (side, of) ->
            rows.add(
                Stream.concat(
                        Stream.of(side.name()),
                        columns.values().stream().map(column -> column.apply(of)))
                    .toList()));
    report.table(rows);
    Map<String, Samples> bars = new LinkedHashMap<>();
    figures.forEach((side, of) -> bars.put(side.name(), of.toAwake));
    report.chart(chart, "Deliveries per second to timelines that are awake, on one core", bars);
    if (allAwake) {
      report.line(
          "The last column is the time from the call of Publish until each of "
              + sample.size()
              + " followers, chosen at random, had been asked and had it; asking takes a part of"
              + " it.");
    }
    boolean right = true;
    for (Map.Entry<Side, Figures> side : figures.entrySet()) {
      for (String wrong : side.getValue().wrong) {
        right = false;
        report.line("\n**%s: %s.**".formatted(side.getKey().name(), wrong));
      }
    }
    return right;
  }
}
