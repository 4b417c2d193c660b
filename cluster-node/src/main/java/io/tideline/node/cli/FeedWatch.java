package io.tideline.node.cli;

import io.grpc.ClientCall;
import io.grpc.stub.StreamObserver;
import io.tideline.protocols.v1.WatchFeedRequest;
import io.tideline.protocols.v1.WatchFeedResponse;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Follows one feed for as long as it is open: when a stream ends or its node is lost, it resumes
 * behind the last message on the next node.
 */
final class FeedWatch implements AutoCloseable {
  private static final Duration FIRST_CONNECTION = Duration.ofSeconds(5);

  private final FeedClient client;
  private final Duration patience;
  private final Consumer<WatchFeedResponse> listener;
  private final CompletableFuture<Void> ended = new CompletableFuture<>();
  private final CompletableFuture<Void> opened = new CompletableFuture<>();
  private WatchFeedRequest request;
  private int node;
  private int failures;
  private long failingSince;
  private @Nullable ClientCall<?, ?> call;

  private FeedWatch(
      FeedClient client,
      WatchFeedRequest request,
      int node,
      Duration patience,
      Consumer<WatchFeedResponse> listener) {
    this.client = client;
    this.request = request;
    this.node = node;
    this.patience = patience;
    this.listener = listener;
  }

  /**
   * Starts watching on the {@code node}-th address of the client; gives up when no node takes the
   * stream for {@code patience}.
   */
  static FeedWatch open(
      FeedClient client,
      WatchFeedRequest request,
      int node,
      Duration patience,
      Consumer<WatchFeedResponse> listener) {
    var watch = new FeedWatch(client, request, node, patience, listener);
    watch.connect();
    return watch;
  }

  /** Completes with the first message; from then on nothing is missed. */
  CompletableFuture<Void> opened() {
    return opened;
  }

  /** Completes when the watch is closed, and fails when the stream cannot be had. */
  CompletableFuture<Void> ended() {
    return ended;
  }

  private synchronized void connect() {
    if (ended.isDone()) return;
    call = client.open(Methods.WATCH_FEED, request, node, new Listener());
  }

  private void onMessage(WatchFeedResponse message) {
    synchronized (this) {
      if (ended.isDone()) return;
      failures = 0;
      if (!message.getCursor().isEmpty()) {
        request = request.toBuilder().setCursor(message.getCursor()).build();
      }
    }
    opened.complete(null);
    listener.accept(message);
  }

  private synchronized void onEnd(@Nullable Throwable failure) {
    if (ended.isDone()) return;
    if (failure != null
        && !Backoff.worthRepeating(failure)
        && !Backoff.isBehindTheCursor(failure)) {
      fail(failure);
      return;
    }
    if (failures++ == 0) failingSince = System.nanoTime();
    // A first connection that fails is more likely a wrong address than a node that restarts.
    Duration limit = opened.isDone() ? patience : FIRST_CONNECTION;
    if (failure != null && System.nanoTime() - failingSince > limit.toNanos()) {
      fail(failure);
      return;
    }
    node++;
    Duration wait = failure == null ? Duration.ofMillis(50) : Backoff.before(failures, failure);
    CompletableFuture.delayedExecutor(wait.toMillis(), TimeUnit.MILLISECONDS)
        .execute(this::connect);
  }

  private void fail(Throwable failure) {
    opened.completeExceptionally(failure);
    ended.completeExceptionally(failure);
  }

  @Override
  public synchronized void close() {
    ended.complete(null);
    if (call != null) call.cancel("the watcher has seen enough", null);
  }

  private final class Listener implements StreamObserver<WatchFeedResponse> {
    @Override
    public void onNext(WatchFeedResponse message) {
      onMessage(message);
    }

    @Override
    public void onError(Throwable failure) {
      onEnd(failure);
    }

    @Override
    public void onCompleted() {
      onEnd(null);
    }
  }
}
