package io.tideline.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class BenchTest {
  @Test
  void a_peer_that_does_not_start_is_left_out_and_the_report_says_why(@TempDir Path results) {
    var bench = new Bench();
    var unused = new CommandLine(bench);
    var report = new Report(results, "bench");

    bench.add(
        Bench.Peer.redis,
        () -> {
          throw new IllegalStateException("redis ended with exit code 1. The end of a:\nmuch more");
        },
        report);

    report.write();
    assertThat(results.resolve("bench.md"))
        .hasContent("- redis: not measured: redis ended with exit code 1. The end of a:");
  }
}
