package io.tideline.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.tideline.localstack.LocalCassandra;
import io.tideline.localstack.LocalStack;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One node of a {@link TestCluster}, in a process that can be killed, paused, and started again.
 */
final class ClusterNode {
  private static final Duration TO_START = Duration.ofMinutes(2);
  private static final Duration TO_END = Duration.ofMinutes(1);
  private static final String TOKEN = "secret";
  private static final HttpClient HTTP =
      HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(1)).build();

  private final String name;
  private final int grpcPort;
  private final int clusterPort;
  private final int managementPort;
  private final Path log;
  private final String heap;
  private final Map<String, String> configuration;
  private final Map<String, String> settings;
  private @Nullable Process process;

  ClusterNode(
      String name,
      int clusterPort,
      int grpcPort,
      int managementPort,
      String zone,
      String seeds,
      String heap,
      Path log,
      LocalStack stack,
      Map<String, String> configuration) {
    this.name = name;
    this.grpcPort = grpcPort;
    this.clusterPort = clusterPort;
    this.managementPort = managementPort;
    this.log = log;
    this.heap = heap;
    this.configuration = configuration;
    settings =
        Map.of(
            "TIDELINE_AZ",
            zone,
            "TIDELINE_SEED_NODES",
            seeds,
            "TIDELINE_GRPC_PORT",
            Integer.toString(grpcPort),
            "TIDELINE_CLUSTER_PORT",
            Integer.toString(clusterPort),
            "TIDELINE_MANAGEMENT_PORT",
            Integer.toString(managementPort),
            "TIDELINE_MANAGEMENT_TOKEN",
            TOKEN,
            "TIDELINE_CASSANDRA",
            stack.cassandra().contactPoint(),
            "TIDELINE_CASSANDRA_DC",
            LocalCassandra.DATA_CENTER,
            "TIDELINE_KAFKA",
            stack.kafka().bootstrapServers(),
            "TIDELINE_LOG",
            "text");
  }

  String grpcAddress() {
    return "127.0.0.1:" + grpcPort;
  }

  String clusterAddress() {
    return "127.0.0.1:" + clusterPort;
  }

  void start() {
    start(Map.of());
  }

  /** With some more in its environment. */
  void start(Map<String, String> environment) {
    List<String> command = new ArrayList<>();
    command.addAll(
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xms64m",
            "-Xmx" + heap,
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-XX:+ExitOnOutOfMemoryError"));
    configuration.forEach((key, value) -> command.add("-D" + key + "=" + value));
    command.addAll(
        List.of("-cp", System.getProperty("java.class.path"), "io.tideline.node.cli.ChildNode"));
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
    builder.environment().keySet().removeIf(key -> key.startsWith("TIDELINE_"));
    builder.environment().putAll(settings);
    builder.environment().putAll(environment);
    try {
      process = builder.start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  void awaitReady() {
    await(name + " to be ready, see " + log)
        .atMost(TO_START)
        .pollInterval(Duration.ofMillis(200))
        .failFast(name + " has ended: " + log, () -> !isRunning())
        .until(() -> status("ready") == 200);
  }

  long pid() {
    return running().pid();
  }

  boolean isRunning() {
    return process != null && process.isAlive();
  }

  /** Ends it as a crash would. */
  void kill() {
    running().destroyForcibly();
    awaitEnd();
  }

  /** Asks it to leave, and waits until it has. */
  void stop() {
    running().destroy();
    awaitEnd();
  }

  void awaitEnd() {
    await(name + " to end, see " + log)
        .atMost(TO_END)
        .pollInterval(Duration.ofMillis(50))
        .until(() -> !isRunning());
  }

  void pause() {
    signal("STOP");
  }

  void resume() {
    signal("CONT");
  }

  /** What the management port answers, {@code 0} when it does not. */
  int status(String path) {
    try {
      return get(path).statusCode();
    } catch (IOException e) {
      return 0;
    }
  }

  String read(String path) {
    try {
      return get(path).body();
    } catch (IOException e) {
      return "";
    }
  }

  /** Changes something over the management port. */
  void put(String path) {
    try {
      HttpRequest put =
          HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + managementPort + "/" + path))
              .PUT(HttpRequest.BodyPublishers.noBody())
              .header("Authorization", "Bearer " + TOKEN)
              .build();
      HttpResponse<String> answer = HTTP.send(put, HttpResponse.BodyHandlers.ofString());
      assertThat(answer.statusCode()).as(answer.body()).isLessThan(300);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  String lastWords() {
    try {
      List<String> lines = Files.readAllLines(log);
      return String.join("\n", lines.subList(Math.max(0, lines.size() - 40), lines.size()));
    } catch (IOException e) {
      return e.toString();
    }
  }

  private HttpResponse<String> get(String path) throws IOException {
    try {
      return HTTP.send(
          HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + managementPort + "/" + path))
              .timeout(Duration.ofSeconds(2))
              .build(),
          HttpResponse.BodyHandlers.ofString());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    }
  }

  private void signal(String signal) {
    try {
      Process kill =
          new ProcessBuilder("kill", "-" + signal, Long.toString(running().pid())).start();
      assertThat(kill.waitFor()).as("exit code of kill -" + signal).isZero();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private Process running() {
    Process started = process;
    if (started == null) throw new IllegalStateException(name + " was never started");
    return started;
  }

  @Override
  public String toString() {
    return name;
  }
}
