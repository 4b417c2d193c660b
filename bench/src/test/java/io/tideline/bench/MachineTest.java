package io.tideline.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MachineTest {
  @Test
  void a_directory_that_is_no_checkout_has_no_revision(@TempDir Path directory) {
    assertThat(Machine.revision(directory)).isEqualTo("unknown");
  }
}
