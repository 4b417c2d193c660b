package io.tideline.node.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Shows what Tideline does, on this machine, in about a minute. */
@Command(
    name = "demo",
    description = {
      "Start three nodes and show, checking each step, what they do.",
      "Fills them with an example graph, reads feeds, watches posts arrive, kills a node and reads"
          + " on; then keeps the cluster running for you to try."
    })
final class DemoCommand implements Callable<Integer> {
  private static final int NODES = 3;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--once",
      description = "stop at the end; exits with 0 only when everything that was shown held")
  private boolean once;

  @Override
  public Integer call() {
    long startedAt = System.nanoTime();
    Home home = Home.ofLauncher();
    home.refuseWhileClusterRuns();
    var out = new Output(Output.Format.text, spec.commandLine().getOut());
    Path directory = home.state().resolve("demo");
    deleteWithContents(directory);
    out.line("Tideline demo: three nodes, a real Cassandra and a real Kafka, all on this machine.");
    out.line("");
    out.line("1. Starting");
    try (LocalCluster cluster =
        LocalCluster.start(directory, NODES, line -> out.line("   " + line))) {
      home.cluster().write(cluster);
      Demo demo = tell(cluster, out);
      out.line("");
      if (!demo.failures().isEmpty()) {
        out.line("These did not hold:");
        demo.failures().forEach(failure -> out.line("   " + failure));
      } else {
        out.line(
            String.format(
                Locale.ROOT,
                "All %d checks held, after %.0f s.",
                demo.checks(),
                (System.nanoTime() - startedAt) / 1e9));
      }
      if (!once) stay(cluster, out);
      return demo.failures().isEmpty() ? ExitCode.OK : ExitCode.FAILED;
    }
  }

  private static Demo tell(LocalCluster cluster, Output out) {
    var demo = new Demo(cluster.grpcAddresses(), out::line);
    demo.showNodes();
    out.line("");
    out.line("2. An example graph");
    demo.fill();
    out.line("");
    out.line("3. Reading home feeds");
    demo.readFeeds();
    out.line("");
    out.line("4. Posts arriving live");
    demo.watchLive();
    out.line("");
    out.line("5. A node is lost");
    List<NodeProcess> nodes = cluster.nodes();
    int last = nodes.size() - 1;
    demo.loseNode(last, nodes.get(last).pid(), nodes.get(last)::kill);
    return demo;
  }

  private static void stay(LocalCluster cluster, Output out) {
    out.line("");
    out.line("The two nodes that are left keep running. Try, in another terminal:");
    out.line("   ./tideline read ada");
    out.line("   ./tideline watch ada      and in a third one   ./tideline post ben 'Ahoy'");
    out.line("   ./tideline nodes");
    out.line("Ctrl-C stops everything.");
    cluster.awaitEnd();
  }

  private static void deleteWithContents(Path directory) {
    if (!Files.exists(directory)) return;
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) Files.delete(file);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot delete " + directory, e);
    }
  }
}
