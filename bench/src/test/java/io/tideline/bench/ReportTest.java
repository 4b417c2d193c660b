package io.tideline.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReportTest {
  @TempDir private Path results;

  @Test
  void a_second_report_of_a_day_leaves_the_first_one_as_it_is() {
    write("first");
    write("second");
    write("third");

    assertThat(results.resolve("day.md")).content().startsWith("first").contains("(day-bars.svg)");
    assertThat(results.resolve("day-2.md")).content().startsWith("second");
    assertThat(results.resolve("day-3.md")).content().contains("third", "(day-3-bars.svg)");
    assertThat(results.resolve("day-bars.svg")).content().contains("first");
    assertThat(results.resolve("day-3-bars.svg")).content().contains("third");
  }

  private void write(String what) {
    var report = new Report(results, "day");
    report.line(what);
    var sample = new Samples();
    sample.add(1);
    report.chart("bars", what, Map.of(what, sample));
    report.write();
  }
}
