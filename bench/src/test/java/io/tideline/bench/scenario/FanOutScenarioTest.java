package io.tideline.bench.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.bench.Cores;
import io.tideline.bench.Plan;
import io.tideline.bench.Report;
import io.tideline.bench.data.Corpus;
import io.tideline.bench.data.Dataset;
import io.tideline.bench.side.MemorySide;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FanOutScenarioTest {
  private static final int READERS = 20;
  private static final int POSTS = 5;

  @TempDir private Path results;
  private final Cores cores = new Cores();
  private final List<String> told = new ArrayList<>();

  @AfterEach
  void runAnywhereAgain() {
    cores.join(List.of());
  }

  @Test
  void what_is_put_off_is_told_apart_from_what_is_delivered() throws IOException {
    Dataset dataset = dataset();
    var report = new Report(results, "asleep");
    try (var tideline = new MemorySide("tideline", dataset.followers()).sleeping();
        var redis = new MemorySide("redis", dataset.followers())) {
      var setting =
          new Setting(
              new Plan(READERS, 2, Duration.ofMillis(50), Duration.ofMillis(50), List.of()),
              dataset,
              new Corpus(Map.of(), Map.of(), List.of(), List.of()),
              List.of(tideline, redis),
              cores,
              report,
              told::add);

      assertThat(FanOutScenario.runAsleep(setting)).isTrue();
    }
    report.write();
    assertThat(Files.readString(results.resolve("asleep.md")))
        .contains("100 entries for those who follow, 10 of them in the timelines that are awake")
        .contains("Timelines can sleep on tideline only")
        .contains("| Side | entries/s | to awake timelines/s |");
    assertThat(told.stream().filter("Fan-out: warming up tideline"::equals))
        .as("it has just started")
        .hasSize(6);
    assertThat(told.stream().filter("Fan-out: warming up redis"::equals)).hasSize(1);
  }

  private static Dataset dataset() {
    Map<String, List<String>> follows = new LinkedHashMap<>();
    for (int i = 0; i < READERS; i++) follows.put("reader-" + i, List.of("ben"));
    List<Dataset.SourcePost> posts = new ArrayList<>();
    for (int i = 0; i < POSTS; i++) {
      posts.add(new Dataset.SourcePost("ben", "post-" + i, i, "title"));
    }
    return new Dataset("", follows, posts);
  }
}
