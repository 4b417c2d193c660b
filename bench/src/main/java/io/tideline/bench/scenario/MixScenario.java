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
    private long late;
    private @Nullable String firstLate;
    private long wrong;
    private @Nullable String firstWrong;
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
            "Latencies count from when a call should have been sent. The median of %d turns of %d s each, and the least and the most. Calls that were too late (never sent, or not answered within 10 s of the last one) and wrong answers are counted in the last columns and are in no latency."
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
        of.late += measured.late();
        if (of.firstLate == null) of.firstLate = measured.firstLate();
        of.wrong += measured.wrong();
        if (of.firstWrong == null) of.firstWrong = measured.firstWrong();
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
            "too late",
            "wrong"));
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
              "%,d".formatted(of.late),
              "%,d".formatted(of.wrong)));
    }
    setting.report().heading(3, "%,d calls/s".formatted(rate));
    setting.report().table(rows);
    Map<String, Samples> bars = new LinkedHashMap<>();
    figures.forEach((side, of) -> bars.put(side.name(), of.read99));
    setting
        .report()
        .chart("mix-" + rate, "Reads at %,d calls/s: p99 in milliseconds".formatted(rate), bars);
    boolean right = true;
    for (Map.Entry<Side, Figures> entry : figures.entrySet()) {
      String name = entry.getKey().name();
      Figures of = entry.getValue();
      if (of.late > 0) {
        setting
            .report()
            .line(
                "%s, too late: %,d of the calls, the first: %s."
                    .formatted(name, of.late, of.firstLate));
      }
      // To fall behind is a result; to answer wrongly is not.
      if (of.wrong > 0) {
        right = false;
        setting
            .report()
            .line(
                "**%s gave %,d wrong answers, the first: %s.**"
                    .formatted(name, of.wrong, of.firstWrong));
      }
    }
    return right;
  }
}
