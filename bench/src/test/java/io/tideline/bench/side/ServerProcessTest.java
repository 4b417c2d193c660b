package io.tideline.bench.side;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(30)
class ServerProcessTest {
  @TempDir private Path directory;

  @Test
  void a_program_that_cannot_start_is_told_of_at_once_in_its_words() {
    try (ServerProcess program = program("echo no room >&2; exit 3")) {
      assertThatThrownBy(() -> program.awaitReady(() -> false))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("ended with exit code 3")
          .hasMessageContaining("no room");
    }
  }

  @Test
  void a_program_that_does_not_look_at_its_input_is_asked_to_end_when_that_ends() {
    List<Long> pids;
    try (ServerProcess program =
        program("trap 'echo asked; exit' TERM; echo ready; while :; do sleep 0.1; done")) {
      program.awaitReady(() -> said().contains("ready"));
      pids = program.pids();
    }
    assertThat(said()).contains("asked");
    assertThat(pids).noneMatch(pid -> ProcessHandle.of(pid).isPresent());
  }

  private ServerProcess program(String script) {
    return ServerProcess.program("program", directory.resolve("log"), List.of("sh", "-c", script));
  }

  private String said() {
    try {
      return Files.readString(directory.resolve("log"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
