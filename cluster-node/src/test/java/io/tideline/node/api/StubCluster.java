package io.tideline.node.api;

import io.tideline.protocols.v1.ClusterService;
import io.tideline.protocols.v1.ClusterServicePowerApi;
import io.tideline.protocols.v1.ClusterServicePowerApiHandlerFactory;
import io.tideline.protocols.v1.GetTopologyRequest;
import io.tideline.protocols.v1.GetTopologyResponse;
import io.tideline.protocols.v1.Node;
import io.tideline.protocols.v1.Topology;
import io.tideline.protocols.v1.WatchTopologyRequest;
import io.tideline.protocols.v1.WatchTopologyResponse;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Supplier;
import org.apache.pekko.NotUsed;
import org.apache.pekko.grpc.javadsl.Metadata;
import org.apache.pekko.stream.javadsl.Source;

/** A service whose stream is what a test says. */
final class StubCluster implements ClusterServicePowerApi {
  volatile Supplier<Source<WatchTopologyResponse, NotUsed>> onWatch = Source::empty;

  GrpcMount<ClusterServicePowerApi> mount() {
    return GrpcMount.of(
        ClusterService.description,
        ClusterServicePowerApi.class,
        this,
        ClusterServicePowerApiHandlerFactory::create);
  }

  /** The padding is random, because Pekko HTTP compresses. */
  static WatchTopologyResponse topology(long epoch, int padding) {
    return WatchTopologyResponse.newBuilder()
        .setTopology(
            Topology.newBuilder()
                .setEpoch(epoch)
                .addNodes(Node.newBuilder().setNodeId(random(padding))))
        .build();
  }

  private static String random(int length) {
    return ThreadLocalRandom.current()
        .ints(length, ' ', '~')
        .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
        .toString();
  }

  @Override
  public CompletionStage<GetTopologyResponse> getTopology(
      GetTopologyRequest request, Metadata metadata) {
    return CompletableFuture.completedFuture(GetTopologyResponse.getDefaultInstance());
  }

  @Override
  public Source<WatchTopologyResponse, NotUsed> watchTopology(
      WatchTopologyRequest request, Metadata metadata) {
    return onWatch.get();
  }
}
