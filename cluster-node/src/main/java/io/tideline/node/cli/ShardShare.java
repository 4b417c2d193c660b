package io.tideline.node.cli;

import io.grpc.StatusRuntimeException;
import io.tideline.protocols.v1.GetTopologyRequest;
import io.tideline.protocols.v1.Node;
import io.tideline.protocols.v1.NodeState;
import io.tideline.protocols.v1.Topology;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * Whether shards have come back to a node that was restarted. Nobody answering means not yet: to
 * judge that is the probe's part.
 */
final class ShardShare {
  private static final Duration ASK_AGAIN = Duration.ofSeconds(1);

  private final String grpcAddress;
  private final Supplier<Topology> topology;
  private final int share;
  private int shards;
  private boolean reached;
  private long askAgainAt = System.nanoTime();

  /** Before the node leaves: it is to have as many as it has now, or an even share; roughly. */
  ShardShare(String grpcAddress, Supplier<Topology> topology) {
    this.grpcAddress = grpcAddress;
    this.topology = topology;
    share = ask().map(this::shareOf).orElse(0);
  }

  static ShardShare of(ClusterControl.Node node, FeedClient client) {
    return new ShardShare(
        node.grpcAddress(),
        () ->
            client
                .call(Methods.GET_TOPOLOGY, GetTopologyRequest.getDefaultInstance())
                .getTopology());
  }

  private int shareOf(Topology before) {
    int even = before.getShardOwnersCount() / before.getNodesCount();
    int usual = Math.min(even, shards(before));
    return usual - Math.max(1, usual / 10);
  }

  /** How many shards the node had when that was last known. */
  int shards() {
    return shards;
  }

  /** Whether the node has its share. */
  boolean reached() {
    if (System.nanoTime() - askAgainAt >= 0) {
      ask().ifPresent(this::look);
      askAgainAt = System.nanoTime() + ASK_AGAIN.toNanos();
    }
    return reached;
  }

  private void look(Topology now) {
    shards = shards(now);
    reached = shards >= share;
  }

  private Optional<Topology> ask() {
    try {
      return Optional.of(topology.get());
    } catch (StatusRuntimeException nobodyAnswers) {
      return Optional.empty();
    }
  }

  private int shards(Topology topology) {
    // Older builds do not say it with the node.
    List<String> ids = named(topology).map(Node::getNodeId).toList();
    return (int) topology.getShardOwnersMap().values().stream().filter(ids::contains).count();
  }

  private Stream<Node> named(Topology topology) {
    return topology.getNodesList().stream()
        .filter(other -> other.getGrpcAddress().equals(grpcAddress))
        .filter(other -> other.getState() == NodeState.NODE_STATE_UP);
  }
}
