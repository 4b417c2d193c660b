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

  /** Writes the note of this process; it goes when the process ends. */
  void write(LocalCluster cluster) {
    Properties properties = new Properties();
    properties.setProperty("pid", Long.toString(ProcessHandle.current().pid()));
    properties.setProperty("started", Long.toString(started(ProcessHandle.current())));
    properties.setProperty("grpc", String.join(",", cluster.grpcAddresses()));
    properties.setProperty("management", String.join(",", cluster.managementAddresses()));
    properties.setProperty("management-token", cluster.managementToken());
    properties.setProperty("cassandra", cluster.cassandra());
    properties.setProperty("kafka", cluster.kafka());
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

  /** What the note says, when its process is alive. */
  Optional<Running> read() {
    Properties properties = new Properties();
    try (var in = Files.newBufferedReader(file)) {
      properties.load(in);
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file, e);
    }
    long pid;
    long started;
    try {
      pid = Long.parseLong(properties.getProperty("pid", ""));
      started = Long.parseLong(properties.getProperty("started", ""));
    } catch (NumberFormatException e) {
      return Optional.empty(); // not ours, or cut off by a full disk
    }
    Optional<ProcessHandle> process = ProcessHandle.of(pid);
    if (process.filter(it -> Math.abs(started(it) - started) < SAME_MILLIS).isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(
        new Running(
            pid,
            list(properties.getProperty("grpc", "")),
            list(properties.getProperty("management", "")),
            properties.getProperty("management-token", ""),
            properties.getProperty("cassandra", ""),
            properties.getProperty("kafka", "")));
  }

  /** In milliseconds since 1970; the kernel counts from its start, so the clock's steps show. */
  private static long started(ProcessHandle process) {
    return process.info().startInstant().map(Instant::toEpochMilli).orElse(0L);
  }

  private static List<String> list(String joined) {
    return joined.isEmpty() ? List.of() : List.of(joined.split(","));
  }
}
