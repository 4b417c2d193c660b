package io.tideline.node.cli;

import io.tideline.protocols.v1.GetTopologyRequest;
import io.tideline.protocols.v1.Node;
import io.tideline.protocols.v1.NodeState;
import io.tideline.protocols.v1.SourceCell;
import io.tideline.protocols.v1.Topology;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Shows the nodes of the cluster. */
@Command(
    name = "nodes",
    description = {
      "Show the nodes of the cluster and how many shards each has, and how far the logs of other"
          + " cells have been copied."
    })
final class NodesCommand implements Callable<Integer> {
  @Mixin private ClientOptions client = new ClientOptions();
  @Mixin private OutputOptions output = new OutputOptions();

  @Override
  public Integer call() {
    try (FeedClient feed = client.connect()) {
      Topology topology =
          feed.call(Methods.GET_TOPOLOGY, GetTopologyRequest.getDefaultInstance()).getTopology();
      if (output.output().json()) {
        output.output().message(topology);
      } else {
        output.output().line(table(topology));
      }
    }
    return ExitCode.OK;
  }

  static String table(Topology topology) {
    StringBuilder table = new StringBuilder();
    row(table, "ADDRESS", "STATE", "CELL", "ZONE", "VERSION", "SHARDS", "NODE");
    for (Node node : topology.getNodesList()) {
      long shards =
          topology.getShardOwnersMap().values().stream().filter(node.getNodeId()::equals).count();
      row(
          table,
          node.getGrpcAddress(),
          state(node),
          node.getCell(),
          node.getAvailabilityZone(),
          node.getVersion(),
          Long.toString(shards),
          node.getNodeId());
    }
    table.append(
        "%d of %d shards placed"
            .formatted(topology.getShardOwnersCount(), topology.getShardCount()));
    topology.getSourcesList().forEach(source -> table.append('\n').append(source(source)));
    return table.toString();
  }

  private static String source(SourceCell source) {
    return String.format(
        Locale.ROOT,
        "cell %s: %s, %,d lines not copied yet",
        source.getCell(),
        source.getState().name().replace("SOURCE_CELL_STATE_", "").toLowerCase(Locale.ROOT),
        source.getLagLines());
  }

  private static String state(Node node) {
    if (node.getState() == NodeState.NODE_STATE_UP && node.getDraining()) return "draining";
    return node.getState().name().replace("NODE_STATE_", "").toLowerCase(Locale.ROOT);
  }

  private static void row(StringBuilder table, Object... cells) {
    table
        .append("%-21s %-12s %-10s %-10s %-16s %6s  %s".formatted(cells).stripTrailing())
        .append('\n');
  }
}
