package io.tideline.bench.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.bench.Cores;
import io.tideline.bench.Plan;
import io.tideline.bench.Report;
import io.tideline.bench.data.Corpus;
import io.tideline.bench.data.Dataset;
import io.tideline.bench.data.Page;
import io.tideline.bench.side.MemorySide;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MixScenarioTest {
  @TempDir private Path results;
  private final AtomicBoolean silent = new AtomicBoolean();

  @Test
  void wrong_answers_are_told_although_a_call_before_them_had_no_answer() throws IOException {
    var report = new Report(results, "mix");
    try (var side = new MemorySide("memory", Map.of("ben", List.of("ann")))) {
      side.fill("ben", 20);
      var setting =
          new Setting(
              new Plan(1, 3, Duration.ofMillis(200), Duration.ofMillis(50), List.of(200)),
              new Dataset(
                  "",
                  Map.of("ann", List.of("ben")),
                  List.of(new Dataset.SourcePost("ben", "key", 0, "title"))),
              new Corpus(Map.of(), Map.of(), List.of(new Page("ann", 0, "")), List.of()),
              List.of(side),
              new Cores(),
              report,
              news -> spoil(side, news));

      assertThat(MixScenario.run(setting)).isFalse();
    }
    report.write();
    assertThat(Files.readString(results.resolve("mix.md")))
        .contains("memory, too late: 1 of the calls, the first: no answer after 10 s.")
        .containsPattern("memory gave [1-9][0-9]* wrong answers, the first: 0 cards instead of 20");
  }

  private void spoil(MemorySide side, String news) {
    if (news.contains("round 1")) {
      silent.set(true);
      side.answerReads(answer -> silent.getAndSet(false) ? new CompletableFuture<>() : answer);
    } else if (news.contains("round 2")) {
      side.answerReads(MixScenarioTest::empty);
    }
  }

  private static CompletionStage<byte[]> empty(CompletionStage<byte[]> answer) {
    return answer.thenApply(page -> new byte[0]);
  }
}
