package io.tideline.bench.scenario;

import io.tideline.bench.data.Dataset;
import io.tideline.bench.driver.Call;
import io.tideline.bench.driver.Driver;
import io.tideline.bench.driver.Measured;
import io.tideline.bench.side.TidelineNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.HdrHistogram.Histogram;

/** Minutes of reads and posts at half of what a node can take, with one collector and another. */
public final class CollectorsScenario {
  private static final int CONNECTIONS = 4;
  private static final int UNDER_WAY = 16;
  private static final double SHARE = 0.5;
  // It has just started, and has one core for everything.
  private static final int WARM_UPS = 6;
  // Five minutes and a bit, of the usual length.
  private static final int TURNS = 40;
  // Few enough that all of their authors are awake before it begins.
  private static final int POSTS = 8_000;
  private static final Pattern PAUSE = Pattern.compile("Total: +(\\d+) ns");

  /** With the options that choose it. */
  private record Collector(String name, List<String> options) {}

  /** Kamon's agent refuses classes of a JDK that it does not know yet. */
  private static final String ON_ANY_JDK = "-Dkanela.agent.libs.net.bytebuddy.experimental=true";

  private final Place place;
  private final Dataset dataset;
  private final Path directory;
  private final Posts posts = new Posts();
  private final List<List<String>> rows = new ArrayList<>();
  private boolean right = true;
  // Of the first collector, for all.
  private double rate;

  private CollectorsScenario(Place place) {
    this.place = place;
    dataset = place.dataset().get();
    directory = place.directory().resolve("collectors");
  }

  /** True when every answer was right. */
  public static boolean run(Place place) {
    return new CollectorsScenario(place).run();
  }

  private boolean run() {
    Duration time = place.plan().turn().multipliedBy(TURNS);
    place.report().heading(2, "Collectors: minutes of the mix at half of the maximum");
    place
        .report()
        .line(
            "%s. 97 %% reads of the newest page and 3 %% posts for %d s, at half of what the node answers of them in a closed loop with the first collector; latencies count from when a call should have been sent. Stops are all safepoints, as the JVM logs them. The node runs on JDK %s. %s."
                .formatted(
                    dataset.description(),
                    time.toSeconds(),
                    version(place.java()),
                    place.cores().describe()));
    rows.add(
        List.of(
            "Collector",
            "most calls/s",
            "calls/s",
            "read p50, ms",
            "p99, ms",
            "p99.9, ms",
            "most, ms",
            "post p99, ms",
            "stops",
            "of the time, %",
            "longest, ms",
            "not right"));
    List<Collector> collectors =
        List.of(
            new Collector("Serial", List.of(TidelineNode.AGENT, "-XX:+UseSerialGC")),
            new Collector("Serial, without Kamon's agent", List.of("-XX:+UseSerialGC")),
            new Collector("G1", List.of(TidelineNode.AGENT, "-XX:+UseG1GC")),
            new Collector("ZGC", List.of(TidelineNode.AGENT, "-XX:+UseZGC")));
    try (TidelineNode node =
        TidelineNode.start(place.home(), directory, options(collectors.get(0)))) {
      place.say().accept("Collectors: filling a node with " + dataset.description());
      node.fill(dataset);
      node.runOn(place.java());
      for (Collector collector : collectors) measure(node, collector, time);
    } finally {
      place.cores().join(List.of());
    }
    place.report().table(rows);
    return right;
  }

  private static String version(Path jdk) {
    Properties release = new Properties();
    try (var in = Files.newBufferedReader(jdk.resolve("release"))) {
      release.load(in);
    } catch (IOException e) {
      throw new UncheckedIOException("it cannot be told which JDK is in " + jdk, e);
    }
    return release.getProperty("JAVA_VERSION", "?").replace("\"", "");
  }

  private List<String> options(Collector collector) {
    List<String> options = new ArrayList<>(collector.options());
    options.add(ON_ANY_JDK);
    options.add("-Xmx%dm".formatted(1_024 + place.plan().readers() / 20));
    options.add("-Dtideline.persistence.user.passivate-after=24h");
    options.add("-Xlog:safepoint:file=%s:uptime:filecount=0".formatted(pauses(collector)));
    return options;
  }

  private Path pauses(Collector collector) {
    return directory.resolve("safepoints-%d.log".formatted(collector.name().hashCode() & 0xFFFF));
  }

  private void measure(TidelineNode node, Collector collector, Duration time) {
    place.say().accept("Collectors: " + collector.name());
    place.cores().join(node.processes());
    node.restart(options(collector));
    node.readNewest(dataset.readers());
    List<Dataset.SourcePost> like =
        dataset.posts().subList(0, Math.min(POSTS, dataset.posts().size()));
    Driver.replay(node.address(), CONNECTIONS, UNDER_WAY, like.stream().map(posts::call).toList());
    place.cores().separate(node.processes());
    List<Call> reads = dataset.readers().stream().map(Pages::newest).toList();
    var calls = new Mix(reads, posts, like, 1);
    for (int i = 0; i < WARM_UPS; i++) {
      Driver.closedLoop(node.address(), CONNECTIONS, UNDER_WAY, calls, place.plan().warmUp());
    }
    double most =
        Driver.closedLoop(node.address(), CONNECTIONS, UNDER_WAY, calls, place.plan().turn())
            .rate();
    if (rate == 0) rate = SHARE * most;
    place.say().accept("Collectors: %s at %,.0f calls/s".formatted(collector.name(), rate));
    long stopsBefore = stops(collector).count();
    long begin = System.nanoTime();
    Measured measured = Driver.openLoop(node.address(), CONNECTIONS, rate, calls, time);
    double nanos = System.nanoTime() - begin;
    long[] stops = stops(collector).skip(stopsBefore).mapToLong(Long::longValue).toArray();
    long longest = 0;
    long sum = 0;
    for (long stop : stops) {
      longest = Math.max(longest, stop);
      sum += stop;
    }
    rows.add(
        List.of(
            collector.name(),
            text("%,.0f", most),
            text("%,.0f", measured.rate()),
            millis(measured.reads(), 50),
            millis(measured.reads(), 99),
            millis(measured.reads(), 99.9),
            millis(measured.reads(), 100),
            millis(measured.writes(), 99),
            text("%,.0f", stops.length),
            text("%.2f", 100 * sum / nanos),
            text("%.1f", longest / 1e6),
            "%,d".formatted(measured.failures())));
    if (measured.failures() > 0) {
      right &= measured.wrong() == 0;
      place
          .report()
          .line("**%s, the first: %s.**".formatted(collector.name(), measured.firstFailure()));
    }
  }

  /** How long each stop of the node took so far, in nanoseconds. */
  private Stream<Long> stops(Collector collector) {
    try {
      return Files.readAllLines(pauses(collector)).stream()
          .map(PAUSE::matcher)
          .filter(Matcher::find)
          .map(line -> Long.valueOf(line.group(1)));
    } catch (IOException e) {
      throw new UncheckedIOException("the JVM wrote no log of its stops", e);
    }
  }

  private static String millis(Histogram latencies, double percentile) {
    return text("%.2f", latencies.getValueAtPercentile(percentile) / 1e6);
  }

  private static String text(String format, double value) {
    return String.format(Locale.ROOT, format, value);
  }
}
