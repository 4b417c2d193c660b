package io.tideline.node.api;

import com.datastax.oss.driver.api.core.CqlSession;
import com.google.protobuf.Message;
import io.grpc.Drainable;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.Status;
import io.tideline.persistence.posts.CardCache;
import io.tideline.persistence.posts.PostStore;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.persistence.timeline.ResidentTimeline;
import io.tideline.persistence.timeline.ResidentTimelines;
import io.tideline.persistence.timeline.Timeline;
import io.tideline.persistence.user.Filters;
import io.tideline.persistence.user.Follow;
import io.tideline.persistence.user.Graph;
import io.tideline.persistence.user.Register;
import io.tideline.persistence.user.Rules;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.KeyRing;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.TokenCodec;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.PostLine;
import io.tideline.protocols.log.v1.PostLineKind;
import io.tideline.protocols.v1.FeedService;
import io.tideline.protocols.v1.FeedServicePowerApi;
import io.tideline.protocols.v1.FeedServicePowerApiHandlerFactory;
import io.tideline.protocols.v1.Post;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/**
 * A ReadFeed call of 20 cards on the node that owns the user, from its headers to the last byte of
 * the answer; without a socket, and without Kamon's agent.
 */
@State(Scope.Thread)
@SuppressWarnings("NullAway") // What a page on the owner does not need is not there.
public class ReadFeedBenchmark {
  private static final int ENTRIES = 800;
  private static final int AUTHORS = 2_000;
  private static final int FOLLOWEES = 100;
  private static final int PARTITIONS = 8;
  private static final int PAGES_DOWN = 10;
  private static final LogPartition[] LOG = new LogPartition[PARTITIONS];

  @Param({"3000"})
  public int readers;

  private final Random random = new Random(1);
  private final ResidentTimelines residents = new ResidentTimelines();
  private final List<ReadFeedRequest> newest = new ArrayList<>();
  private final List<ReadFeedRequest> deep = new ArrayList<>();
  private RpcMethod method;
  private RpcCallHandler handler;
  private int next;

  @Setup
  public void fill() throws IOException {
    for (int i = 0; i < PARTITIONS; i++) LOG[i] = new LogPartition(1, 7, i);
    var store = new PostStore((CqlSession) nothing(CqlSession.class), "none");
    var cards = new CardCache(store, 1L << 28);
    List<PostRef> posts = posts(cards);
    for (int reader = 0; reader < readers; reader++) wake(new UserId("reader-" + reader), posts);
    var tokens = new TokenCodec(new KeyRing(1, Map.of(1, new byte[32])));
    var feed =
        new FeedGrpcService(
            null,
            Principals.start(
                null,
                new AuthSettings(AuthSettings.Mode.NONE, "", "", null, "", "", null, "", "", 0),
                "127.0.0.1"),
            tokens,
            residents,
            store,
            new FeedPages(tokens, cards, null, new CellReaches(List.of())),
            new Consistency(tokens, null, null, null, store, Duration.ZERO),
            null,
            null,
            () -> true,
            log -> false,
            null,
            Duration.ZERO,
            null);
    GrpcMount<FeedServicePowerApi> mount =
        GrpcMount.<FeedServicePowerApi>of(
                FeedService.description,
                FeedServicePowerApi.class,
                feed,
                FeedServicePowerApiHandlerFactory::create)
            .encoding("ReadFeed", (in, caller) -> feed.readPage((ReadFeedRequest) in, caller));
    method =
        RpcMethod.allOf(mount).stream()
            .filter(rpc -> rpc.descriptor().getFullMethodName().endsWith("/ReadFeed"))
            .findFirst()
            .orElseThrow();
    handler = new RpcCallHandler(method, null);
    for (int reader = 0; reader < readers; reader++) {
      ReadFeedRequest first = ReadFeedRequest.newBuilder().setUserId("reader-" + reader).build();
      newest.add(first);
      ReadFeedRequest page = first;
      for (int i = 0; i < PAGES_DOWN; i++) {
        ReadFeedResponse answer = ReadFeedResponse.parseFrom(answerTo(page).readAllBytes());
        if (answer.getCardsCount() != 20) throw new IllegalStateException("no page of 20");
        page = first.toBuilder().setCursor(answer.getNextCursor()).build();
      }
      deep.add(page);
    }
  }

  private List<PostRef> posts(CardCache cards) {
    List<PostRef> posts = new ArrayList<>();
    for (int i = 0; i < AUTHORS * 20; i++) {
      UserId author = new UserId("author-" + random.nextInt(AUTHORS));
      PostId id =
          PostId.of(HybridClock.ofMillis(1_700_000_000_000L + i * 1_000L), 1, author, "k" + i);
      Post post =
          Post.newBuilder()
              .setPostId(id.toString())
              .setAuthorId(author.value())
              .setVersion(id.hi())
              .setText("x".repeat(80 + random.nextInt(80)))
              .build();
      PostLine line =
          PostLine.newBuilder()
              .setKind(PostLineKind.POST_LINE_KIND_PUBLISHED)
              .setPostId(id.toByteString())
              .setAuthorId(author.value())
              .setVersion(id.hi())
              .setPost(post.toByteString())
              .build();
      cards.put(line);
      posts.add(PostRef.of(line, author, LOG[i % PARTITIONS], i));
    }
    return posts;
  }

  private void wake(UserId reader, List<PostRef> posts) {
    Map<UserId, Register<Follow>> follows = new HashMap<>();
    Follow everything = new Follow(true, List.of());
    while (follows.size() < FOLLOWEES) {
      follows.put(
          new UserId("author-" + random.nextInt(AUTHORS)),
          new Register<>(1, 1, 1, everything, List.of()));
    }
    var graph = new Graph(follows, Map.of(), Map.of(), Map.of(), 1);
    var rules = new Rules(reader, ResidentTimelines.HOME, graph, Filters.EMPTY, 1, 1);
    var timeline = new Timeline(ENTRIES, rules);
    for (PostRef post : posts) {
      if (follows.containsKey(post.author)) timeline.apply(post, List.of(), new ArrayList<>());
    }
    Positions positions = Positions.EMPTY;
    for (LogPartition log : LOG) positions = positions.with(log, posts.size());
    var resident = new ResidentTimeline(reader, ResidentTimelines.HOME, watcher -> {});
    resident.show(timeline.publish(positions));
    residents.add(resident);
  }

  @Benchmark
  public int newestPage() throws IOException {
    return send(newest.get(nextReader()));
  }

  @Benchmark
  public int furtherDown() throws IOException {
    return send(deep.get(nextReader()));
  }

  private int nextReader() {
    next = (next + 1) % readers;
    return next;
  }

  private int send(ReadFeedRequest request) throws IOException {
    return ((Drainable) answerTo(request)).drainTo(OutputStream.nullOutputStream());
  }

  private InputStream answerTo(ReadFeedRequest request) {
    var call = new OneCall(method.descriptor());
    ServerCall.Listener<Message> listener = handler.startCall(call, new Metadata());
    listener.onMessage(request);
    listener.onHalfClose();
    listener.onComplete();
    return call.answer;
  }

  private static final class OneCall extends ServerCall<Message, Object> {
    private final MethodDescriptor<Message, Object> method;
    InputStream answer;

    OneCall(MethodDescriptor<Message, Object> method) {
      this.method = method;
    }

    @Override
    public void request(int messages) {}

    @Override
    public void sendHeaders(Metadata headers) {}

    @Override
    public void sendMessage(Object message) {
      answer = method.streamResponse(message);
    }

    @Override
    public void close(Status status, Metadata trailers) {
      if (!status.isOk()) {
        throw new UncheckedIOException(new IOException(status.toString(), status.getCause()));
      }
    }

    @Override
    public boolean isCancelled() {
      return false;
    }

    @Override
    public MethodDescriptor<Message, Object> getMethodDescriptor() {
      return method;
    }
  }

  /** A database in which there is nothing. */
  private static Object nothing(Class<?> type) {
    if (type == boolean.class) return false;
    if (type == Iterator.class) return Collections.emptyIterator();
    if (!type.isInterface()) return null;
    return Proxy.newProxyInstance(
        ReadFeedBenchmark.class.getClassLoader(),
        new Class<?>[] {type},
        (proxy, called, arguments) -> nothing(called.getReturnType()));
  }
}
