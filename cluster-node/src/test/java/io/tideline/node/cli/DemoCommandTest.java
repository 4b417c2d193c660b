package io.tideline.node.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The command in a JVM of its own, which comes as far as it may. */
@Timeout(120)
class DemoCommandTest {
  private static final ProcessHandle HERE = ProcessHandle.current();

  @TempDir private Path home;

  @ParameterizedTest
  @ValueSource(strings = {"demo", "up"})
  void a_cluster_that_is_starting_keeps_its_files(String command) throws Exception {
    Path theirs = write(".tideline/demo/stack/kafka/theirs", "all of it");
    new Home(home).claimCluster();

    assertThat(refusal(command))
        .contains("a cluster is starting here (process %d)".formatted(HERE.pid()));
    assertThat(theirs).exists();
  }

  @Test
  void a_server_that_still_runs_keeps_its_files() throws Exception {
    String here = HERE.pid() + "@" + started();
    write(
        ".tideline/demo/east/stack/kafka/process.properties",
        "pid=%s\nowner=%s\n".formatted(here, here));
    Path theirs = write(".tideline/demo/east/stack/kafka/theirs", "all of it");

    assertThat(refusal("demo")).contains("Kafka already runs in", "as process " + HERE.pid());
    assertThat(theirs).exists();
  }

  private static long started() {
    return HERE.info().startInstant().map(Instant::toEpochMilli).orElseThrow();
  }

  private String refusal(String command) throws Exception {
    Path said = home.resolve("said");
    Process process =
        new ProcessBuilder(
                NodeProcess.java(),
                "-XX:TieredStopAtLevel=1",
                "-Dtideline.home=" + home,
                "-cp",
                System.getProperty("java.class.path"),
                Tideline.class.getName(),
                command)
            .redirectErrorStream(true)
            .redirectOutput(said.toFile())
            .start();
    try {
      boolean ended = process.waitFor(20, TimeUnit.SECONDS);
      assertThat(ended).as(Files.readString(said)).isTrue();
      assertThat(process.exitValue()).isEqualTo(ExitCode.FAILED);
      return Files.readString(said);
    } finally {
      process.destroy();
      process.waitFor();
    }
  }

  private Path write(String name, String text) throws IOException {
    Path file = home.resolve(name);
    Files.createDirectories(file.getParent());
    return Files.writeString(file, text);
  }
}
