package io.tideline.node.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ConnectivityState;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import io.tideline.client.TidelineClient;
import io.tideline.protocols.v1.FollowManyRequest;
import io.tideline.protocols.v1.FollowRequest;
import io.tideline.protocols.v1.FollowResponse;
import io.tideline.protocols.v1.ListFollowingRequest;
import io.tideline.protocols.v1.ListFollowingResponse;
import io.tideline.protocols.v1.ListPostsRequest;
import io.tideline.protocols.v1.ListPostsResponse;
import io.tideline.protocols.v1.PostContent;
import io.tideline.protocols.v1.PublishRequest;
import io.tideline.protocols.v1.PublishResponse;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.WatchFeedRequest;
import java.time.Duration;
import java.time.LocalTime;
import java.time.ZoneId;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Reads and writes at fixed rates, whatever becomes of them, and remembers what was acknowledged.
 *
 * <p>Each call goes to the next node that its client is connected to; what is {@code UNAVAILABLE}
 * is tried again, at most 3 times within 2 s. Or calls go to their owners, by a {@link
 * TidelineClient} which has 2 s for each. Latencies count from when a call should have been sent.
 */
final class OpenLoad implements AutoCloseable {
  private static final MethodDescriptor<ListFollowingRequest, ListFollowingResponse>
      LIST_FOLLOWING =
          Methods.method(
              ListFollowingRequest.getDefaultInstance(),
              ListFollowingResponse.getDefaultInstance());
  private static final MethodDescriptor<ListPostsRequest, ListPostsResponse> LIST_POSTS =
      Methods.method(ListPostsRequest.getDefaultInstance(), ListPostsResponse.getDefaultInstance());
  private static final Duration PATIENCE = Duration.ofSeconds(2);
  private static final long[] RETRY_AFTER_MILLIS = {20, 200, 600};
  private static final int FOLLOWED = 10;

  /** Calls of one kind. */
  private static final class Calls {
    final ConcurrentLinkedQueue<Long> nanos = new ConcurrentLinkedQueue<>();
    final ConcurrentLinkedQueue<String> failures = new ConcurrentLinkedQueue<>();
    final ConcurrentMap<String, AtomicInteger> firstAttempts = new ConcurrentHashMap<>();
    final AtomicInteger triedAgain = new AtomicInteger();

    void firstFailed(Status status) {
      triedAgain.incrementAndGet();
      firstAttempts.computeIfAbsent(summary(status), text -> new AtomicInteger()).incrementAndGet();
    }

    double millisAt(double quantile) {
      long[] sorted = nanos.stream().mapToLong(Long::longValue).sorted().toArray();
      if (sorted.length == 0) return 0;
      return sorted[Math.min(sorted.length - 1, (int) (sorted.length * quantile))] / 1e6;
    }

    @Override
    public String toString() {
      return String.format(
          Locale.ROOT,
          "%d, of which %d failed; without tries again %d would have; p50 %.1f ms, p99 %.1f ms,"
              + " p99.9 %.1f ms, max %.0f ms; first attempts %s",
          nanos.size() + failures.size(),
          failures.size(),
          triedAgain.get(),
          millisAt(0.5),
          millisAt(0.99),
          millisAt(0.999),
          millisAt(1),
          new TreeMap<>(firstAttempts));
    }
  }

  private final List<ManagedChannel> channels;
  private final @Nullable TidelineClient direct;
  private final List<String> authors;
  private final List<String> readers;
  private final ScheduledExecutorService later = Executors.newSingleThreadScheduledExecutor();
  private final AtomicInteger next = new AtomicInteger();
  private final Map<String, Set<String>> posts = new ConcurrentHashMap<>();
  private final Map<String, Set<String>> follows = new ConcurrentHashMap<>();
  private final List<FeedWatch> watches = new ArrayList<>();
  private final List<Set<String>> watched = new ArrayList<>();
  private Set<String> before = Set.of();
  private final AtomicInteger running = new AtomicInteger();
  private volatile Calls reads = new Calls();
  private volatile Calls writes = new Calls();
  private volatile boolean stopped;
  private Thread sender = new Thread();

  /** Through any node. */
  OpenLoad(List<String> grpcAddresses, int authors, int readers) {
    this(grpcAddresses, authors, readers, false);
  }

  /** Straight to the owners. */
  static OpenLoad direct(List<String> grpcAddresses, int authors, int readers) {
    return new OpenLoad(grpcAddresses, authors, readers, true);
  }

  private OpenLoad(List<String> grpcAddresses, int authors, int readers, boolean direct) {
    this.direct =
        direct
            ? TidelineClient.builder()
                .cell(grpcAddresses.toArray(String[]::new))
                .interceptor(new FirstAttempts())
                .build()
            : null;
    channels =
        grpcAddresses.stream()
            .<ManagedChannel>map(a -> NettyChannelBuilder.forTarget(a).usePlaintext().build())
            .toList();
    this.authors = IntStream.range(0, authors).mapToObj(i -> "author-" + i).toList();
    this.readers = IntStream.range(0, readers).mapToObj(i -> "reader-" + i).toList();
  }

  /** Everybody follows some, and all feeds are awake. */
  void gather(FeedClient client) {
    for (int i = 0; i < readers.size(); i++) {
      List<String> followed = new ArrayList<>();
      for (int n = 0; n < FOLLOWED; n++) followed.add(authors.get((i + n) % authors.size()));
      String reader = readers.get(i);
      client.call(
          Methods.FOLLOW_MANY,
          FollowManyRequest.newBuilder().setUserId(reader).addAllFolloweeIds(followed).build());
      acknowledged(follows, reader).addAll(followed);
    }
    for (String author : authors) {
      for (int i = 0; i < 20; i++) {
        acknowledged(posts, author)
            .add(client.call(Methods.PUBLISH, post(author, "before " + i)).getPostId());
      }
    }
    for (String reader : readers) client.call(Methods.READ_FEED, page(reader));
  }

  private static Set<String> acknowledged(Map<String, Set<String>> all, String user) {
    return all.computeIfAbsent(user, name -> new ConcurrentSkipListSet<>());
  }

  private static PublishRequest post(String author, String key) {
    return PublishRequest.newBuilder()
        .setAuthorId(author)
        .setIdempotencyKey(key)
        .setContent(PostContent.newBuilder().setText(key))
        .build();
  }

  private static ReadFeedRequest page(String reader) {
    return ReadFeedRequest.newBuilder().setUserId(reader).build();
  }

  /** Begins slowly, and has come to these rates after so long. */
  void start(int readsPerSecond, int writesPerSecond, Duration ramp) {
    sender = new Thread(() -> send(readsPerSecond, writesPerSecond, ramp), "open-load");
    sender.start();
  }

  private void send(int readsPerSecond, int writesPerSecond, Duration ramp) {
    long startedAt = System.nanoTime();
    int every = (readsPerSecond + writesPerSecond) / writesPerSecond;
    for (int i = 0; !stopped; i++) {
      long due = startedAt + dueAfter(i, readsPerSecond + writesPerSecond, ramp);
      for (long wait; (wait = due - System.nanoTime()) > 0; ) LockSupport.parkNanos(wait);
      if (i % every == 0) write(i / every, due);
      else read(readers.get(i % readers.size()), due);
    }
  }

  /** When a call is due, in nanoseconds, while the rate goes up evenly and then stays. */
  private static long dueAfter(int call, int perSecond, Duration ramp) {
    double seconds = ramp.toNanos() / 1e9;
    double within = perSecond * seconds / 2;
    double due =
        call < within
            ? Math.sqrt(2 * seconds * call / perSecond)
            : seconds + (call - within) / perSecond;
    return (long) (due * 1e9);
  }

  private void read(String reader, long due) {
    if (direct != null) {
      answered(reads, due, direct.withDeadline(left(due)).readFeed(page(reader)), page -> {});
    } else {
      call(reads, Methods.READ_FEED, page(reader), due, page -> {});
    }
  }

  private void write(int number, long due) {
    if (number % 2 == 0) {
      String author = authors.get(number / 2 % authors.size());
      PublishRequest post = post(author, "key " + number);
      Consumer<PublishResponse> answered =
          answer -> acknowledged(posts, author).add(answer.getPostId());
      if (direct != null) {
        answered(writes, due, direct.withDeadline(left(due)).publish(post), answered);
      } else {
        call(writes, Methods.PUBLISH, post, due, answered);
      }
    } else {
      String reader = readers.get(number / 2 % readers.size());
      String followee = "new-" + number;
      FollowRequest follow =
          FollowRequest.newBuilder().setUserId(reader).setFolloweeId(followee).build();
      Consumer<FollowResponse> answered = answer -> acknowledged(follows, reader).add(followee);
      if (direct != null) {
        answered(writes, due, direct.withDeadline(left(due)).follow(follow), answered);
      } else {
        call(writes, Methods.FOLLOW, follow, due, answered);
      }
    }
  }

  private <Q, R> void call(
      Calls calls, MethodDescriptor<Q, R> method, Q request, long due, Consumer<R> answered) {
    running.incrementAndGet();
    attempt(new Attempt<>(calls, method, request, due, answered), 0);
  }

  private record Attempt<Q, R>(
      Calls calls, MethodDescriptor<Q, R> method, Q request, long due, Consumer<R> answered) {}

  private static Duration left(long due) {
    return Duration.ofNanos(Math.max(1, due + PATIENCE.toNanos() - System.nanoTime()));
  }

  private <R> void answered(
      Calls calls, long due, CompletableFuture<R> answer, Consumer<R> answered) {
    running.incrementAndGet();
    var unused =
        answer.whenComplete(
            (value, failure) -> {
              if (failure == null) {
                answered.accept(value);
                calls.nanos.add(System.nanoTime() - due);
              } else {
                calls.failures.add(
                    "%s after %d ms: %s"
                        .formatted(
                            now(),
                            (System.nanoTime() - due) / 1_000_000,
                            Status.fromThrowable(failure)));
              }
              running.decrementAndGet();
            });
  }

  /** Counts those that fail, as the client below does by itself. */
  private final class FirstAttempts implements ClientInterceptor {
    @Override
    public <Q, R> ClientCall<Q, R> interceptCall(
        MethodDescriptor<Q, R> method, CallOptions options, Channel next) {
      boolean isRead = method.getBareMethodName().equals(Methods.READ_FEED.getBareMethodName());
      boolean first = options.getOption(TidelineClient.PREVIOUS_ATTEMPTS) == 0;
      return new SimpleForwardingClientCall<>(next.newCall(method, options)) {
        @Override
        public void start(Listener<R> listener, Metadata headers) {
          super.start(
              new SimpleForwardingClientCallListener<>(listener) {
                @Override
                public void onClose(Status status, Metadata trailers) {
                  if (first && !status.isOk() && isUnary(method)) {
                    (isRead ? reads : writes).firstFailed(status);
                  }
                  super.onClose(status, trailers);
                }
              },
              headers);
        }
      };
    }

    private static boolean isUnary(MethodDescriptor<?, ?> method) {
      return method.getType() == MethodDescriptor.MethodType.UNARY;
    }
  }

  private static LocalTime now() {
    return LocalTime.now(ZoneId.systemDefault()).truncatedTo(ChronoUnit.SECONDS);
  }

  private <Q, R> void attempt(Attempt<Q, R> call, int retries) {
    ClientCalls.asyncUnaryCall(
        channel()
            .newCall(
                call.method(),
                CallOptions.DEFAULT.withDeadlineAfter(
                    left(call.due()).toNanos(), TimeUnit.NANOSECONDS)),
        call.request(),
        new StreamObserver<R>() {
          @Override
          public void onNext(R answer) {
            call.answered().accept(answer);
            call.calls().nanos.add(System.nanoTime() - call.due());
            running.decrementAndGet();
          }

          @Override
          public void onError(Throwable failure) {
            failed(call, retries, Status.fromThrowable(failure));
          }

          @Override
          public void onCompleted() {}
        });
  }

  private <Q, R> void failed(Attempt<Q, R> call, int retries, Status status) {
    if (retries == 0) {
      call.calls().firstFailed(status);
    }
    if (status.getCode() == Status.Code.UNAVAILABLE && retries < RETRY_AFTER_MILLIS.length) {
      var unused =
          later.schedule(
              () -> attempt(call, retries + 1), RETRY_AFTER_MILLIS[retries], TimeUnit.MILLISECONDS);
    } else {
      call.calls()
          .failures
          .add(
              "%s %s after %d tries and %d ms: %s"
                  .formatted(
                      now(),
                      call.method().getBareMethodName(),
                      retries + 1,
                      (System.nanoTime() - call.due()) / 1_000_000,
                      status));
      running.decrementAndGet();
    }
  }

  private static String summary(Status status) {
    String text = String.valueOf(status.getDescription()).replaceAll("[0-9.:]{4,}.*", "");
    return status.getCode() + " " + text.substring(0, Math.min(60, text.length()));
  }

  /** The next one that is connected; any when none is. */
  private ManagedChannel channel() {
    for (int i = 0; i < channels.size(); i++) {
      ManagedChannel channel = channels.get(Math.floorMod(next.getAndIncrement(), channels.size()));
      if (channel.getState(true) == ConnectivityState.READY) return channel;
    }
    return channels.get(Math.floorMod(next.getAndIncrement(), channels.size()));
  }

  /** What happened since this was last asked. */
  String report() {
    String report = toString();
    this.reads = new Calls();
    this.writes = new Calls();
    return report;
  }

  @Override
  public String toString() {
    return "reads: %s%nwrites: %s%n%s"
        .formatted(
            reads,
            writes,
            Stream.concat(reads.failures.stream(), writes.failures.stream())
                .limit(100)
                .collect(Collectors.joining("\n")));
  }

  int failedReads() {
    return reads.failures.size();
  }

  void stop() throws InterruptedException {
    stopped = true;
    sender.join();
    await().atMost(Duration.ofSeconds(10)).until(() -> running.get() == 0);
  }

  /** Whatever was acknowledged is there. */
  void verify(FeedClient client) {
    follows.forEach(
        (reader, followees) ->
            assertThat(following(client, reader))
                .as("whom %s follows", reader)
                .containsAll(followees));
    posts.forEach(
        (author, acknowledged) ->
            await()
                .atMost(Duration.ofSeconds(30))
                .untilAsserted(
                    () -> {
                      Set<String> missing = new TreeSet<>(acknowledged);
                      missing.removeAll(postsOf(client, author));
                      assertThat(missing).as("lost posts of %s", author).isEmpty();
                    }));
  }

  /** Watches one reader's feed through each node, from now on. */
  void watch(FeedClient client) {
    String reader = readers.get(0);
    WatchFeedRequest request = WatchFeedRequest.newBuilder().setUserId(reader).build();
    before = owedTo(reader);
    for (int node = 0; node < channels.size(); node++) {
      Set<String> seen = new ConcurrentSkipListSet<>();
      watched.add(seen);
      FeedWatch watch =
          FeedWatch.open(
              client,
              request,
              node,
              Duration.ofMinutes(1),
              change -> {
                if (change.hasAdded()) seen.add(change.getAdded().getPost().getPostId());
              });
      watch.opened().join();
      watches.add(watch);
    }
  }

  private Set<String> owedTo(String reader) {
    Set<String> owed = new TreeSet<>();
    for (String author : acknowledged(follows, reader)) owed.addAll(acknowledged(posts, author));
    return owed;
  }

  /** Every watcher has heard of every post, wherever its stream has been. */
  void verifyWatches() {
    Set<String> owed = owedTo(readers.get(0));
    owed.removeAll(before);
    assertThat(owed).as("posts for the watchers").isNotEmpty();
    for (Set<String> seen : watched) {
      await()
          .atMost(Duration.ofSeconds(30))
          .untilAsserted(
              () -> {
                Set<String> missing = new TreeSet<>(owed);
                missing.removeAll(seen);
                assertThat(missing).as("posts that a watcher has not heard of").isEmpty();
              });
    }
  }

  /** How many writes were acknowledged. */
  int acknowledged() {
    return posts.values().stream().mapToInt(Set::size).sum()
        + follows.values().stream().mapToInt(Set::size).sum();
  }

  private static Set<String> following(FeedClient client, String reader) {
    Set<String> all = new HashSet<>();
    String cursor = "";
    do {
      ListFollowingResponse page =
          client.call(
              LIST_FOLLOWING,
              ListFollowingRequest.newBuilder().setUserId(reader).setPageToken(cursor).build());
      all.addAll(page.getFolloweeIdsList());
      cursor = page.getNextPageToken();
    } while (!cursor.isEmpty());
    return all;
  }

  private static Set<String> postsOf(FeedClient client, String author) {
    Set<String> all = new HashSet<>();
    String cursor = "";
    do {
      ListPostsResponse page =
          client.call(
              LIST_POSTS,
              ListPostsRequest.newBuilder()
                  .setAuthorId(author)
                  .setPageSize(100)
                  .setPageToken(cursor)
                  .build());
      page.getPostsList().forEach(post -> all.add(post.getPostId()));
      cursor = page.getNextPageToken();
    } while (!cursor.isEmpty());
    return all;
  }

  @Override
  public void close() {
    stopped = true;
    try {
      sender.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    watches.forEach(FeedWatch::close);
    later.shutdownNow();
    if (direct != null) direct.close();
    channels.forEach(ManagedChannel::shutdownNow);
  }
}
