package io.tideline.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CoresTest {
  @Test
  void time_on_cores_that_nothing_tells_is_unknown(@TempDir Path empty) {
    var samples = new Samples();
    samples.add(Cores.seconds(empty, List.of(ProcessHandle.current().pid())));

    assertThat(samples.isEmpty()).isTrue();
    assertThat(samples.text("%.0f")).isEqualTo("-");
  }

  @Test
  void nothing_is_pinned_by_a_program_that_fails(@TempDir Path directory) throws IOException {
    Path taskset = directory.resolve("taskset");
    Files.writeString(taskset, "#!/bin/sh\necho not permitted\nexit 1\n");
    Files.setPosixFilePermissions(taskset, PosixFilePermissions.fromString("rwx------"));
    var cores = new Cores(Optional.of(taskset), List.of(0, 1));

    assertThat(cores.pinned()).isFalse();
    assertThat(cores.describe()).isEqualTo("servers and driver share 2 cores: taskset fails here");
  }
}
