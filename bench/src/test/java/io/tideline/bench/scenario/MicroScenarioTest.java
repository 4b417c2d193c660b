package io.tideline.bench.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.bench.Cores;
import io.tideline.bench.Plan;
import io.tideline.bench.Report;
import io.tideline.bench.data.Dataset;
import io.tideline.bench.micro.HalfBrokenBenchmark;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MicroScenarioTest {
  @Test
  void one_method_that_fails_is_told(@TempDir Path directory) {
    var report = new Report(directory, "micro");
    var place =
        new Place(
            directory,
            directory,
            new Plan(1, 1, Duration.ofMillis(50), Duration.ofMillis(50), List.of()),
            true,
            Path.of(System.getProperty("java.home")),
            () -> new Dataset("", Map.of(), List.of()),
            new Cores(),
            report,
            news -> {});

    assertThat(MicroScenario.run(place, List.of(HalfBrokenBenchmark.class))).isFalse();
    report.write();
    assertThat(directory.resolve("micro.md")).content().contains("**HalfBrokenBenchmark failed: ");
  }
}
