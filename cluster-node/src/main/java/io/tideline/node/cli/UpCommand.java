package io.tideline.node.cli;

import java.io.UncheckedIOException;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Runs a local cluster in the foreground. */
@Command(
    name = "up",
    description = {
      "Run a cluster on this machine, with a Cassandra and a Kafka of its own, until Ctrl-C.",
      "What it holds stays in .tideline/ and is there again next time."
    })
final class UpCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--nodes",
      paramLabel = "N",
      defaultValue = "1",
      description = "how many nodes, 1-9 (default: 1)")
  private int nodes;

  @Override
  public Integer call() {
    if (nodes < 1 || nodes > 9) {
      throw new ParameterException(spec.commandLine(), "--nodes must be 1 to 9.");
    }
    Home home = Home.ofLauncher();
    home.claimCluster();
    var out = new Output(Output.Format.text, spec.commandLine().getOut());
    Build build = home.builds().only(Build.running());
    try (LocalCluster cluster = LocalCluster.start(home.state(), build, nodes, out::line)) {
      home.cluster().write(cluster);
      takeUpgrades(home, cluster, out);
      out.line("");
      out.line("Tideline is up: gRPC on " + String.join(", ", cluster.grpcAddresses()));
      out.line("Try `./tideline post ann hello` and `./tideline read ann`; Ctrl-C stops it all.");
      var unused = cluster.makeClassData(build);
      cluster.awaitEnd();
    }
    return ExitCode.FAILED; // nodes do not end by themselves
  }

  private static void takeUpgrades(Home home, LocalCluster cluster, Output out) {
    try {
      ClusterControl.listen(home.control(), cluster, home.builds());
    } catch (UncheckedIOException e) {
      out.line("`./tideline upgrade` will not work here: " + e.getMessage());
    }
  }
}
