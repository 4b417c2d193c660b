package io.tideline.client;

import com.google.protobuf.Any;
import com.google.protobuf.Message;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.InsecureServerCredentials;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerMethodDefinition;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import io.tideline.protocols.UserId;
import io.tideline.protocols.v1.GetPostResponse;
import io.tideline.protocols.v1.MarkReadResponse;
import io.tideline.protocols.v1.Node;
import io.tideline.protocols.v1.NodeState;
import io.tideline.protocols.v1.PublishResponse;
import io.tideline.protocols.v1.ReadFeedResponse;
import io.tideline.protocols.v1.Topology;
import io.tideline.protocols.v1.WatchFeedRequest;
import io.tideline.protocols.v1.WatchFeedResponse;
import io.tideline.protocols.v1.WatchTopologyRequest;
import io.tideline.protocols.v1.WatchTopologyResponse;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** A cell of servers that remember who was asked what, and fail as they are told. */
final class StubCell implements AutoCloseable {
  static final int SHARDS = 30;

  /** As many as a node takes. */
  static final int CALLS_PER_CONNECTION = 1_000;

  /** One request that came to a node. */
  record Asked(int node, Message request, String authorization, long atNanos) {}

  /** What a node does with a request: an answer, a failure, or null = no answer ever. */
  @FunctionalInterface
  interface Script {
    @Nullable Message answer(int node, Message request);
  }

  private final String name;
  private final List<Integer> ports = new ArrayList<>();
  private final List<@Nullable Server> servers = new ArrayList<>();
  private final List<Asked> asked = new CopyOnWriteArrayList<>();
  private final List<String> tokensOfWatches = new CopyOnWriteArrayList<>();
  private final Set<StreamObserver<WatchTopologyResponse>> topologyWatchers =
      ConcurrentHashMap.newKeySet();
  private final List<StreamObserver<WatchFeedResponse>> feedWatchers = new CopyOnWriteArrayList<>();
  private final AtomicInteger cancelled = new AtomicInteger();
  private volatile Script script = StubCell::answered;
  private volatile int ownersFrom;
  private volatile boolean overCapacity;
  private volatile boolean topologySecret;
  private long epoch;

  StubCell(String name, int nodes) {
    this.name = name;
    for (int i = 0; i < nodes; i++) {
      ports.add(0);
      servers.add(null);
      start(i);
    }
  }

  /** Where connections are taken and nobody ever answers. */
  static ServerSocket silentNode() throws IOException {
    return new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
  }

  static String address(ServerSocket node) {
    return "127.0.0.1:" + node.getLocalPort();
  }

  /** The node's zone is the letter of its number: a, b, c. */
  private Topology topology() {
    Topology.Builder topology = Topology.newBuilder().setEpoch(++epoch).setShardCount(SHARDS);
    for (int i = 0; i < ports.size(); i++) {
      topology.addNodes(
          Node.newBuilder()
              .setNodeId("node-" + i)
              .setCell(name)
              .setAvailabilityZone(Character.toString('a' + i))
              .setGrpcAddress(address(i))
              .setVersion("1.0")
              .setState(NodeState.NODE_STATE_UP)
              .setOverCapacity(overCapacity));
    }
    for (int shard = 0; shard < SHARDS; shard++) {
      topology.putShardOwners(shard, "node-" + (shard + ownersFrom) % ports.size());
    }
    return topology.build();
  }

  int ownerOf(String user) {
    return (UserId.shardOf(user, SHARDS) + ownersFrom) % ports.size();
  }

  String address(int node) {
    return "127.0.0.1:" + ports.get(node);
  }

  String[] addresses() {
    return ports.stream().map(port -> "127.0.0.1:" + port).toArray(String[]::new);
  }

  List<Asked> asked() {
    return List.copyOf(asked);
  }

  List<Integer> askedNodes() {
    return asked.stream().map(Asked::node).toList();
  }

  int cancelled() {
    return cancelled.get();
  }

  void forget() {
    asked.clear();
  }

  List<String> tokensOfWatches() {
    return List.copyOf(tokensOfWatches);
  }

  int topologyWatchers() {
    return topologyWatchers.size();
  }

  List<StreamObserver<WatchFeedResponse>> feedWatchers() {
    return feedWatchers;
  }

  void answer(Script script) {
    this.script = script;
  }

  /** Every shard moves to the next node. */
  synchronized void moveShards() {
    ownersFrom = ownersFrom + 1;
    tellTopology();
  }

  void setOverCapacity(boolean over) {
    overCapacity = over;
    tellTopology();
  }

  /** Ends what tells the topology, and tells it to nobody who asks from now on. */
  synchronized void keepTopologySecret() {
    topologySecret = true;
    topologyWatchers.forEach(watcher -> watcher.onError(Status.UNAVAILABLE.asRuntimeException()));
    topologyWatchers.clear();
  }

  private synchronized void tellTopology() {
    WatchTopologyResponse message =
        WatchTopologyResponse.newBuilder().setTopology(topology()).build();
    topologyWatchers.forEach(watcher -> watcher.onNext(message));
  }

  /** As a crash: connections end, and later ones are refused. */
  void kill(int node) {
    Server server = servers.get(node);
    if (server == null) return;
    server.shutdownNow();
    try {
      server.awaitTermination(5, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    servers.set(node, null);
  }

  void start(int node) {
    try {
      Server server =
          NettyServerBuilder.forAddress(
                  new InetSocketAddress(InetAddress.getLoopbackAddress(), ports.get(node)),
                  InsecureServerCredentials.create())
              .addService(
                  ServerServiceDefinition.builder("tideline.v1.FeedService")
                      .addMethod(unary(node, Rpc.READ_FEED))
                      .addMethod(unary(node, Rpc.MARK_READ))
                      .addMethod(
                          Rpc.WATCH_FEED.descriptor(),
                          ServerCalls.asyncServerStreamingCall(
                              (request, out) -> watchFeed(node, request, out)))
                      .build())
              .addService(
                  ServerServiceDefinition.builder("tideline.v1.PostService")
                      .addMethod(unary(node, Rpc.PUBLISH))
                      .addMethod(unary(node, Rpc.GET_POST))
                      .build())
              .addService(
                  ServerServiceDefinition.builder("tideline.v1.ClusterService")
                      .addMethod(
                          Rpc.WATCH_TOPOLOGY.descriptor(),
                          ServerCalls.asyncServerStreamingCall(this::watchTopology))
                      .build())
              .intercept(new Tokens())
              .maxConcurrentCallsPerConnection(CALLS_PER_CONNECTION)
              .build()
              .start();
      ports.set(node, server.getPort());
      servers.set(node, server);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @SuppressWarnings("unchecked") // The scripts of the tests answer what is asked.
  private <Q extends Message, R extends Message> ServerMethodDefinition<Q, R> unary(
      int node, Rpc<Q, R> rpc) {
    return ServerMethodDefinition.create(
        rpc.descriptor(),
        ServerCalls.asyncUnaryCall(
            (request, out) -> {
              note(node, request);
              ((ServerCallStreamObserver<R>) out).setOnCancelHandler(cancelled::incrementAndGet);
              try {
                Message answer = script.answer(node, request);
                if (answer == null) return;
                out.onNext((R) answer);
                out.onCompleted();
              } catch (StatusRuntimeException failure) {
                out.onError(failure);
              }
            }));
  }

  private void watchFeed(
      int node, WatchFeedRequest request, StreamObserver<WatchFeedResponse> out) {
    note(node, request);
    feedWatchers.add(out);
    try {
      Message first = script.answer(node, request);
      if (first != null) out.onNext((WatchFeedResponse) first);
    } catch (StatusRuntimeException failure) {
      out.onError(failure);
    }
  }

  private void note(int node, Message request) {
    asked.add(new Asked(node, request, Tokens.CURRENT.get(), System.nanoTime()));
  }

  private synchronized void watchTopology(
      WatchTopologyRequest request, StreamObserver<WatchTopologyResponse> out) {
    tokensOfWatches.add(Tokens.CURRENT.get());
    var watcher = (ServerCallStreamObserver<WatchTopologyResponse>) out;
    watcher.setOnCancelHandler(() -> topologyWatchers.remove(out));
    if (topologySecret) return;
    topologyWatchers.add(out);
    // As a node that has just started.
    out.onNext(WatchTopologyResponse.getDefaultInstance());
    out.onNext(WatchTopologyResponse.newBuilder().setTopology(topology()).build());
  }

  /**
   * The answer of a node that is well; a page says by its cursor which one it was, and to a watch
   * nothing is said yet.
   */
  static @Nullable Message answered(int node, Message request) {
    return switch (request.getDescriptorForType().getName()) {
      case "ReadFeedRequest" ->
          ReadFeedResponse.newBuilder().setNextCursor(Integer.toString(node)).build();
      case "PublishRequest" -> PublishResponse.getDefaultInstance();
      case "GetPostRequest" -> GetPostResponse.getDefaultInstance();
      case "WatchFeedRequest" -> null;
      default -> MarkReadResponse.getDefaultInstance();
    };
  }

  static StatusRuntimeException failure(Status.Code code, String reason, Duration retryAfter) {
    return failure(code, ErrorInfo.newBuilder().setReason(reason).build(), retryAfter);
  }

  static StatusRuntimeException failure(Status.Code code, ErrorInfo info, Duration retryAfter) {
    com.google.rpc.Status.Builder status =
        com.google.rpc.Status.newBuilder().setCode(code.value()).addDetails(Any.pack(info));
    if (!retryAfter.isZero()) {
      status.addDetails(
          Any.pack(
              RetryInfo.newBuilder()
                  .setRetryDelay(
                      com.google.protobuf.Duration.newBuilder()
                          .setSeconds(retryAfter.getSeconds())
                          .setNanos(retryAfter.getNano()))
                  .build()));
    }
    return StatusProto.toStatusRuntimeException(status.build());
  }

  @Override
  public void close() {
    for (int i = 0; i < servers.size(); i++) kill(i);
  }

  private static final class Tokens implements ServerInterceptor {
    static final Context.Key<String> CURRENT = Context.keyWithDefault("authorization", "");

    @Override
    public <Q, R> ServerCall.Listener<Q> interceptCall(
        ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
      String token =
          headers.get(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER));
      return Contexts.interceptCall(
          Context.current().withValue(CURRENT, token == null ? "" : token), call, headers, next);
    }
  }
}
