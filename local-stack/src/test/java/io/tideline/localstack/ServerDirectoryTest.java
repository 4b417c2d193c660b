package io.tideline.localstack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ServerDirectoryTest {
  @TempDir Path place;

  @Test
  void a_directory_that_cannot_be_written_is_refused() throws IOException {
    Path file = Files.createFile(place.resolve("file"));

    assertThatThrownBy(() -> ServerDirectory.claim("Kafka", file.resolve("kafka"), 1))
        .isInstanceOf(LocalStackException.class)
        .hasMessageContaining("Kafka cannot write to its directory " + file.resolve("kafka"));
  }

  @Test
  void a_full_disk_is_refused() {
    assertThatThrownBy(() -> ServerDirectory.claim("Kafka", place, Long.MAX_VALUE))
        .isInstanceOf(LocalStackException.class)
        .hasMessageContaining("MiB of free disk in " + place)
        .hasMessageContaining("MiB left");
  }

  @Test
  void a_directory_in_use_is_refused() {
    ServerDirectory.claim("Kafka", place, 1).noteProcess(ProcessHandle.current());

    assertThatThrownBy(() -> ServerDirectory.claim("Kafka", place, 1))
        .isInstanceOf(LocalStackException.class)
        .hasMessageContaining("already runs in " + place)
        .hasMessageContaining("process " + ProcessHandle.current().pid());
  }

  @Test
  void a_directory_whose_process_id_went_to_another_process_is_free() throws IOException {
    Files.writeString(
        place.resolve("process.properties"), "pid=" + ProcessHandle.current().pid() + "@1\n");

    ServerDirectory.claim("Kafka", place, 1);
  }

  @Test
  void a_directory_is_idle_when_the_server_whose_starter_is_gone_has_left() throws Exception {
    Process orphan = new ProcessBuilder("sleep", "2").start();
    Files.writeString(
        place.resolve("process.properties"),
        "pid=%s\nowner=1@1\n".formatted(ProcessIdentity.of(orphan.toHandle())));

    ServerDirectory.awaitIdle("Kafka", place);
    assertThat(orphan.isAlive()).isFalse();
  }

  @Test
  void ports_are_remembered() throws Exception {
    ServerDirectory directory = ServerDirectory.claim("Kafka", place, 1);
    directory.remember("port", 9092);
    Process ended = new ProcessBuilder("true").start();
    directory.noteProcess(ended.toHandle());
    ended.waitFor();

    assertThat(ServerDirectory.claim("Kafka", place, 1).rememberedPort("port")).isEqualTo(9092);
  }
}
