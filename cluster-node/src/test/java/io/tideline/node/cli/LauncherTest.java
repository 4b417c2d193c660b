package io.tideline.node.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The script beside the sources, with a Maven that only notes that it was called. */
@Timeout(60)
class LauncherTest {
  private static final String[] CLUSTER = {
    "sh", "-c", "sleep 60; :", "io.tideline.node.cli.Tideline"
  };

  @TempDir private Path home;

  @BeforeEach
  void build() throws IOException {
    Files.copy(Path.of("../tideline"), home.resolve("tideline"));
    write("mvnw", "#!/bin/sh\n: >called\nexit 1\n").toFile().setExecutable(true);
    Path jar = write("protocols/target/protocols.jar", "");
    Path classPath = write("cluster-node/target/class-path", jar.toString());
    Files.setLastModifiedTime(classPath, FileTime.from(Instant.now().minusSeconds(10)));
    write("pom.xml", "");
  }

  @Test
  void changed_sources_are_built_though_another_process_has_got_the_number_of_the_cluster()
      throws Exception {
    assertThat(isBuiltBeside("nodes", "sleep", "60")).isTrue();
  }

  @Test
  void a_running_cluster_keeps_the_files_that_it_runs_from() throws Exception {
    assertThat(isBuiltBeside("nodes", CLUSTER)).isFalse();
  }

  @Test
  void a_running_cluster_keeps_them_when_the_bench_was_never_built() throws Exception {
    assertThat(isBuiltBeside("bench", CLUSTER)).isFalse();
    assertThat(said()).contains("stop it first");
  }

  @Test
  void a_lock_of_a_builder_that_is_gone_and_whose_number_others_have_holds_nobody()
      throws Exception {
    Process other = new ProcessBuilder("sleep", "60").start();
    try {
      write(".tideline/builder", other.pid() + " sh ./tideline nodes\n");
      launch("exec sh ./tideline nodes");
      assertThat(home.resolve("called")).exists();
    } finally {
      other.destroy();
    }
  }

  @Test
  void a_lock_of_a_builder_whose_number_the_launcher_itself_has_does_not_hold_it()
      throws Exception {
    Files.createDirectories(home.resolve(".tideline"));
    launch(
        """
        echo "$$ sh ./tideline nodes" >.tideline/builder
        exec sh ./tideline nodes""");
    assertThat(home.resolve("called")).exists();
  }

  @Test
  void those_who_come_at_once_build_one_after_the_other() throws Exception {
    write("mvnw", "#!/bin/sh\necho begin >>called\nsleep 1\necho end >>called\nexit 1\n");
    launch("for i in 1 2 3; do sh ./tideline nodes & done; wait");
    assertThat(home.resolve("called")).hasContent("begin\nend\n".repeat(3).strip());
  }

  @Test
  void who_comes_while_another_one_builds_waits_for_it() throws Exception {
    write("mvnw", "#!/bin/sh\necho begin >>called\nsleep 3\necho end >>called\nexit 1\n");
    launch(
        """
        sh ./tideline nodes & while ! [ -e called ]; do sleep 0.1; done
        sh ./tideline read ann
        wait""");
    assertThat(said()).contains("is building; waiting for it");
    assertThat(home.resolve("called")).hasContent("begin\nend\nbegin\nend");
  }

  private boolean isBuiltBeside(String command, String... cluster) throws Exception {
    Process running = new ProcessBuilder(cluster).start();
    try {
      write(".tideline/cluster.properties", "pid=%d\n".formatted(running.pid()));
      launch("exec sh ./tideline " + command);
      return Files.exists(home.resolve("called"));
    } finally {
      running.descendants().forEach(ProcessHandle::destroy);
      running.destroy();
    }
  }

  private void launch(String script) throws Exception {
    ProcessBuilder shell = new ProcessBuilder("sh", "-c", script).directory(home.toFile());
    shell.environment().put("JAVA_HOME", System.getProperty("java.home"));
    Process launched =
        shell.redirectErrorStream(true).redirectOutput(home.resolve("said").toFile()).start();
    try {
      assertThat(launched.waitFor(30, TimeUnit.SECONDS)).as(said()).isTrue();
    } finally {
      launched.destroy();
    }
  }

  private String said() throws IOException {
    return Files.readString(home.resolve("said"));
  }

  private Path write(String name, String text) throws IOException {
    Path file = home.resolve(name);
    Files.createDirectories(file.getParent());
    return Files.writeString(file, text);
  }
}
