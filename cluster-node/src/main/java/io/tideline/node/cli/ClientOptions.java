package io.tideline.node.cli;

import java.time.Duration;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.Option;

/** Which cluster a command talks to. */
final class ClientOptions {
  private static final String DEFAULT_ADDRESS = "127.0.0.1:8600";
  private static final Pattern ADDRESS =
      Pattern.compile("(https://)?(\\[[0-9A-Fa-f:.]+]|[^\\s:/\\[\\]]+):([0-9]{1,5})");

  @Option(
      names = "--address",
      paramLabel = "host:port",
      split = ",",
      description = {
        "a node to call, or several with commas between them: the next one is asked when one is"
            + " away; with https:// before it: over TLS. Default: TIDELINE_ADDRESS, or the cluster"
            + " that `up` or `demo` runs here, or "
            + DEFAULT_ADDRESS
            + ". TIDELINE_TOKEN is the caller's token where one is needed, TIDELINE_CA_FILE a PEM"
            + " file of authorities to trust",
      })
  private List<String> addresses = List.of();

  /** A client that gives up when no node answers for a few seconds. */
  FeedClient connect() {
    return connect(Duration.ofSeconds(3));
  }

  FeedClient connect(Duration patience) {
    return FeedClient.of(addresses().stream().map(ClientOptions::checked).toList(), patience);
  }

  private static String checked(String address) {
    Matcher parts = ADDRESS.matcher(address.strip());
    if (parts.matches() && Integer.parseInt(parts.group(3)) <= 65_535) return parts.group();
    throw new CommandFailure(
        ExitCode.USAGE, "`%s` is no address of a node, expected host:port".formatted(address));
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
