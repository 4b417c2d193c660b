package io.tideline.node.api;

import static java.util.concurrent.TimeUnit.MILLISECONDS;

import com.google.protobuf.Message;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptors;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import io.tideline.protocols.UserId;
import io.tideline.protocols.v1.FeedService;
import io.tideline.protocols.v1.FeedServiceClient;
import io.tideline.protocols.v1.GetReadStateRequest;
import io.tideline.protocols.v1.GetReadStateResponse;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.WatchFeedRequest;
import io.tideline.protocols.v1.WatchFeedResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Function;
import java.util.function.Supplier;
import org.apache.pekko.NotUsed;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.grpc.GrpcClientSettings;
import org.apache.pekko.grpc.javadsl.StreamResponseRequestBuilder;
import org.apache.pekko.stream.javadsl.Source;
import org.jspecify.annotations.Nullable;

/**
 * Passes reads on to the node that owns the user: once, over gRPC, in the caller's name and trace.
 */
public final class Forwarding {
  /** Says that another node has passed the call on already. */
  static final String HOP = "x-tideline-forwarded-by";

  private static final MethodDescriptor<ReadFeedRequest, EncodedAnswer> READ_FEED =
      unary("ReadFeed", ReadFeedRequest.getDefaultInstance(), EncodedAnswer.MARSHALLER);
  private static final MethodDescriptor<GetReadStateRequest, GetReadStateResponse> GET_READ_STATE =
      unary(
          "GetReadState",
          GetReadStateRequest.getDefaultInstance(),
          ProtoUtils.marshaller(GetReadStateResponse.getDefaultInstance()));

  private static final Duration RETRY_SOON = Duration.ofMillis(500);
  // Not shorter: a node sends those away who ask it more often than every 10 s.
  private static final Duration SILENCE = Duration.ofSeconds(15);
  private static final Duration TO_ANSWER = Duration.ofSeconds(5);
  // As the client takes it: a page of 100 cards with as much text and attributes as there may be.
  private static final int LARGEST_ANSWER = 32 << 20;

  private final ActorSystem<?> system;
  private final String here;
  private final @Nullable TlsFiles tls;
  private final Function<UserId, Optional<String>> owners;
  private final Duration deadline;
  private final int watchesPerConnection;
  private final ConcurrentHashMap<String, Peer> peers = new ConcurrentHashMap<>();
  private final LongAdder forwarded = new LongAdder();
  private volatile Map<String, String> nodes = Map.of();

  /**
   * @param here the gRPC address of this node
   * @param owners the gRPC address of the node that owns a user, where that is known
   * @param deadline of a call that is passed on
   * @param callsPerConnection how many a node takes at once
   */
  public Forwarding(
      ActorSystem<?> system,
      String here,
      GrpcSettings.Tls tls,
      Function<UserId, Optional<String>> owners,
      Duration deadline,
      int callsPerConnection) {
    this.system = system;
    this.here = here;
    this.tls = tls.enabled() ? new TlsFiles(system, tls) : null;
    this.owners = owners;
    this.deadline = deadline;
    this.watchesPerConnection = Math.max(1, callsPerConnection / 2);
    system.getWhenTerminated().thenRun(() -> peers.values().forEach(Peer::close));
  }

  private static <I extends Message, O> MethodDescriptor<I, O> unary(
      String method, I request, MethodDescriptor.Marshaller<O> answers) {
    return MethodDescriptor.<I, O>newBuilder(ProtoUtils.marshaller(request), answers)
        .setType(MethodDescriptor.MethodType.UNARY)
        .setFullMethodName(MethodDescriptor.generateFullMethodName(FeedService.name, method))
        .build();
  }

  /** How many calls this node has passed on. */
  public long forwarded() {
    return forwarded.sum();
  }

  boolean isHere(String node) {
    return node.equals(here);
  }

  /** The other node that owns the user, if that is known and the call may still be passed on. */
  @Nullable String knownOwner(UserId user, org.apache.pekko.grpc.javadsl.Metadata metadata) {
    if (metadata.getText(HOP).isPresent()) return null;
    return owners.apply(user).filter(node -> !isHere(node)).orElse(null);
  }

  /** A call that was passed on is not passed on again: the caller is told where to go. */
  void requireFirstHop(org.apache.pekko.grpc.javadsl.Metadata metadata, String owner) {
    if (metadata.getText(HOP).isPresent()) {
      throw StatusMapping.unavailable(
          "NOT_THE_OWNER", "the user has moved to " + owner, Map.of("owner", owner), RETRY_SOON);
    }
  }

  /**
   * What goes along with a call that is passed on. The call's trace is known only on the thread
   * that the call comes on.
   */
  Map<String, String> headers(org.apache.pekko.grpc.javadsl.Metadata metadata) {
    Map<String, String> headers = new HashMap<>(TraceContext.current());
    // Without a span of this node the caller's trace goes on as it is.
    List<String> callers =
        headers.isEmpty()
            ? List.of("authorization", "traceparent", "tracestate")
            : List.of("authorization");
    for (String name : callers) {
      metadata.getText(name).ifPresent(value -> headers.put(name, value));
    }
    headers.put(HOP, here);
    return headers;
  }

  /** The owner, as the original caller sees it. */
  Hop to(String node, Map<String, String> headers) {
    forwarded.increment();
    return new Hop(peers.computeIfAbsent(node, this::connect), headers);
  }

  /**
   * Asks for a page of a user who is awake here, through this node's own socket.
   *
   * @param token says who asks
   */
  public CompletionStage<?> readHere(UserId user, String token) {
    Map<String, String> headers = Map.of(HOP, here, "authorization", "Bearer " + token);
    Hop own = new Hop(peers.computeIfAbsent(here, this::connect), headers);
    return own.readFeed(ReadFeedRequest.newBuilder().setUserId(user.value()).build());
  }

  /**
   * Forgets the connections to nodes that are gone, also where another life of the node is at the
   * same address: the old connection may wait long before it tries again.
   *
   * @param now the id of each node by its gRPC address
   */
  public void retain(Map<String, String> now) {
    Map<String, String> before = nodes;
    nodes = Map.copyOf(now);
    peers.forEach(
        (address, peer) -> {
          String node = now.get(address);
          boolean same = node != null && node.equals(before.get(address));
          if (!same && peers.remove(address, peer)) peer.close();
        });
  }

  private Peer connect(String node) {
    NettyChannelBuilder calls =
        NettyChannelBuilder.forTarget(
                node, tls == null ? InsecureChannelCredentials.create() : tls.forCalls())
            .directExecutor();
    endWhenSilent(calls);
    int colon = node.lastIndexOf(':');
    GrpcClientSettings plain =
        GrpcClientSettings.connectToServiceAt(
                node.substring(0, colon), Integer.parseInt(node.substring(colon + 1)), system)
            .withTls(tls != null)
            .withChannelBuilderOverrides(Forwarding::endWhenSilent);
    GrpcClientSettings watches = tls == null ? plain : plain.withSslContext(tls.forCallsOfPekko());
    return new Peer(calls.build(), () -> FeedServiceClient.create(watches, system));
  }

  /**
   * A node that is gone without a word, or stands still, ends what runs through the connection: a
   * watch would wait for it for ever.
   */
  private static NettyChannelBuilder endWhenSilent(NettyChannelBuilder channel) {
    return channel
        .keepAliveTime(SILENCE.toMillis(), MILLISECONDS)
        .keepAliveTimeout(TO_ANSWER.toMillis(), MILLISECONDS)
        .maxInboundMessageSize(LARGEST_ANSWER);
  }

  /**
   * The connections to another node: one for answers that come in one piece, which are given on as
   * the bytes they are, on the thread of the connection, and as many for watches as they need. More
   * of them than a connection takes would wait in the client for ever.
   */
  private final class Peer {
    final ManagedChannel calls;
    private final Supplier<FeedServiceClient> connect;
    private final List<Watches> watches = new ArrayList<>();
    private boolean closed;

    private record Watches(FeedServiceClient client, AtomicInteger open) {}

    Peer(ManagedChannel calls, Supplier<FeedServiceClient> connect) {
      this.calls = calls;
      this.connect = connect;
      watches.add(new Watches(connect.get(), new AtomicInteger()));
    }

    Source<WatchFeedResponse, NotUsed> watchFeed(
        WatchFeedRequest request, Map<String, String> headers) {
      Watches connection = connectionWithRoom();
      StreamResponseRequestBuilder<WatchFeedRequest, WatchFeedResponse> call =
          connection.client.watchFeed();
      for (Map.Entry<String, String> header : headers.entrySet()) {
        call = call.addHeader(header.getKey(), header.getValue());
      }
      return call.invoke(request)
          .watchTermination(
              (ignored, ended) -> {
                ended.whenComplete((done, failure) -> connection.open.decrementAndGet());
                return ignored;
              });
    }

    private synchronized Watches connectionWithRoom() {
      for (Watches each : watches) {
        if (closed || each.open.get() < watchesPerConnection) {
          each.open.incrementAndGet();
          return each;
        }
      }
      Watches another = new Watches(connect.get(), new AtomicInteger(1));
      watches.add(another);
      return another;
    }

    synchronized void close() {
      closed = true;
      calls.shutdown();
      watches.forEach(each -> each.client.close());
    }
  }

  /** One call on its way to the owner. */
  final class Hop {
    private final Peer peer;
    private final Map<String, String> headers;

    private Hop(Peer peer, Map<String, String> headers) {
      this.peer = peer;
      this.headers = headers;
    }

    CompletionStage<EncodedAnswer> readFeed(ReadFeedRequest request) {
      return call(READ_FEED, request);
    }

    CompletionStage<GetReadStateResponse> getReadState(GetReadStateRequest request) {
      return call(GET_READ_STATE, request);
    }

    Source<WatchFeedResponse, NotUsed> watchFeed(WatchFeedRequest request) {
      return Source.lazySource(() -> peer.watchFeed(request, headers))
          .mapMaterializedValue(ignored -> NotUsed.getInstance());
    }

    private <I, O> CompletionStage<O> call(MethodDescriptor<I, O> method, I request) {
      Metadata metadata = new Metadata();
      headers.forEach(
          (name, value) ->
              metadata.put(Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER), value));
      ClientCall<I, O> call =
          ClientInterceptors.intercept(
                  peer.calls, MetadataUtils.newAttachHeadersInterceptor(metadata))
              .newCall(
                  method, CallOptions.DEFAULT.withDeadlineAfter(deadline.toMillis(), MILLISECONDS));
      Answer<O> answer = new Answer<>();
      ClientCalls.asyncUnaryCall(call, request, answer);
      return answer.result;
    }
  }

  private static final class Answer<O> implements StreamObserver<O> {
    private final CompletableFuture<O> result = new CompletableFuture<>();

    @Override
    public void onNext(O value) {
      result.complete(value);
    }

    @Override
    public void onError(Throwable failure) {
      boolean late = Status.fromThrowable(failure).getCode() == Status.Code.DEADLINE_EXCEEDED;
      result.completeExceptionally(late ? new TimeoutException("the owner is silent") : failure);
    }

    @Override
    public void onCompleted() {}
  }
}
