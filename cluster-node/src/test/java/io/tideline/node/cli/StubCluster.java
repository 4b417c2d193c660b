package io.tideline.node.cli;

import com.google.protobuf.Any;
import com.google.rpc.RetryInfo;
import io.grpc.InsecureServerCredentials;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.v1.Card;
import io.tideline.protocols.v1.EraseUserRequest;
import io.tideline.protocols.v1.EraseUserResponse;
import io.tideline.protocols.v1.ErasedData;
import io.tideline.protocols.v1.ErasedItem;
import io.tideline.protocols.v1.FollowManyRequest;
import io.tideline.protocols.v1.FollowManyResponse;
import io.tideline.protocols.v1.GetTopologyRequest;
import io.tideline.protocols.v1.GetTopologyResponse;
import io.tideline.protocols.v1.Node;
import io.tideline.protocols.v1.NodeState;
import io.tideline.protocols.v1.Post;
import io.tideline.protocols.v1.PublishRequest;
import io.tideline.protocols.v1.PublishResponse;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import io.tideline.protocols.v1.Topology;
import io.tideline.protocols.v1.UnfollowRequest;
import io.tideline.protocols.v1.UnfollowResponse;
import io.tideline.protocols.v1.WatchFeedRequest;
import io.tideline.protocols.v1.WatchFeedResponse;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Some gRPC servers in this JVM that keep users and posts in shared memory: enough of the API for
 * the command line, and failures on demand.
 */
final class StubCluster implements AutoCloseable {
  private final List<Server> nodes = new ArrayList<>();
  private final List<String> addresses = new ArrayList<>();
  private final AtomicInteger failures = new AtomicInteger();
  private final AtomicInteger underWay = new AtomicInteger();
  private final AtomicInteger mostUnderWay = new AtomicInteger();
  private final Map<String, Set<String>> follows = new ConcurrentHashMap<>();
  private final Map<String, TreeMap<String, Post>> posts = new ConcurrentHashMap<>();
  private final Map<StreamObserver<WatchFeedResponse>, String> watchers = new ConcurrentHashMap<>();
  private final Map<String, Object> answers = new ConcurrentHashMap<>();
  private final Map<String, Object> asked = new ConcurrentHashMap<>();
  private volatile Duration delay = Duration.ZERO;
  private volatile int timesTold = 1;
  private volatile StatusRuntimeException failure = away();

  private StubCluster() {}

  static StubCluster ofNodes(int count) {
    StubCluster cluster = new StubCluster();
    for (int i = 0; i < count; i++) {
      Server node = cluster.serve();
      cluster.nodes.add(node);
      cluster.addresses.add("127.0.0.1:" + node.getPort());
    }
    return cluster;
  }

  private Server serve() {
    try {
      return NettyServerBuilder.forAddress(
              new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
              InsecureServerCredentials.create())
          .addService(
              ServerServiceDefinition.builder("tideline.v1.PostService")
                  .addMethod(Methods.PUBLISH, unary(Methods.PUBLISH, this::publish))
                  .build())
          .addService(graph())
          .addService(filters())
          .addService(users())
          .addService(feed())
          .addService(
              ServerServiceDefinition.builder("tideline.v1.ClusterService")
                  .addMethod(Methods.GET_TOPOLOGY, unary(Methods.GET_TOPOLOGY, this::topology))
                  .build())
          .intercept(new Failing())
          .build()
          .start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  List<String> addresses() {
    return List.copyOf(addresses);
  }

  /** The next calls fail with UNAVAILABLE and ask for patience. */
  void failNext(int calls) {
    failNext(calls, away());
  }

  /** The next calls fail in this way. */
  void failNext(int calls, StatusRuntimeException how) {
    failure = how;
    failures.set(calls);
  }

  int failuresLeft() {
    return failures.get();
  }

  /** Every call takes this long from now on. */
  void answerAfter(Duration wait) {
    delay = wait;
  }

  void kill(int node) {
    nodes.get(node).shutdownNow();
  }

  int mostUnderWay() {
    return mostUnderWay.get();
  }

  Set<String> followeesOf(String user) {
    return follows.getOrDefault(user, Set.of());
  }

  List<Post> postsOf(String author) {
    return List.copyOf(posts.getOrDefault(author, new TreeMap<>()).values());
  }

  int postCount() {
    return posts.values().stream().mapToInt(Map::size).sum();
  }

  private interface Answer<Q, R> {
    R to(Q request);
  }

  /** Answers such calls with this from now on, whatever is asked. */
  <R> void answer(MethodDescriptor<?, R> method, R response) {
    answer(method, response, 1);
  }

  /** The same; a stream begins with so many of it. */
  <R> void answer(MethodDescriptor<?, R> method, R response, int times) {
    timesTold = times;
    answers.put(method.getFullMethodName(), response);
  }

  /** The last request of such a call. */
  <Q> Q lastAsked(MethodDescriptor<Q, ?> method) {
    @SuppressWarnings("unchecked") // what is kept under the name of a method is of its type
    Q request = (Q) asked.get(method.getFullMethodName());
    return Objects.requireNonNull(request);
  }

  private <Q, R> ServerCallHandler<Q, R> unary(MethodDescriptor<Q, R> method, Answer<Q, R> answer) {
    return ServerCalls.asyncUnaryCall(
        (request, observer) -> {
          asked.put(method.getFullMethodName(), request);
          @SuppressWarnings("unchecked") // as above
          R told = (R) answers.get(method.getFullMethodName());
          try {
            R response = told == null ? answer.to(request) : told;
            observer.onNext(response);
            observer.onCompleted();
          } catch (RuntimeException e) {
            observer.onError(e);
          }
        });
  }

  /** A service of which nothing is kept but what was asked last. */
  private ServerServiceDefinition.Builder service(String name, MethodDescriptor<?, ?>... methods) {
    var service = ServerServiceDefinition.builder("tideline.v1." + name);
    for (MethodDescriptor<?, ?> method : methods) addForgetful(service, method);
    return service;
  }

  private <Q, R> void addForgetful(
      ServerServiceDefinition.Builder service, MethodDescriptor<Q, R> method) {
    var responses = (MethodDescriptor.PrototypeMarshaller<R>) method.getResponseMarshaller();
    R nothing = Objects.requireNonNull(responses.getMessagePrototype());
    service.addMethod(method, unary(method, request -> nothing));
  }

  private ServerServiceDefinition graph() {
    return service(
            "GraphService",
            Methods.FOLLOW,
            Methods.FOLLOW_TAG,
            Methods.UNFOLLOW_TAG,
            Methods.LIST_FOLLOWED_TAGS,
            Methods.PUT_LIST,
            Methods.DELETE_LIST,
            Methods.ADD_TO_LIST,
            Methods.REMOVE_FROM_LIST,
            Methods.GET_LISTS)
        .addMethod(Methods.FOLLOW_MANY, unary(Methods.FOLLOW_MANY, this::follow))
        .addMethod(Methods.UNFOLLOW, unary(Methods.UNFOLLOW, this::unfollow))
        .build();
  }

  private ServerServiceDefinition filters() {
    return service(
            "FilterService",
            Methods.MUTE,
            Methods.UNMUTE,
            Methods.BLOCK,
            Methods.UNBLOCK,
            Methods.PUT_MUTE_RULE,
            Methods.DELETE_MUTE_RULE,
            Methods.GET_FILTERS)
        .build();
  }

  private ServerServiceDefinition users() {
    return ServerServiceDefinition.builder("tideline.v1.UserService")
        .addMethod(Methods.ERASE_USER, unary(Methods.ERASE_USER, this::erase))
        .build();
  }

  private ServerServiceDefinition feed() {
    return service(
            "FeedService",
            Methods.MARK_READ,
            Methods.GET_READ_STATE,
            Methods.EXPLAIN_ENTRY,
            Methods.DESCRIBE_TIMELINE)
        .addMethod(Methods.READ_FEED, unary(Methods.READ_FEED, this::read))
        .addMethod(Methods.WATCH_FEED, ServerCalls.asyncServerStreamingCall(this::watch))
        .build();
  }

  private synchronized PublishResponse publish(PublishRequest request) {
    if (request.getContent().getTitle().equals("refuse me")) {
      throw Status.INVALID_ARGUMENT.withDescription("content.title: not that").asRuntimeException();
    }
    UserId author = new UserId(request.getAuthorId());
    boolean imported = request.hasCreatedAtMillis();
    long at = imported ? request.getCreatedAtMillis() : System.currentTimeMillis();
    PostId id = PostId.imported(at, author, request.getIdempotencyKey());
    Post post =
        Post.newBuilder()
            .setPostId(id.toString())
            .setAuthorId(author.value())
            .setTitle(request.getContent().getTitle())
            .setText(request.getContent().getText())
            .addAllLinks(request.getContent().getLinksList())
            .setCreatedAtMillis(at)
            .build();
    posts.computeIfAbsent(author.value(), key -> new TreeMap<>()).put(post.getPostId(), post);
    watchers.forEach((watcher, reader) -> tell(watcher, reader, post));
    return PublishResponse.newBuilder().setPostId(post.getPostId()).build();
  }

  private void tell(StreamObserver<WatchFeedResponse> watcher, String reader, Post post) {
    if (!reader.equals(post.getAuthorId()) && !followeesOf(reader).contains(post.getAuthorId())) {
      return;
    }
    watcher.onNext(
        WatchFeedResponse.newBuilder()
            .setAdded(Card.newBuilder().setPost(post))
            .setCursor("behind " + post.getPostId())
            .build());
  }

  private synchronized FollowManyResponse follow(FollowManyRequest request) {
    Set<String> followees =
        follows.computeIfAbsent(request.getUserId(), key -> ConcurrentHashMap.newKeySet());
    Set<String> added = new HashSet<>(request.getFolloweeIdsList());
    added.removeAll(followees);
    followees.addAll(added);
    return FollowManyResponse.newBuilder().setAdded(added.size()).build();
  }

  private synchronized UnfollowResponse unfollow(UnfollowRequest request) {
    followeesOf(request.getUserId()).remove(request.getFolloweeId());
    return UnfollowResponse.getDefaultInstance();
  }

  private synchronized EraseUserResponse erase(EraseUserRequest request) {
    int erased = postsOf(request.getUserId()).size();
    posts.remove(request.getUserId());
    return EraseUserResponse.newBuilder()
        .setErasedAtMillis(0)
        .addItems(
            ErasedItem.newBuilder()
                .setWhat(ErasedData.ERASED_DATA_POSTS)
                .setCount(erased)
                .setDoneAtMillis(1_000))
        .addItems(
            ErasedItem.newBuilder()
                .setWhat(ErasedData.ERASED_DATA_LOG_LINES)
                .setGoesAtMillis(2_000))
        .build();
  }

  private synchronized ReadFeedResponse read(ReadFeedRequest request) {
    List<Post> feed = new ArrayList<>(postsOf(request.getUserId()));
    followeesOf(request.getUserId()).forEach(followee -> feed.addAll(postsOf(followee)));
    feed.sort(Comparator.comparing(Post::getPostId).reversed());
    int from = request.getCursor().isEmpty() ? 0 : Integer.parseInt(request.getCursor());
    int to = Math.min(feed.size(), from + request.getPageSize());
    ReadFeedResponse.Builder page = ReadFeedResponse.newBuilder().setEndOfFeed(to == feed.size());
    feed.subList(from, to).forEach(post -> page.addCards(Card.newBuilder().setPost(post)));
    return to == feed.size() ? page.build() : page.setNextCursor("" + to).build();
  }

  private void watch(WatchFeedRequest request, StreamObserver<WatchFeedResponse> watcher) {
    ((ServerCallStreamObserver<WatchFeedResponse>) watcher)
        .setOnCancelHandler(() -> watchers.remove(watcher));
    asked.put(Methods.WATCH_FEED.getFullMethodName(), request);
    if (answers.get(Methods.WATCH_FEED.getFullMethodName()) instanceof WatchFeedResponse told) {
      for (int i = 0; i < timesTold; i++) watcher.onNext(told);
    }
    watchers.put(watcher, request.getUserId());
  }

  private GetTopologyResponse topology(GetTopologyRequest request) {
    Topology.Builder topology = Topology.newBuilder().setShardCount(4).setEpoch(1);
    for (String address : addresses()) {
      String id = address + "#1";
      topology.addNodes(
          Node.newBuilder()
              .setNodeId(id)
              .setCell("local")
              .setAvailabilityZone("a")
              .setGrpcAddress(address)
              .setVersion("0.1.0")
              .setState(NodeState.NODE_STATE_UP));
      topology.putShardOwners(topology.getShardOwnersCount(), id);
    }
    return GetTopologyResponse.newBuilder().setTopology(topology).build();
  }

  private static StatusRuntimeException away() {
    return StatusProto.toStatusRuntimeException(
        com.google.rpc.Status.newBuilder()
            .setCode(Status.Code.UNAVAILABLE.value())
            .setMessage("the store is away")
            .addDetails(
                Any.pack(
                    RetryInfo.newBuilder()
                        .setRetryDelay(
                            com.google.protobuf.Duration.newBuilder().setNanos(100_000_000))
                        .build()))
            .build());
  }

  /** Counts what is under way, fails when told to. */
  private final class Failing implements ServerInterceptor {
    @Override
    public <Q, R> ServerCall.Listener<Q> interceptCall(
        ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
      mostUnderWay.accumulateAndGet(underWay.incrementAndGet(), Math::max);
      try {
        TimeUnit.MILLISECONDS.sleep(delay.toMillis());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      } finally {
        underWay.decrementAndGet();
      }
      if (failures.getAndUpdate(left -> Math.max(0, left - 1)) == 0) {
        return next.startCall(call, headers);
      }
      // A call writes into its trailers.
      Metadata trailers = new Metadata();
      Metadata known = failure.getTrailers();
      if (known != null) trailers.merge(known);
      call.close(failure.getStatus(), trailers);
      return new ServerCall.Listener<>() {};
    }
  }

  @Override
  public void close() {
    nodes.forEach(Server::shutdownNow);
  }
}
