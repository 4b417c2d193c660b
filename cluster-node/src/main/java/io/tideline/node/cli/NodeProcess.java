package io.tideline.node.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * One node of a local cluster in a JVM of its own, which ends when this JVM ends. It runs without
 * Kamon's agent, which doubles what a start costs.
 */
final class NodeProcess {
  /** Where the node listens, all on the loopback interface. */
  record Ports(int grpc, int cluster, int management) {
    String grpcAddress() {
      return LOOPBACK + ":" + grpc;
    }

    String clusterAddress() {
      return LOOPBACK + ":" + cluster;
    }

    String managementAddress() {
      return LOOPBACK + ":" + management;
    }
  }

  static final String LOOPBACK = "127.0.0.1";
  private static final Duration TO_STOP = Duration.ofSeconds(75);
  private static final int LAST_WORDS = 15;

  private final String name;
  private final Build build;
  private final Ports ports;
  private final Path log;
  private final Process process;
  private volatile boolean ending;

  private NodeProcess(String name, Build build, Ports ports, Path log, Process process) {
    this.name = name;
    this.build = build;
    this.ports = ports;
    this.log = log;
    this.process = process;
  }

  /**
   * Starts a node; what it prints is added to the log.
   *
   * @param settings environment variables, and keys of the configuration that begin with {@code
   *     tideline.}
   */
  static NodeProcess start(
      String name, Build build, Ports ports, Map<String, String> settings, Path log) {
    List<String> command = new ArrayList<>();
    // A Ctrl-C reaches all processes of a terminal: the parent stops its nodes in good order.
    command.addAll(List.of("/bin/sh", "-c", "trap '' INT HUP; exec \"$@\"", "sh"));
    command.add(java());
    command.addAll(
        List.of(
            "-Xms64m",
            "-Xmx512m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-XX:+ExitOnOutOfMemoryError",
            "-XX:DumpLoadedClassList=" + loadedClasses(log)));
    ClassData.of(build)
        .filter(ClassData::areThere)
        .ifPresent(classes -> command.add("-XX:SharedArchiveFile=" + classes.file()));
    settings.forEach(
        (key, value) -> {
          if (isConfiguration(key)) command.add("-D" + key + "=" + value);
        });
    command.addAll(List.of("-cp", build.classPath(), ChildNode.class.getName()));

    var builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().keySet().removeIf(key -> key.startsWith("TIDELINE_"));
    settings.forEach(
        (key, value) -> {
          if (!isConfiguration(key)) builder.environment().put(key, value);
        });
    builder.environment().put("TIDELINE_LOG", "text");
    builder.environment().put("TIDELINE_GRPC_PORT", Integer.toString(ports.grpc()));
    builder.environment().put("TIDELINE_CLUSTER_PORT", Integer.toString(ports.cluster()));
    builder.environment().put("TIDELINE_MANAGEMENT_PORT", Integer.toString(ports.management()));
    try {
      Files.createDirectories(log.toAbsolutePath().getParent());
      builder.redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
      return new NodeProcess(name, build, ports, log, builder.start());
    } catch (IOException e) {
      throw new UncheckedIOException("cannot start " + name + ": " + e.getMessage(), e);
    }
  }

  /** The Java that nodes run on. */
  static String java() {
    return Path.of(System.getProperty("java.home"), "bin", "java").toString();
  }

  private static Path loadedClasses(Path log) {
    return log.resolveSibling(log.getFileName() + ".classes");
  }

  private static boolean isConfiguration(String key) {
    return key.startsWith("tideline.");
  }

  String name() {
    return name;
  }

  /** What it runs from. */
  Build build() {
    return build;
  }

  /** Where its JVM writes the names of the classes that it loads. */
  Path loadedClasses() {
    return loadedClasses(log);
  }

  Ports ports() {
    return ports;
  }

  long pid() {
    return process.pid();
  }

  boolean isAlive() {
    return process.isAlive();
  }

  /** Completes when the process is gone. */
  CompletableFuture<NodeProcess> onExit() {
    return process.onExit().thenApply(ended -> this);
  }

  /** Returns when the node says that it is ready; fails when it dies before or takes too long. */
  void awaitReady(Duration limit) {
    long giveUpAt = System.nanoTime() + limit.toNanos();
    while (!isReady()) {
      if (!process.isAlive()) {
        throw new CommandFailure(ExitCode.FAILED, death());
      }
      if (System.nanoTime() > giveUpAt) {
        throw new CommandFailure(
            ExitCode.FAILED,
            "%s was not ready after %d s. %s".formatted(name, limit.toSeconds(), lastWords()));
      }
      pause();
    }
  }

  private boolean isReady() {
    try {
      var url = URI.create("http://" + LOOPBACK + ":" + ports.management() + "/ready").toURL();
      var connection = (HttpURLConnection) url.openConnection();
      connection.setConnectTimeout(1_000);
      connection.setReadTimeout(2_000);
      try {
        return connection.getResponseCode() == 200;
      } finally {
        connection.disconnect();
      }
    } catch (IOException e) {
      return false;
    }
  }

  private static void pause() {
    try {
      TimeUnit.MILLISECONDS.sleep(100);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CommandFailure(ExitCode.FAILED, "interrupted while a node was starting");
    }
  }

  /** Whether {@link #stop} or {@link #kill} was called: its end is then no surprise. */
  boolean ending() {
    return ending;
  }

  /** Ends the node at once, as a crash would. */
  void kill() {
    ending = true;
    process.destroyForcibly();
  }

  /** Asks the node to leave; does not wait. */
  void stop() {
    ending = true;
    try {
      process.getOutputStream().close();
    } catch (IOException e) {
      // The pipe is already broken: the node is on its way out.
    }
  }

  /** Waits as long as a node may take to leave. */
  void awaitStop() {
    awaitStop(TO_STOP);
  }

  /** Waits so long for a node that was asked to leave, and ends it when it does not. */
  void awaitStop(Duration limit) {
    try {
      if (process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) return;
      process.destroyForcibly().waitFor();
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }

  /** How the process ended, with the last lines that it wrote. */
  String death() {
    return "%s ended (process %d, exit code %d). %s"
        .formatted(name, pid(), process.exitValue(), lastWords());
  }

  /** The last lines of the log; the frames of a stack trace would hide what it is about. */
  private String lastWords() {
    try {
      List<String> lines =
          new String(Files.readAllBytes(log), StandardCharsets.UTF_8)
              .lines()
              .filter(line -> !line.startsWith("\tat "))
              .toList();
      if (lines.isEmpty()) return "It wrote nothing.";
      return "The end of "
          + log
          + ":\n"
          + String.join("\n", lines.subList(Math.max(0, lines.size() - LAST_WORDS), lines.size()));
    } catch (IOException e) {
      return "Its log " + log + " cannot be read: " + e.getMessage();
    }
  }
}
