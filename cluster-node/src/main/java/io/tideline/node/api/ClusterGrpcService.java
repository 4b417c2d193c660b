package io.tideline.node.api;

import io.tideline.multidc.mirror.SourceCell;
import io.tideline.node.ops.NodeLoads;
import io.tideline.node.ops.Topology;
import io.tideline.node.ops.TopologyFollower;
import io.tideline.protocols.v1.ClusterServicePowerApi;
import io.tideline.protocols.v1.GetTopologyRequest;
import io.tideline.protocols.v1.GetTopologyResponse;
import io.tideline.protocols.v1.Node;
import io.tideline.protocols.v1.NodeState;
import io.tideline.protocols.v1.SourceCellState;
import io.tideline.protocols.v1.WatchTopologyRequest;
import io.tideline.protocols.v1.WatchTopologyResponse;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;
import org.apache.pekko.NotUsed;
import org.apache.pekko.grpc.javadsl.Metadata;
import org.apache.pekko.stream.SharedKillSwitch;
import org.apache.pekko.stream.javadsl.Source;

/** Tells clients and operators where things are. */
public final class ClusterGrpcService implements ClusterServicePowerApi {
  private final TopologyFollower topology;
  private final NodeLoads loads;
  private final Supplier<List<SourceCell>> sources;
  private final Principals principals;
  private final SharedKillSwitch leaving;

  /**
   * Creates the service.
   *
   * @param sources how far other cells' logs have been copied to this one
   * @param leaving shut down when this node begins to leave
   */
  public ClusterGrpcService(
      TopologyFollower topology,
      NodeLoads loads,
      Supplier<List<SourceCell>> sources,
      Principals principals,
      SharedKillSwitch leaving) {
    this.topology = topology;
    this.loads = loads;
    this.sources = sources;
    this.principals = principals;
    this.leaving = leaving;
  }

  @Override
  public CompletionStage<GetTopologyResponse> getTopology(
      GetTopologyRequest request, Metadata metadata) {
    principals.authenticate(metadata);
    return CompletableFuture.completedStage(
        GetTopologyResponse.newBuilder().setTopology(message(topology.current())).build());
  }

  @Override
  public Source<WatchTopologyResponse, NotUsed> watchTopology(
      WatchTopologyRequest request, Metadata metadata) {
    principals.authenticate(metadata);
    // Who is alone would have clients call it for the users of all those whom it cannot reach.
    return topology
        .changes()
        .takeWhile(Topology::reachesHalf)
        .via(leaving.flow())
        .map(current -> WatchTopologyResponse.newBuilder().setTopology(message(current)).build());
  }

  private io.tideline.protocols.v1.Topology message(Topology topology) {
    io.tideline.protocols.v1.Topology.Builder message =
        io.tideline.protocols.v1.Topology.newBuilder()
            .setEpoch(topology.epoch())
            .setShardCount(topology.shardCount());
    Map<String, Long> shards = topology.shardCounts();
    topology
        .nodes()
        .forEach(node -> message.addNodes(message(node, shards.getOrDefault(node.id(), 0L))));
    topology
        .shardOwners()
        .forEach(
            (shard, node) -> {
              // The shard of a single hash value is negative; its users are forwarded.
              if (shard >= 0) message.putShardOwners(shard, node);
            });
    sources.get().forEach(source -> message.addSources(message(source)));
    return message.build();
  }

  private static io.tideline.protocols.v1.SourceCell message(SourceCell source) {
    return io.tideline.protocols.v1.SourceCell.newBuilder()
        .setCell(source.name())
        .setNumber(source.number())
        .setState(
            switch (source.state()) {
              case UP -> SourceCellState.SOURCE_CELL_STATE_UP;
              case UNKNOWN -> SourceCellState.SOURCE_CELL_STATE_UNKNOWN;
              case AWAY -> SourceCellState.SOURCE_CELL_STATE_AWAY;
              case BACKFILL_NEEDED -> SourceCellState.SOURCE_CELL_STATE_BACKFILL_NEEDED;
            })
        .setLagLines(source.lagLines())
        .setLagSeconds(source.lag().toMillis() / 1e3)
        .build();
  }

  private Node message(Topology.Node node, long shards) {
    NodeLoads.Load load = loads.of(node.grpcAddress());
    return Node.newBuilder()
        .setNodeId(node.id())
        .setCell(node.cell())
        .setAvailabilityZone(node.availabilityZone())
        .setGrpcAddress(node.grpcAddress())
        .setVersion(node.version())
        .setWeight(node.weight())
        .setDraining(node.weight() == 0)
        .setShards((int) shards)
        .setState(
            switch (node.state()) {
              case JOINING -> NodeState.NODE_STATE_JOINING;
              case UP -> NodeState.NODE_STATE_UP;
              case LEAVING -> NodeState.NODE_STATE_LEAVING;
              case UNREACHABLE -> NodeState.NODE_STATE_UNREACHABLE;
            })
        .setCpuLoad((float) load.cpu())
        .setOverCapacity(load.overCapacity())
        .build();
  }
}
