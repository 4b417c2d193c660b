package io.tideline.node.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
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

  @Test
  void class_data_that_cannot_be_made_are_done_without() throws IOException {
    Path jar = Files.createFile(directory.resolve("node.jar"));
    List<String> said = new ArrayList<>();
    try (var cluster = new LocalCluster(directory, Map.of(), said::add)) {
      var made =
          cluster.makeClassData(
              new Build(directory, jar.toString()), directory.resolve("no names"));
      assertThat(made).isDone();
    }
    assertThat(said).singleElement().asString().contains("class data of " + directory);
  }

  private LocalCluster cluster() {
    return new LocalCluster(directory, Map.of(), line -> {});
  }
}
