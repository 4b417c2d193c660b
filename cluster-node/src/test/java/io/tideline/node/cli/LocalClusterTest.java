package io.tideline.node.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LocalClusterTest {
  @TempDir private Path directory;

  @Test
  void two_clusters_that_start_together_do_not_choose_one_port() {
    try (LocalCluster one = cluster();
        LocalCluster other = cluster()) {
      int port = one.freePort(0);
      assertThat(other.freePort(port)).isNotEqualTo(port);
    }
    try (LocalCluster later = cluster()) {
      int port = later.freePort(0);
      later.close();
      try (LocalCluster again = cluster()) {
        assertThat(again.freePort(port)).isEqualTo(port);
      }
    }
  }

  private LocalCluster cluster() {
    return new LocalCluster(directory, Map.of(), line -> {});
  }
}
