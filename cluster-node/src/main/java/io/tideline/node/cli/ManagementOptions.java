package io.tideline.node.cli;

import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Option;

/** Which cluster a command changes, and what allows it to. */
final class ManagementOptions {
  private static final String DEFAULT_ADDRESS = NodeProcess.LOOPBACK + ":8700";

  @Option(
      names = "--management",
      paramLabel = "host:port",
      split = ",",
      description = {
        "management port of a node, or several with commas between them: the next one is asked when"
            + " one is away. Default: TIDELINE_MANAGEMENT, or the cluster that `up` or `demo` runs"
            + " here, or "
            + DEFAULT_ADDRESS
      })
  private List<String> addresses = List.of();

  @Option(
      names = "--token",
      paramLabel = "TOKEN",
      description = {
        "the nodes' management token. Default: TIDELINE_MANAGEMENT_TOKEN, which other users of this"
            + " machine cannot see, or that of the cluster that runs here"
      })
  private Optional<String> token = Optional.empty();

  ManagementClient connect() {
    Optional<RunningNote.Running> here = Home.ofLauncher().cluster().read();
    List<String> asked =
        first(
                Optional.of(addresses),
                environment("TIDELINE_MANAGEMENT").map(value -> List.of(value.split(","))),
                here.map(RunningNote.Running::managementAddresses))
            .orElse(List.of(DEFAULT_ADDRESS));
    String allowed =
        token
            .or(() -> environment("TIDELINE_MANAGEMENT_TOKEN"))
            .or(() -> here.map(RunningNote.Running::managementToken))
            .orElse("");
    return new ManagementClient(asked, allowed);
  }

  @SafeVarargs
  private static Optional<List<String>> first(Optional<List<String>>... choices) {
    for (Optional<List<String>> choice : choices)
      if (choice.isPresent() && !choice.get().isEmpty()) return choice;
    return Optional.empty();
  }

  private static Optional<String> environment(String name) {
    return Optional.ofNullable(System.getenv(name)).filter(value -> !value.isBlank());
  }
}
