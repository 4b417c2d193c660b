package io.tideline.bench.side;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

/** A child process that ends when its standard input does, and so with this one. */
final class ServerProcess implements AutoCloseable {
  private static final Duration TO_START = Duration.ofMinutes(2);
  private static final Duration TO_STOP = Duration.ofSeconds(60);
  private static final int LAST_WORDS = 15;

  // Ends with the program, and the program with the input; what runs aside has no input by itself.
  private static final String PROGRAM =
      """
      trap '' INT HUP
      exec 3<&0
      "$@" 3<&- & program=$!
      { while read -r line; do :; done <&3; kill $program; } & watch=$!
      wait $program
      code=$?
      kill $watch 2>/dev/null
      exit $code
      """;

  private final String name;
  private final Path log;
  private final Process process;

  private ServerProcess(String name, Path log, Process process) {
    this.name = name;
    this.log = log;
    this.process = process;
  }

  /**
   * Starts a main class of a class path on this JDK.
   *
   * @param options of the JVM
   */
  static ServerProcess java(
      String name,
      Path log,
      List<String> options,
      String classPath,
      Map<String, String> environment,
      String... main) {
    Path own = Path.of(System.getProperty("java.home"));
    return java(own, name, log, options, classPath, environment, main);
  }

  /** The same on another one. */
  static ServerProcess java(
      Path jdk,
      String name,
      Path log,
      List<String> options,
      String classPath,
      Map<String, String> environment,
      String... main) {
    List<String> command = new ArrayList<>();
    command.add(jdk.resolve("bin/java").toString());
    // Each side gets one core later on, and what counts processors does so when it starts.
    command.add("-XX:ActiveProcessorCount=1");
    command.addAll(options);
    command.addAll(List.of("-cp", classPath));
    command.addAll(List.of(main));
    // A Ctrl-C reaches all processes of a terminal: the parent stops its servers in good order.
    return start(name, log, "trap '' INT HUP; exec \"$@\"", command, environment);
  }

  /** Starts the gRPC front of a store, from what this process runs from. */
  static ServerProcess front(String store, Path log, Class<?> main, String... arguments) {
    List<String> all = new ArrayList<>(List.of(main.getName()));
    all.addAll(List.of(arguments));
    return java(
        "the front of " + store,
        log,
        List.of("-Xmx1g"),
        System.getProperty("java.class.path"),
        Map.of(),
        all.toArray(String[]::new));
  }

  /** Starts a program that does not look at its standard input. */
  static ServerProcess program(String name, Path log, List<String> command) {
    return start(name, log, PROGRAM, command, Map.of());
  }

  private static ServerProcess start(
      String name, Path log, String script, List<String> command, Map<String, String> environment) {
    List<String> wrapped = new ArrayList<>(List.of("/bin/sh", "-c", script, "sh"));
    wrapped.addAll(command);
    try {
      Files.createDirectories(log.toAbsolutePath().getParent());
      var builder = new ProcessBuilder(wrapped).redirectErrorStream(true);
      builder.environment().keySet().removeIf(key -> key.startsWith("TIDELINE_"));
      builder.environment().putAll(environment);
      builder.redirectOutput(log.toFile());
      return new ServerProcess(name, log, builder.start());
    } catch (IOException e) {
      throw new UncheckedIOException("cannot start " + name + ": " + e.getMessage(), e);
    }
  }

  /** The process and those that it has started. */
  List<Long> pids() {
    return Stream.concat(Stream.of(process.toHandle()), process.descendants())
        .map(ProcessHandle::pid)
        .toList();
  }

  void awaitReady(BooleanSupplier ready) {
    long giveUpAt = System.nanoTime() + TO_START.toNanos();
    while (!ready.getAsBoolean()) {
      if (!process.isAlive()) {
        throw new IllegalStateException(
            "%s ended with exit code %d. %s".formatted(name, process.exitValue(), lastWords()));
      }
      if (System.nanoTime() > giveUpAt) {
        throw new IllegalStateException(
            "%s was not ready after %d s. %s".formatted(name, TO_START.toSeconds(), lastWords()));
      }
      pause();
    }
  }

  void awaitPort(int port) {
    awaitReady(() -> answers(port));
  }

  private static boolean answers(int port) {
    try (var socket = new Socket()) {
      socket.connect(loopback(port), 500);
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  private static void pause() {
    try {
      TimeUnit.MILLISECONDS.sleep(100);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while a server was starting", e);
    }
  }

  private String lastWords() {
    try {
      List<String> lines =
          new String(Files.readAllBytes(log), StandardCharsets.UTF_8)
              .lines()
              .filter(line -> !line.startsWith("\tat "))
              .toList();
      return "The end of "
          + log
          + ":\n"
          + String.join("\n", lines.subList(Math.max(0, lines.size() - LAST_WORDS), lines.size()));
    } catch (IOException e) {
      return "Its log " + log + " cannot be read: " + e.getMessage();
    }
  }

  static InetSocketAddress loopback(int port) {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
  }

  static int freePort() {
    try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    } catch (IOException e) {
      throw new UncheckedIOException("no port is free on 127.0.0.1", e);
    }
  }

  /** Ends the process as a crash would. */
  void kill() {
    try {
      process.destroyForcibly().waitFor();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while a server was ending", e);
    }
  }

  @Override
  public void close() {
    try {
      process.getOutputStream().close();
    } catch (IOException e) {
      // The pipe is already broken: it is on its way out.
    }
    try {
      if (process.waitFor(TO_STOP.toMillis(), TimeUnit.MILLISECONDS)) return;
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly().waitFor();
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
