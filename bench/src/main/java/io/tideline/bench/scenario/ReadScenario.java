package io.tideline.bench.scenario;

import io.tideline.bench.Cores;
import io.tideline.bench.Samples;
import io.tideline.bench.data.Page;
import io.tideline.bench.driver.Call;
import io.tideline.bench.driver.Driver;
import io.tideline.bench.driver.Measured;
import io.tideline.bench.side.Side;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** How many pages of 20 cards each side answers per second when it is asked without pause. */
public final class ReadScenario {
  private static final int CONNECTIONS = 4;
  private static final int UNDER_WAY = 16;
  private static final int COMPARED_PAGES = 50;

  private static final class Figures {
    private final Samples rate = new Samples();
    private final Samples cpu = new Samples();
    private final Samples busy = new Samples();
    private final Samples ratio = new Samples();
    private double bytes;
    private long failures;
    private @Nullable String firstFailure;
  }

  private final Setting setting;

  private ReadScenario(Setting setting) {
    this.setting = setting;
  }

  /** True when every answer was right. */
  public static boolean run(Setting setting) {
    var scenario = new ReadScenario(setting);
    setting.report().heading(2, "Read: pages of 20 cards, as many as a side can answer");
    setting
        .report()
        .line(
            "%d connections with %d calls under way on each. The median of %d turns of %d s each, and the least and the most; the ratio compares turns of the same round."
                .formatted(
                    CONNECTIONS,
                    UNDER_WAY,
                    setting.plan().rounds(),
                    setting.plan().turn().toSeconds()));
    boolean right = scenario.sidesAgree();
    right &= scenario.measure("Newest page", "newest", setting.corpus().newest());
    if (setting.corpus().deep().isEmpty()) {
      setting.report().line("No timeline is long enough for pages further down.");
      return right;
    }
    right &= scenario.measure("Pages 100 to 700 entries down", "deep", setting.corpus().deep());
    return right;
  }

  /** Whether all sides have the same cards on some pages. */
  private boolean sidesAgree() {
    List<Page> pages = new ArrayList<>();
    for (List<Page> of : List.of(setting.corpus().newest(), setting.corpus().deep())) {
      for (int i = 0; i < of.size(); i += Math.max(1, of.size() / COMPARED_PAGES)) {
        pages.add(of.get(i));
      }
    }
    boolean right = true;
    Side first = setting.sides().get(0);
    try (var tideline = new FeedReader(first.address())) {
      for (Side side : setting.sides().subList(1, setting.sides().size())) {
        try (var other = new FeedReader(side.address())) {
          long different =
              pages.stream()
                  .filter(
                      page ->
                          !tideline
                              .cards(first.request(page))
                              .equals(other.cards(side.request(page))))
                  .count();
          if (different == 0) continue;
          right = false;
          setting
              .report()
              .line(
                  "%n**%s differs from tideline in %d of %d pages.**"
                      .formatted(side.name(), different, pages.size()));
        }
      }
    }
    if (right) {
      setting
          .report()
          .line("All sides have the same cards on %d pages compared.".formatted(pages.size()));
    }
    return right;
  }

  private boolean measure(String title, String chart, List<Page> pages) {
    Map<Side, List<Call>> calls = new LinkedHashMap<>();
    Map<Side, Figures> figures = new LinkedHashMap<>();
    for (Side side : setting.sides()) {
      calls.put(side, Pages.callsOf(side, pages));
      figures.put(side, new Figures());
    }
    for (Side side : setting.sides()) {
      setting.say().accept("%s: warming up %s".formatted(title, side.name()));
      Driver.closedLoop(
          side.address(),
          CONNECTIONS,
          UNDER_WAY,
          Pages.random(listOf(calls, side), 0),
          setting.plan().warmUp());
    }
    for (int round = 1; round <= setting.plan().rounds(); round++) {
      Map<Side, Double> rates = new LinkedHashMap<>();
      for (Side side : setting.sides()) {
        Figures of = of(figures, side);
        double before = Cores.seconds(side.processes());
        Measured measured =
            Driver.closedLoop(
                side.address(),
                CONNECTIONS,
                UNDER_WAY,
                Pages.random(listOf(calls, side), round),
                setting.plan().turn());
        double cpu = Cores.seconds(side.processes()) - before;
        rates.put(side, measured.rate());
        of.rate.add(measured.rate());
        of.cpu.add(1e6 * cpu / Math.max(1, measured.answers()));
        of.busy.add(100 * cpu / measured.seconds());
        of.bytes = (double) measured.bytes() / Math.max(1, measured.answers());
        of.failures += measured.failures();
        if (of.firstFailure == null) of.firstFailure = measured.firstFailure();
        setting
            .say()
            .accept(
                String.format(
                    Locale.ROOT,
                    "%s, round %d: %s %,.0f/s",
                    title,
                    round,
                    side.name(),
                    measured.rate()));
      }
      double tideline = rates.getOrDefault(setting.sides().get(0), 0.0);
      rates.forEach((side, rate) -> of(figures, side).ratio.add(tideline / rate));
    }
    return report(title, chart, figures);
  }

  private static List<Call> listOf(Map<Side, List<Call>> calls, Side side) {
    return calls.getOrDefault(side, List.of());
  }

  private static Figures of(Map<Side, Figures> figures, Side side) {
    return figures.computeIfAbsent(side, unknown -> new Figures());
  }

  private boolean report(String title, String chart, Map<Side, Figures> figures) {
    List<List<String>> rows = new ArrayList<>();
    rows.add(
        List.of(
            "Side", "pages/s", "CPU per page, µs", "% of its core", "bytes", "Tideline is times"));
    figures.forEach(
        (side, of) ->
            rows.add(
                List.of(
                    side.name(),
                    of.rate.text("%,.0f"),
                    of.cpu.text("%.1f"),
                    of.busy.text("%.0f"),
                    String.format(Locale.ROOT, "%,.0f", of.bytes),
                    of.ratio.text("%.2f"))));
    setting.report().heading(3, title);
    setting.report().table(rows);
    Map<String, Samples> bars = new LinkedHashMap<>();
    figures.forEach((side, of) -> bars.put(side.name(), of.rate));
    setting.report().chart(chart, title + ": pages per second on one core", bars);
    boolean right = true;
    for (Map.Entry<Side, Figures> entry : figures.entrySet()) {
      Figures of = entry.getValue();
      if (of.failures > 0) {
        right = false;
        setting
            .report()
            .line(
                "**%s gave %,d wrong answers, the first: %s.**"
                    .formatted(entry.getKey().name(), of.failures, of.firstFailure));
      }
      if (!of.busy.isEmpty() && of.busy.median() < 90) {
        setting
            .report()
            .line(
                "%s had its core for %.0f %% of the time only: its figure is a lower bound."
                    .formatted(entry.getKey().name(), of.busy.median()));
      }
    }
    return right;
  }
}
