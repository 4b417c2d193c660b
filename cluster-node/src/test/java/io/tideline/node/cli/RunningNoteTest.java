package io.tideline.node.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunningNoteTest {
  private static final ProcessHandle HERE = ProcessHandle.current();
  private static final Instant STARTED = HERE.info().startInstant().orElseThrow();

  @TempDir private Path directory;

  @Test
  void a_note_of_a_living_process_tells_where_it_is() throws IOException {
    assertThat(note(HERE.pid(), STARTED).read())
        .hasValueSatisfying(
            running -> assertThat(running.grpcAddresses()).isEqualTo(List.of("a:1", "b:2")));
  }

  @Test
  void a_cluster_that_is_starting_is_nowhere_yet() {
    var note = new RunningNote(directory.resolve("note"));
    note.writeStarting();

    assertThat(note.read()).isEmpty();
    assertThat(note.pid()).hasValue(HERE.pid());
  }

  @Test
  void a_process_that_got_the_number_of_one_that_ended_is_another_one() throws IOException {
    assertThat(note(HERE.pid(), STARTED.minusSeconds(3600)).read()).isEmpty();
  }

  @Test
  void what_ended_or_was_cut_off_is_no_note() throws IOException {
    assertThat(note(Long.MAX_VALUE, STARTED).read()).isEmpty();
    assertThat(new RunningNote(Files.writeString(directory.resolve("half"), "pi")).read())
        .isEmpty();
    assertThat(new RunningNote(directory.resolve("none")).read()).isEmpty();
  }

  private RunningNote note(long pid, Instant started) throws IOException {
    String text = "pid=%d\nstarted=%s\ngrpc=a:1,b:2\n".formatted(pid, started.toEpochMilli());
    return new RunningNote(Files.writeString(directory.resolve("note"), text));
  }
}
