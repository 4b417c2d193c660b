package io.tideline.node.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/** Where this checkout keeps what it builds and what it runs. */
record Home(Path root) {
  // One that nobody holds is closed, and so is free.
  private static final Set<FileChannel> CLAIMS = ConcurrentHashMap.newKeySet();

  /** The checkout that the launcher found; the current directory without a launcher. */
  static Home ofLauncher() {
    return new Home(Path.of(System.getProperty("tideline.home", "")).toAbsolutePath());
  }

  /** Data, logs and notes of what runs; safe to delete when nothing runs. */
  Path state() {
    return root.resolve(".tideline");
  }

  /** The note of the cluster that {@code up} or {@code demo} keeps running. */
  RunningNote cluster() {
    return new RunningNote(state().resolve("cluster.properties"));
  }

  /** What the nodes of {@code up} and {@code demo} run from. */
  BuildCopies builds() {
    return new BuildCopies(state().resolve("builds"));
  }

  /** Where {@code up} takes requests to restart nodes. */
  Path control() {
    return state().resolve("cluster.socket");
  }

  /** The data of {@code up}, and of the servers that {@code stack up} keeps running. */
  Path stack() {
    return state().resolve("stack");
  }

  /**
   * Keeps others from starting a cluster here until this process ends; fails while one of theirs
   * starts or runs.
   */
  void claimCluster() {
    Path file = state().resolve("cluster.lock");
    try {
      Files.createDirectories(state());
      FileChannel channel =
          FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      if (channel.tryLock() == null) {
        channel.close();
        refuseWhileClusterRuns();
        throw new CommandFailure(
            ExitCode.FAILED, "another process is about to start a cluster here");
      }
      CLAIMS.add(channel);
      cluster().writeStarting();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot lock " + file + ": " + e.getMessage(), e);
    }
  }

  /**
   * Fails while {@code up} or {@code demo} starts or runs: it would be cut off, or its data written
   * over.
   */
  void refuseWhileClusterRuns() {
    cluster()
        .read()
        .ifPresent(
            running -> {
              throw new CommandFailure(
                  ExitCode.FAILED,
                  "a cluster is running here (process %d, gRPC on %s); stop it first"
                      .formatted(running.pid(), String.join(", ", running.grpcAddresses())));
            });
    cluster()
        .pid()
        .ifPresent(
            pid -> {
              throw new CommandFailure(
                  ExitCode.FAILED,
                  "a cluster is starting here (process %d); stop it first".formatted(pid));
            });
  }

  static void deleteWithContents(Path directory) {
    if (!Files.exists(directory)) return;
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) Files.delete(file);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot delete " + directory, e);
    }
  }
}
