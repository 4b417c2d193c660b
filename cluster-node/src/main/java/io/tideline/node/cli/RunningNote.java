package io.tideline.node.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Properties;

/** A small file in which a running process says where it can be reached. */
record RunningNote(Path file) {
  // The number of a process is given to another one, above all after the machine has started anew.
  private static final long SAME_MILLIS = 60_000;

  /** What a living process has written. */
  record Running(
      long pid,
      List<String> grpcAddresses,
      List<String> managementAddresses,
      String managementToken,
      String cassandra,
      String kafka) {}

  /** Notes that this process starts a cluster; the note goes when the process ends. */
  void writeStarting() {
    write(new Properties());
  }

  /** Notes where the cluster of this process is. */
  void write(LocalCluster cluster) {
    Properties properties = new Properties();
    properties.setProperty("grpc", String.join(",", cluster.grpcAddresses()));
    properties.setProperty("management", String.join(",", cluster.managementAddresses()));
    properties.setProperty("management-token", cluster.managementToken());
    properties.setProperty("cassandra", cluster.cassandra());
    properties.setProperty("kafka", cluster.kafka());
    write(properties);
  }

  private void write(Properties properties) {
    properties.setProperty("pid", Long.toString(ProcessHandle.current().pid()));
    properties.setProperty("started", Long.toString(started(ProcessHandle.current())));
    Path written = file.resolveSibling(file.getFileName() + ".new");
    try {
      Files.createDirectories(file.toAbsolutePath().getParent());
      try (var out = Files.newBufferedWriter(written)) {
        properties.store(out, null);
      }
      Files.move(written, file, StandardCopyOption.ATOMIC_MOVE);
      file.toFile().deleteOnExit();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + file, e);
    }
  }

  /** What the note says, when its process is alive and has started its cluster. */
  Optional<Running> read() {
    Properties properties = properties();
    return pid(properties)
        .filter(pid -> properties.containsKey("grpc"))
        .map(
            pid ->
                new Running(
                    pid,
                    list(properties.getProperty("grpc", "")),
                    list(properties.getProperty("management", "")),
                    properties.getProperty("management-token", ""),
                    properties.getProperty("cassandra", ""),
                    properties.getProperty("kafka", "")));
  }

  /** The process that has written the note, when it is alive. */
  Optional<Long> pid() {
    return pid(properties());
  }

  private Properties properties() {
    Properties properties = new Properties();
    try (var in = Files.newBufferedReader(file)) {
      properties.load(in);
    } catch (NoSuchFileException e) {
      return properties;
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file, e);
    }
    return properties;
  }

  private static Optional<Long> pid(Properties properties) {
    long pid;
    long started;
    try {
      pid = Long.parseLong(properties.getProperty("pid", ""));
      started = Long.parseLong(properties.getProperty("started", ""));
    } catch (NumberFormatException e) {
      return Optional.empty(); // not ours, or cut off by a full disk
    }
    return ProcessHandle.of(pid)
        .filter(process -> Math.abs(started(process) - started) < SAME_MILLIS)
        .map(ProcessHandle::pid);
  }

  /** In milliseconds since 1970; the kernel counts from its start, so the clock's steps show. */
  private static long started(ProcessHandle process) {
    return process.info().startInstant().map(Instant::toEpochMilli).orElse(0L);
  }

  private static List<String> list(String joined) {
    return joined.isEmpty() ? List.of() : List.of(joined.split(","));
  }
}
