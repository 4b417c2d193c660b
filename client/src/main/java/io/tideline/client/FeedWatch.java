package io.tideline.client;

import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Context;
import io.grpc.Status;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import io.tideline.client.Cells.Target;
import io.tideline.client.Channels.Watches;
import io.tideline.protocols.v1.WatchFeedRequest;
import io.tideline.protocols.v1.WatchFeedResponse;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** A feed that is watched until this is closed. */
public final class FeedWatch implements AutoCloseable {
  // Some half a minute.
  private static final int MOST_TIMES_BEHIND = 20;

  private final Cells cells;
  private final CallOptions options;
  private final StreamObserver<WatchFeedResponse> observer;
  // It goes on when the call that it was opened in is over.
  private final Context context = Context.current().fork();
  private volatile WatchFeedRequest request;
  private volatile boolean closed;
  private volatile @Nullable ClientCall<WatchFeedRequest, WatchFeedResponse> running;
  private @Nullable RuntimeException failedToWatch;
  private Set<String> tried = Set.of();
  private int failures;

  private FeedWatch(
      Cells cells,
      CallOptions options,
      WatchFeedRequest request,
      StreamObserver<WatchFeedResponse> observer) {
    this.cells = cells;
    this.options = options;
    this.request = request;
    this.observer = observer;
  }

  static FeedWatch open(
      Cells cells,
      CallOptions options,
      WatchFeedRequest request,
      StreamObserver<WatchFeedResponse> observer) {
    FeedWatch watch = new FeedWatch(cells, options, request, observer);
    var unused = cells.known().thenRun(watch::connectInContext);
    return watch;
  }

  private void connectInContext() {
    context.run(this::connect);
  }

  private void connect() {
    if (closed) {
      end();
      return;
    }
    Target target = cells.pick(Rpc.WATCH_FEED, request, tried, Set.of());
    if (target == null) {
      onEnd("", cells.lastFailure().asRuntimeException());
      return;
    }
    Watches connection = cells.channels().forWatch(target.address());
    Listener listener = new Listener(target.address(), connection);
    try {
      ClientCall<WatchFeedRequest, WatchFeedResponse> call =
          connection.channel().newCall(Rpc.WATCH_FEED.descriptor(), options);
      ClientCalls.asyncServerStreamingCall(call, request, listener);
      // A call that is cancelled before it starts cannot be started.
      running = call;
    } catch (RuntimeException e) {
      // An interceptor's, for example.
      listener.onError(Status.fromThrowable(e).asRuntimeException());
    }
    if (closed) cancel();
  }

  private void onMessage(WatchFeedResponse message) {
    failures = 0;
    if (closed) return;
    try {
      observer.onNext(message);
    } catch (RuntimeException e) {
      failedToWatch = e;
      close();
      return;
    }
    if (!message.getCursor().isEmpty()) {
      request = request.toBuilder().setCursor(message.getCursor()).build();
    }
  }

  /** The stream from an address has ended, by a failure or because the node wished it. */
  private void onEnd(String address, @Nullable Throwable failure) {
    if (closed) {
      end();
      return;
    }
    Refusal refusal = failure == null ? null : Refusal.of(failure);
    boolean passes =
        refusal == null || refusal.passes() || (refusal.isBehind() && failures < MOST_TIMES_BEHIND);
    if (!passes) {
      observer.onError(failure);
      return;
    }
    tried = refusal == null ? Set.of() : Set.of(address);
    Duration wait = Backoff.before(++failures);
    if (refusal != null && wait.compareTo(refusal.retryAfter()) < 0) wait = refusal.retryAfter();
    if (!cells.later(wait, this::connectInContext)) {
      observer.onError(
          Status.UNAVAILABLE.withDescription("the client is closed").asRuntimeException());
    }
  }

  private void end() {
    if (failedToWatch == null) observer.onCompleted();
    else observer.onError(failedToWatch);
  }

  private void cancel() {
    ClientCall<WatchFeedRequest, WatchFeedResponse> call = running;
    if (call != null) call.cancel("the watcher has seen enough", null);
  }

  @Override
  public void close() {
    closed = true;
    cancel();
  }

  private final class Listener implements StreamObserver<WatchFeedResponse> {
    private final String address;
    private final Watches connection;
    private final AtomicBoolean ended = new AtomicBoolean();
    private boolean heard;

    Listener(String address, Watches connection) {
      this.address = address;
      this.connection = connection;
    }

    @Override
    public void onNext(WatchFeedResponse message) {
      heard = true;
      onMessage(message);
    }

    @Override
    public void onError(Throwable failure) {
      // One that was merely cut, as old connections are, says nothing against the node.
      end(heard ? "" : address, failure);
    }

    @Override
    public void onCompleted() {
      end(address, null);
    }

    private void end(String failed, @Nullable Throwable failure) {
      if (ended.getAndSet(true)) return;
      connection.open().decrementAndGet();
      onEnd(failed, failure);
    }
  }
}
