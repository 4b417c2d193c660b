package io.tideline.bench.side;

import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.stub.ClientCalls;
import io.tideline.protocols.v1.GetTopologyRequest;
import io.tideline.protocols.v1.GetTopologyResponse;
import io.tideline.protocols.v1.Node;
import io.tideline.protocols.v1.Topology;
import java.util.HashMap;
import java.util.Map;

/**
 * Which node has which user.
 *
 * @param addresses of the nodes' gRPC servers, by shard
 */
public record Owners(int shards, Map<Integer, String> addresses) {
  private static final MethodDescriptor<GetTopologyRequest, GetTopologyResponse> GET_TOPOLOGY =
      MethodDescriptor.<GetTopologyRequest, GetTopologyResponse>newBuilder()
          .setFullMethodName("tideline.v1.ClusterService/GetTopology")
          .setType(MethodType.UNARY)
          .setRequestMarshaller(ProtoUtils.marshaller(GetTopologyRequest.getDefaultInstance()))
          .setResponseMarshaller(ProtoUtils.marshaller(GetTopologyResponse.getDefaultInstance()))
          .build();

  public Owners {
    addresses = Map.copyOf(addresses);
  }

  /** As a node knows them now. */
  public static Owners asOf(TidelineNode node) {
    ManagedChannel channel =
        NettyChannelBuilder.forTarget(node.grpcAddress()).usePlaintext().build();
    try {
      Topology topology =
          ClientCalls.blockingUnaryCall(
                  channel,
                  GET_TOPOLOGY,
                  CallOptions.DEFAULT,
                  GetTopologyRequest.getDefaultInstance())
              .getTopology();
      Map<String, String> addresses = new HashMap<>();
      for (Node one : topology.getNodesList()) {
        addresses.put(one.getNodeId(), one.getGrpcAddress());
      }
      Map<Integer, String> owners = new HashMap<>();
      topology
          .getShardOwnersMap()
          .forEach((shard, id) -> owners.put(shard, addresses.getOrDefault(id, "")));
      return new Owners(topology.getShardCount(), owners);
    } finally {
      channel.shutdownNow();
    }
  }

  /** Whether a node has a user. */
  public boolean has(TidelineNode node, String user) {
    int shard = Math.abs(user.hashCode() % shards);
    return node.grpcAddress().equals(addresses.get(shard));
  }
}
