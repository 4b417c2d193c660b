package io.tideline.bench.side;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import org.junit.jupiter.api.Test;

class ProgramsTest {
  @Test
  void the_heap_of_a_process_is_what_it_was_started_with() throws IOException {
    // Long ones are as those of servers with a class path.
    Process process =
        new ProcessBuilder("/bin/sh", "-c", "read line", "-Xms1m", "-Xmx33m", "x".repeat(10_000))
            .start();
    try {
      assertThat(Programs.heapOf(process.pid())).isEqualTo("-Xmx33m");
    } finally {
      process.destroy();
    }
  }
}
