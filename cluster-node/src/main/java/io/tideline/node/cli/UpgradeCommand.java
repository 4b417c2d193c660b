package io.tideline.node.cli;

import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Takes a running local cluster to another build. */
@Command(
    name = "upgrade",
    description = {
      "Restart the nodes of the cluster that `up` runs here from another build: one at a time, the"
          + " oldest last, each ready and back at its share of the shards before the next one goes.",
      "Meanwhile feeds are read, 20 a second, through the public API, with tries again for 2 s."
          + " When too many of the last 200 fail or are late, or a node does not come back, all"
          + " nodes go back to what they ran before.",
    })
final class UpgradeCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--to",
      paramLabel = "DIR",
      required = true,
      description =
          "a checkout of Tideline that has been built (`./tideline --help` there builds it), for"
              + " example made with `git worktree add ../next v0.2.0`")
  private Path build = Path.of("");

  @Option(
      names = "--max-errors",
      paramLabel = "PERCENT",
      defaultValue = "1",
      description = "how many of the reads may fail (default: 1)")
  private double maxErrors;

  @Option(
      names = "--max-p99",
      paramLabel = "SPAN",
      defaultValue = "2s",
      converter = EndOptions.Span.class,
      description = "how late one in a hundred may be, in seconds (default: 2s)")
  private Duration maxP99 = Duration.ZERO;

  @Option(
      names = "--ready-within",
      paramLabel = "SPAN",
      defaultValue = "2m",
      converter = EndOptions.Span.class,
      description = "how long a node may take to start (default: 2m)")
  private Duration ready = Duration.ZERO;

  @Option(
      names = "--settle",
      paramLabel = "SPAN",
      defaultValue = "5s",
      converter = EndOptions.Span.class,
      description = "how long a node is watched at least before the next one goes (default: 5s)")
  private Duration settle = Duration.ZERO;

  @Override
  public Integer call() {
    if (maxErrors < 0 || maxErrors > 100) {
      throw new ParameterException(spec.commandLine(), "--max-errors must be 0 to 100.");
    }
    Home home = Home.ofLauncher();
    if (home.cluster().read().isEmpty()) {
      throw new CommandFailure(
          ExitCode.UNAVAILABLE, "no cluster runs here; start one with ./tideline up");
    }
    Path root = Build.in(build).root(); // before anything is touched
    var out = new Output(Output.Format.text, spec.commandLine().getOut());
    var plan =
        new RollingUpgrade.Plan(root, new UpgradeProbe.Bounds(maxErrors, maxP99), ready, settle);
    var upgrade = new RollingUpgrade(home.control(), plan, out::line);
    upgrade.prepare();
    return switch (upgrade.run()) {
      case UPGRADED -> {
        out.line("All nodes run " + root);
        yield ExitCode.OK;
      }
      case ROLLED_BACK -> {
        out.line("Rolled back: all nodes run what they ran before");
        yield ExitCode.ROLLED_BACK;
      }
    };
  }
}
