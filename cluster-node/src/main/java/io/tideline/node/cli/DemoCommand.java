package io.tideline.node.cli;

import io.tideline.localstack.LocalStack;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Shows what Tideline does, on this machine, in about a minute. */
@Command(
    name = "demo",
    description = {
      "Start three nodes and show, checking each step, what they do.",
      "Fills them with an example graph, reads feeds, watches posts arrive, kills a node and reads"
          + " on; then keeps the cluster running for you to try.",
      "With --cells 2: start two cells instead, each a node with a Cassandra and a Kafka of its"
          + " own; follow, post and read across, cut the line between them, write on in both, and"
          + " heal it."
    })
final class DemoCommand implements Callable<Integer> {
  private static final int NODES = 3;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--cells",
      paramLabel = "N",
      defaultValue = "1",
      description = "how many cells (data centers), 1 or 2 (default: 1)")
  private int cells;

  @Option(
      names = "--once",
      description = "stop at the end; exits with 0 only when everything that was shown held")
  private boolean once;

  @Override
  public Integer call() {
    if (cells < 1 || cells > 2) {
      throw new ParameterException(spec.commandLine(), "--cells must be 1 or 2.");
    }
    var story = new Story(new Output(Output.Format.text, spec.commandLine().getOut())::line);
    Home home = Home.ofLauncher();
    home.claimCluster();
    Path directory = home.state().resolve("demo");
    for (String servers : List.of("stack", "east/stack", "west/stack")) {
      LocalStack.awaitIdle(directory.resolve(servers));
    }
    Home.deleteWithContents(directory);
    Build build = home.builds().only(Build.running());
    if (cells == 1) {
      showNodes(home, build, directory, story);
    } else {
      showCells(home, build, directory, story);
    }
    return story.holds() ? ExitCode.OK : ExitCode.FAILED;
  }

  private void showNodes(Home home, Build build, Path directory, Story story) {
    story.line(
        "Tideline demo: three nodes, a real Cassandra and a real Kafka, all on this machine.");
    story.chapter("1. Starting");
    try (LocalCluster cluster = LocalCluster.start(directory, build, NODES, story::say)) {
      home.cluster().write(cluster);
      tell(cluster, story);
      story.sum();
      if (!once) stay(cluster, story);
    }
  }

  private static void tell(LocalCluster cluster, Story story) {
    var demo = new Demo(cluster.grpcAddresses(), story);
    demo.showNodes();
    story.chapter("2. An example graph");
    demo.fill();
    story.chapter("3. Reading home feeds");
    demo.readFeeds();
    story.chapter("4. Posts arriving live");
    demo.watchLive();
    story.chapter("5. A node is lost");
    List<NodeProcess> nodes = cluster.nodes();
    int last = nodes.size() - 1;
    demo.loseNode(last, nodes.get(last).pid(), nodes.get(last)::kill);
  }

  private void showCells(Home home, Build build, Path directory, Story story) {
    story.line(
        "Tideline demo: two cells, each with a real Cassandra and a real Kafka, all on this"
            + " machine.");
    story.chapter("1. Starting");
    try (CellLine toEast = CellLine.open();
        CellLine toWest = CellLine.open()) {
      var east = new LocalCluster.Cell("east", 1, toEast);
      var west = new LocalCluster.Cell("west", 2, toWest);
      try (LocalCluster inEast = startCell(directory, build, east, west, story);
          LocalCluster inWest = startCell(directory, build, west, east, story);
          CellsDemo demo =
              new CellsDemo(
                  east,
                  inEast.grpcAddresses().get(0),
                  west,
                  inWest.grpcAddresses().get(0),
                  story)) {
        home.cluster().write(inEast);
        demo.showCells();
        story.chapter("2. From cell to cell");
        demo.cross();
        demo.cutAndHeal();
        story.sum();
        if (!once) stay(inEast, inWest, story);
      }
    }
  }

  private static LocalCluster startCell(
      Path directory, Build build, LocalCluster.Cell cell, LocalCluster.Cell other, Story story) {
    return LocalCluster.startCell(
        directory.resolve(cell.name()),
        build,
        cell,
        other,
        line -> story.say("%s: %s", cell.name(), line));
  }

  private static void stay(LocalCluster cluster, Story story) {
    story.line("");
    story.line("The two nodes that are left keep running. Try, in another terminal:");
    story.line("   ./tideline read ada");
    story.line("   ./tideline watch ada      and in a third one   ./tideline post ben 'Ahoy'");
    story.line("   ./tideline nodes");
    story.line("Ctrl-C stops everything.");
    cluster.awaitEnd();
  }

  private static void stay(LocalCluster east, LocalCluster west, Story story) {
    String inWest = " --address " + west.grpcAddresses().get(0);
    story.line("");
    story.line(
        "Both cells keep running. Without an address you are in the east. Try, in another"
            + " terminal:");
    story.line(
        "   ./tideline read ada       and the same in the west   ./tideline read ada" + inWest);
    story.line("   ./tideline watch ada" + inWest);
    story.line("                             and in a third one   ./tideline post ben 'Ahoy'");
    story.line("   ./tideline nodes          shows how far the other cell has been copied");
    story.line("Ctrl-C stops everything.");
    east.awaitEnd();
    west.awaitEnd();
  }
}
