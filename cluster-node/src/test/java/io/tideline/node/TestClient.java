package io.tideline.node;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.rpc.RetryInfo;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.ClientCalls;
import io.tideline.protocols.v1.Card;
import io.tideline.protocols.v1.FollowManyRequest;
import io.tideline.protocols.v1.FollowManyResponse;
import io.tideline.protocols.v1.FollowRequest;
import io.tideline.protocols.v1.FollowResponse;
import io.tideline.protocols.v1.GetTopologyRequest;
import io.tideline.protocols.v1.GetTopologyResponse;
import io.tideline.protocols.v1.ListFollowingRequest;
import io.tideline.protocols.v1.ListFollowingResponse;
import io.tideline.protocols.v1.Node;
import io.tideline.protocols.v1.Post;
import io.tideline.protocols.v1.PostContent;
import io.tideline.protocols.v1.PublishRequest;
import io.tideline.protocols.v1.PublishResponse;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import io.tideline.protocols.v1.Topology;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Calls nodes as a good client does: what is {@code UNAVAILABLE} or late at one of them is tried
 * again at the next, with the same idempotency key; any other failure is the caller's.
 */
final class TestClient implements AutoCloseable {
  private static final Duration DEADLINE = Duration.ofSeconds(7);
  private static final Duration PATIENCE = Duration.ofSeconds(90);

  private static final MethodDescriptor<PublishRequest, PublishResponse> PUBLISH =
      method(
          "PostService/Publish",
          PublishRequest.getDefaultInstance(),
          PublishResponse.getDefaultInstance());
  private static final MethodDescriptor<FollowRequest, FollowResponse> FOLLOW =
      method(
          "GraphService/Follow",
          FollowRequest.getDefaultInstance(),
          FollowResponse.getDefaultInstance());
  private static final MethodDescriptor<FollowManyRequest, FollowManyResponse> FOLLOW_MANY =
      method(
          "GraphService/FollowMany",
          FollowManyRequest.getDefaultInstance(),
          FollowManyResponse.getDefaultInstance());
  private static final MethodDescriptor<ListFollowingRequest, ListFollowingResponse>
      LIST_FOLLOWING =
          method(
              "GraphService/ListFollowing",
              ListFollowingRequest.getDefaultInstance(),
              ListFollowingResponse.getDefaultInstance());
  private static final MethodDescriptor<ReadFeedRequest, ReadFeedResponse> READ_FEED =
      method(
          "FeedService/ReadFeed",
          ReadFeedRequest.getDefaultInstance(),
          ReadFeedResponse.getDefaultInstance());
  private static final MethodDescriptor<GetTopologyRequest, GetTopologyResponse> GET_TOPOLOGY =
      method(
          "ClusterService/GetTopology",
          GetTopologyRequest.getDefaultInstance(),
          GetTopologyResponse.getDefaultInstance());

  private final List<ClusterNode> nodes;
  private final Map<ClusterNode, ManagedChannel> channels;
  private final AtomicInteger next = new AtomicInteger();

  TestClient(List<ClusterNode> nodes) {
    this.nodes = nodes;
    channels =
        nodes.stream()
            .collect(
                Collectors.toMap(
                    Function.identity(),
                    node ->
                        NettyChannelBuilder.forTarget(node.grpcAddress()).usePlaintext().build()));
  }

  String publish(String author, String key) {
    return anywhere(node -> publishAt(node, author, key));
  }

  String publishAt(ClusterNode node, String author, String key) {
    return call(
            node,
            PUBLISH,
            PublishRequest.newBuilder()
                .setAuthorId(author)
                .setIdempotencyKey(key)
                .setContent(PostContent.newBuilder().setText(key))
                .build())
        .getPostId();
  }

  void follow(String reader, Collection<String> authors) {
    FollowManyRequest request =
        FollowManyRequest.newBuilder().setUserId(reader).addAllFolloweeIds(authors).build();
    anywhere(node -> call(node, FOLLOW_MANY, request));
  }

  /** How many of them the reader had not followed. */
  int followAt(ClusterNode node, String reader, Collection<String> authors) {
    return call(
            node,
            FOLLOW_MANY,
            FollowManyRequest.newBuilder().setUserId(reader).addAllFolloweeIds(authors).build())
        .getAdded();
  }

  /** Up to 5,000 of those whom the reader follows. */
  List<String> followeesAt(ClusterNode node, String reader) {
    return call(
            node,
            LIST_FOLLOWING,
            ListFollowingRequest.newBuilder().setUserId(reader).setPageSize(5_000).build())
        .getFolloweeIdsList();
  }

  void followAt(ClusterNode node, String reader, String author) {
    call(node, FOLLOW, FollowRequest.newBuilder().setUserId(reader).setFolloweeId(author).build());
  }

  /** The whole feed, newest first. */
  List<Post> read(String reader) {
    return anywhere(node -> readAt(node, reader));
  }

  /** The whole feed, newest first, page by page from one node. */
  List<Post> readAt(ClusterNode node, String reader) {
    List<Post> feed = new ArrayList<>();
    String cursor = "";
    do {
      ReadFeedResponse page =
          call(
              node,
              READ_FEED,
              ReadFeedRequest.newBuilder()
                  .setUserId(reader)
                  .setPageSize(100)
                  .setCursor(cursor)
                  .build());
      page.getCardsList().stream().map(Card::getPost).forEach(feed::add);
      cursor = page.getNextCursor();
    } while (!cursor.isEmpty());
    return feed;
  }

  /** The newest page, from one node. */
  List<Post> readPageAt(ClusterNode node, String reader) {
    return call(node, READ_FEED, ReadFeedRequest.newBuilder().setUserId(reader).build())
        .getCardsList()
        .stream()
        .map(Card::getPost)
        .toList();
  }

  /** Where all shards are. */
  Topology topology() {
    return anywhere(node -> call(node, GET_TOPOLOGY, GetTopologyRequest.getDefaultInstance()))
        .getTopology();
  }

  /** The node that has the user. */
  ClusterNode ownerOf(String user) {
    return ownerOf(user, topology());
  }

  ClusterNode ownerOf(String user, Topology topology) {
    int shard = Math.abs(user.hashCode() % topology.getShardCount());
    String owner = topology.getShardOwnersOrDefault(shard, "");
    String address =
        topology.getNodesList().stream()
            .filter(node -> node.getNodeId().equals(owner))
            .map(Node::getGrpcAddress)
            .findFirst()
            .orElse("");
    return nodes.stream()
        .filter(node -> node.grpcAddress().equals(address))
        .findFirst()
        .orElseThrow(() -> new AssertionError("nobody is known to have " + user));
  }

  private <T> T anywhere(Function<ClusterNode, T> call) {
    long giveUpAt = System.nanoTime() + PATIENCE.toNanos();
    while (true) {
      ClusterNode node = nodes.get(Math.floorMod(next.getAndIncrement(), nodes.size()));
      try {
        return call.apply(node);
      } catch (StatusRuntimeException e) {
        if (!isWorthRetrying(e) || System.nanoTime() > giveUpAt) {
          throw new AssertionError("a call to " + node + " failed", e);
        }
      }
      pause();
    }
  }

  static boolean isWorthRetrying(StatusRuntimeException failure) {
    Status.Code code = failure.getStatus().getCode();
    return code == Status.Code.UNAVAILABLE || code == Status.Code.DEADLINE_EXCEEDED;
  }

  /** Whether the server has said when to try again. */
  static boolean saysWhenToRetry(StatusRuntimeException failure) {
    com.google.rpc.Status status = StatusProto.fromThrowable(failure);
    return status != null
        && status.getDetailsList().stream()
            .anyMatch(detail -> detail.is(RetryInfo.class) && hasDelay(detail));
  }

  private static boolean hasDelay(Any detail) {
    try {
      return detail.unpack(RetryInfo.class).hasRetryDelay();
    } catch (InvalidProtocolBufferException e) {
      throw new AssertionError(e);
    }
  }

  private static void pause() {
    try {
      TimeUnit.MILLISECONDS.sleep(50);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }

  private <Q, R> R call(ClusterNode node, MethodDescriptor<Q, R> method, Q request) {
    return ClientCalls.blockingUnaryCall(
        channels.get(node),
        method,
        CallOptions.DEFAULT.withDeadlineAfter(DEADLINE.toMillis(), TimeUnit.MILLISECONDS),
        request);
  }

  private static <Q extends Message, R extends Message> MethodDescriptor<Q, R> method(
      String name, Q request, R response) {
    return MethodDescriptor.newBuilder(
            ProtoUtils.marshaller(request), ProtoUtils.marshaller(response))
        .setType(MethodDescriptor.MethodType.UNARY)
        .setFullMethodName("tideline.v1." + name)
        .build();
  }

  @Override
  public void close() {
    channels.values().forEach(ManagedChannel::shutdownNow);
  }
}
