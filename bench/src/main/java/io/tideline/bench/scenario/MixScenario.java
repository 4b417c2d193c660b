package io.tideline.bench.scenario;

import io.tideline.bench.Cores;
import io.tideline.bench.Samples;
import io.tideline.bench.driver.Call;
import io.tideline.bench.driver.Driver;
import io.tideline.bench.driver.Measured;
import io.tideline.bench.side.Side;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/** How long calls take at fixed rates of 97 % reads and 3 % posts. */
public final class MixScenario {
  private static final int CONNECTIONS = 4;

  private static final class Figures {
    private final Samples rate = new Samples();
    private final Samples busy = new Samples();
    private final Samples readMedian = new Samples();
    private final Samples read99 = new Samples();
    private final Samples read999 = new Samples();
    private final Samples write99 = new Samples();
    private long failures;
    private @Nullable String firstFailure;
  }

  private final Setting setting;
  private final Posts posts = new Posts();

  private MixScenario(Setting setting) {
    this.setting = setting;
  }

  /** True when every answer was right. */
  public static boolean run(Setting setting) {
    setting.report().heading(2, "Mix: 97 % reads of the newest page, 3 % posts, at fixed rates");
    setting
        .report()
        .line(
            "Latencies count from when a call should have been sent. The median of %d turns of %d s each, and the least and the most. A turn with calls that were not answered right is counted in the last column."
                .formatted(setting.plan().rounds(), setting.plan().turn().toSeconds()));
    var scenario = new MixScenario(setting);
    List<Side> sides = setting.sides().stream().filter(Side::takesPosts).toList();
    boolean right = true;
    for (int rate : setting.plan().rates()) {
      right &= scenario.measure(sides, rate);
    }
    return right;
  }

  private boolean measure(List<Side> sides, int rate) {
    Map<Side, Figures> figures = new LinkedHashMap<>();
    for (Side side : sides) {
      figures.put(side, new Figures());
      setting.say().accept("Mix at %,d/s: warming up %s".formatted(rate, side.name()));
      run(side, rate, 0, setting.plan().warmUp());
    }
    for (int round = 1; round <= setting.plan().rounds(); round++) {
      for (Map.Entry<Side, Figures> entry : figures.entrySet()) {
        Side side = entry.getKey();
        Figures of = entry.getValue();
        double before = Cores.seconds(side.processes());
        Measured measured = run(side, rate, round, setting.plan().turn());
        double cpu = Cores.seconds(side.processes()) - before;
        of.rate.add(measured.rate());
        of.busy.add(100 * cpu / measured.seconds());
        of.readMedian.add(millis(measured.reads(), 50));
        of.read99.add(millis(measured.reads(), 99));
        of.read999.add(millis(measured.reads(), 99.9));
        of.write99.add(millis(measured.writes(), 99));
        of.failures += measured.failures();
        if (of.firstFailure == null) of.firstFailure = measured.firstFailure();
        setting
            .say()
            .accept(
                String.format(
                    Locale.ROOT,
                    "Mix at %,d/s, round %d: %s p99 %.1f ms",
                    rate,
                    round,
                    side.name(),
                    millis(measured.reads(), 99)));
      }
    }
    return report(rate, figures);
  }

  private Measured run(Side side, int rate, long seed, Duration time) {
    List<Call> reads = Pages.callsOf(side, setting.corpus().newest());
    return Driver.openLoop(
        side.address(),
        CONNECTIONS,
        rate,
        new Mix(reads, posts, setting.dataset().posts(), seed),
        time);
  }

  private static double millis(Histogram latencies, double percentile) {
    return latencies.getValueAtPercentile(percentile) / 1e6;
  }

  private boolean report(int rate, Map<Side, Figures> figures) {
    List<List<String>> rows = new ArrayList<>();
    rows.add(
        List.of(
            "Side",
            "answers/s",
            "% of its core",
            "read p50, ms",
            "read p99, ms",
            "read p99.9, ms",
            "post p99, ms",
            "not right"));
    boolean right = true;
    for (Map.Entry<Side, Figures> entry : figures.entrySet()) {
      Figures of = entry.getValue();
      rows.add(
          List.of(
              entry.getKey().name(),
              of.rate.text("%,.0f"),
              of.busy.text("%.0f"),
              of.readMedian.text("%.2f"),
              of.read99.text("%.1f"),
              of.read999.text("%.1f"),
              of.write99.text("%.1f"),
              "%,d".formatted(of.failures)));
    }
    setting.report().heading(3, "%,d calls/s".formatted(rate));
    setting.report().table(rows);
    Map<String, Samples> bars = new LinkedHashMap<>();
    figures.forEach((side, of) -> bars.put(side.name(), of.read99));
    setting
        .report()
        .chart("mix-" + rate, "Reads at %,d calls/s: p99 in milliseconds".formatted(rate), bars);
    for (Map.Entry<Side, Figures> entry : figures.entrySet()) {
      Figures of = entry.getValue();
      if (of.failures == 0) continue;
      setting.report().line("%s, the first: %s.".formatted(entry.getKey().name(), of.firstFailure));
      // To fall behind is a result; to answer wrongly is not.
      if (of.firstFailure != null && !isLoad(of.firstFailure)) right = false;
    }
    return right;
  }

  private static boolean isLoad(String failure) {
    return failure.contains("never sent") || failure.startsWith("no answer");
  }
}
