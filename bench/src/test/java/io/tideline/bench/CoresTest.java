package io.tideline.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
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
}
