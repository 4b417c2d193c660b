package io.tideline.localstack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LocalStackIT {
  @TempDir Path directory;

  @Test
  void both_servers_come_back_on_their_ports_and_with_shared_class_data() {
    int cassandraPort;
    int kafkaPort;
    try (LocalStack stack = LocalStack.start(directory)) {
      cassandraPort = stack.cassandra().port();
      kafkaPort = stack.kafka().port();
    }
    assertThat(ClassPath.of("Cassandra").archive(JavaHome.forCassandra())).exists();
    assertThat(ClassPath.of("Kafka").archive(JavaHome.current())).exists();
    try (LocalStack stack = LocalStack.start(directory)) {
      assertThat(stack.cassandra().port()).isEqualTo(cassandraPort);
      assertThat(stack.kafka().port()).isEqualTo(kafkaPort);
      assertThat(mappedFiles(stack.cassandra().pid())).contains("Cassandra-").contains(".jsa");
      assertThat(mappedFiles(stack.kafka().pid())).contains("Kafka-").contains(".jsa");
    }
  }

  @Test
  void when_one_server_cannot_start_the_other_is_stopped() throws IOException {
    try (ServerSocket other = new ServerSocket()) {
      other.bind(Ports.address(0));
      List<String> news = new CopyOnWriteArrayList<>();

      assertThatThrownBy(
              () ->
                  LocalStack.start(
                      LocalStack.Options.in(directory)
                          .withPorts(0, other.getLocalPort())
                          .withReport(news::add)))
          .isInstanceOf(LocalStackException.class)
          .hasMessageContaining("Kafka cannot have port " + other.getLocalPort());

      assertThat(news).singleElement().asString().startsWith("Cassandra is up");
      assertThat(ServerDirectory.claim("Cassandra", directory.resolve("cassandra"), 1)).isNotNull();
    }
  }

  @Test
  void no_server_outlives_a_parent_that_was_killed() throws Exception {
    Process parent =
        new ProcessBuilder(
                JavaHome.current().executable().toString(),
                "-Xmx64m",
                "-cp",
                codeSource(LocalStack.class) + ":" + codeSource(StackHolder.class),
                StackHolder.class.getName(),
                directory.toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    List<ProcessHandle> servers = new ArrayList<>();
    try (BufferedReader out =
        new BufferedReader(
            new InputStreamReader(parent.getInputStream(), StandardCharsets.UTF_8))) {
      for (String pid : out.readLine().split(" ", -1)) {
        servers.add(ProcessHandle.of(Long.parseLong(pid)).orElseThrow());
      }
    }
    assertThat(servers).hasSize(2).allMatch(ProcessHandle::isAlive);

    parent.destroyForcibly().waitFor();

    await()
        .atMost(Duration.ofSeconds(30))
        .untilAsserted(() -> assertThat(servers).noneMatch(ProcessHandle::isAlive));
  }

  @Test
  void a_detached_stack_runs_until_it_is_taken_down() {
    List<String> news = new CopyOnWriteArrayList<>();
    LocalStack.Options options = LocalStack.Options.in(directory).withReport(news::add);
    assertThat(LocalStack.status(directory)).isEmpty();

    StackStatus up = LocalStack.up(options);
    try {
      assertThat(news)
          .hasSize(2)
          .anyMatch(line -> line.startsWith("Cassandra is up on " + up.cassandra().address()))
          .anyMatch(line -> line.startsWith("Kafka is up on " + up.kafka().address()));
      assertThat(LocalStack.up(options)).isEqualTo(up);
      assertThat(LocalStack.status(directory)).contains(up);
      assertThat(up.cassandra().alive()).isTrue();

      ProcessHandle.of(up.kafka().pid()).orElseThrow().destroyForcibly();
      await()
          .untilAsserted(
              () ->
                  assertThat(LocalStack.status(directory))
                      .hasValueSatisfying(status -> assertThat(status.kafka().alive()).isFalse()));
    } finally {
      assertThat(LocalStack.down(directory)).isTrue();
    }
    assertThat(LocalStack.down(directory)).isFalse();
    assertThat(LocalStack.status(directory)).isEmpty();
    assertThat(ProcessHandle.of(up.cassandra().pid())).isEmpty();
    assertThat(directory.resolve("cassandra").resolve("data")).isDirectory();
  }

  @Test
  void a_detached_stack_that_does_not_start_says_why() throws IOException {
    try (ServerSocket other = new ServerSocket()) {
      other.bind(Ports.address(0));

      assertThatThrownBy(
              () ->
                  LocalStack.up(
                      LocalStack.Options.in(directory).withPorts(other.getLocalPort(), 0)))
          .isInstanceOf(LocalStackException.class)
          .hasMessageStartingWith("Cassandra cannot have port " + other.getLocalPort());
      assertThat(LocalStack.status(directory)).isEmpty();
    }
  }

  @Test
  void a_leased_stack_ends_with_its_lease_and_leaves_nothing() throws IOException {
    Path place = directory.resolve("leased");
    Process holder = new ProcessBuilder("sleep", "600").start();
    StackStatus up = new DetachedStack(place).up(LocalStack.Options.in(place), holder.toHandle());
    Optional<ProcessHandle> cassandra = ProcessHandle.of(up.cassandra().pid());
    assertThat(cassandra).isPresent();

    holder.destroy();

    await()
        .atMost(Duration.ofSeconds(30))
        .untilAsserted(
            () -> {
              assertThat(cassandra.orElseThrow().isAlive()).isFalse();
              assertThat(place).doesNotExist();
            });
  }

  private static String mappedFiles(long pid) {
    try {
      return Files.readString(Path.of("/proc", Long.toString(pid), "maps"));
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private static Path codeSource(Class<?> type) {
    return Path.of(type.getProtectionDomain().getCodeSource().getLocation().getPath());
  }
}
