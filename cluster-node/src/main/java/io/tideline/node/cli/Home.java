package io.tideline.node.cli;

import java.nio.file.Path;

/** Where this checkout keeps what it builds and what it runs. */
record Home(Path root) {

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

  /** Where {@code up} takes requests to restart nodes. */
  Path control() {
    return state().resolve("cluster.socket");
  }

  /** The data of {@code up}, and of the servers that {@code stack up} keeps running. */
  Path stack() {
    return state().resolve("stack");
  }

  /** Fails while {@code up} or {@code demo} runs: it would be cut off, or its data written over. */
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
  }
}
