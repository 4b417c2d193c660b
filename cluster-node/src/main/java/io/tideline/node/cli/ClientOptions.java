package io.tideline.node.cli;

import java.time.Duration;
import java.util.List;
import picocli.CommandLine.Option;

/** Which cluster a command talks to. */
final class ClientOptions {
  private static final String DEFAULT_ADDRESS = "127.0.0.1:8600";

  @Option(
      names = "--address",
      paramLabel = "host:port",
      split = ",",
      description = {
        "a node to call, or several with commas between them: the next one is asked when one is"
            + " away; https://host:port uses TLS. Default: TIDELINE_ADDRESS, or the cluster that"
            + " `up` or `demo` runs here, or "
            + DEFAULT_ADDRESS,
      })
  private List<String> addresses = List.of();

  /** A client that gives up when no node answers for a few seconds. */
  FeedClient connect() {
    return connect(Duration.ofSeconds(3));
  }

  FeedClient connect(Duration patience) {
    return FeedClient.of(addresses(), patience);
  }

  private List<String> addresses() {
    if (!addresses.isEmpty()) return addresses;
    String configured = System.getenv("TIDELINE_ADDRESS");
    if (configured != null && !configured.isBlank()) return List.of(configured.split(","));
    return Home.ofLauncher()
        .cluster()
        .read()
        .map(RunningNote.Running::grpcAddresses)
        .filter(running -> !running.isEmpty())
        .orElse(List.of(DEFAULT_ADDRESS));
  }
}
