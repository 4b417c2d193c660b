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
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
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
  // Since the last message: how many attempts brought none, how many of them were behind the cursor
  // one after the other, and how many each cell failed.
  private int failures;
  private int timesBehind;
  private final Map<Cell, Integer> failuresOf = new HashMap<>();
  private final Set<Cell> left = new HashSet<>();

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
    Target target = cells.pick(Rpc.WATCH_FEED, request, tried, left);
    if (target == null) {
      onEnd(null, false, cells.lastFailure().asRuntimeException());
      return;
    }
    // When all have failed each gets another turn.
    if (left.contains(target.cell())) forgetCells();
    Watches connection = cells.channels().forWatch(target.address());
    Listener listener = new Listener(target, connection);
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

  private void onFirstMessage(Cell cell) {
    if (failures == 0) cell.count(true);
    failures = 0;
    timesBehind = 0;
    forgetCells();
  }

  private void onMessage(WatchFeedResponse message) {
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

  /**
   * A stream has ended, by a failure or because the node wished it.
   *
   * @param target null when there was nobody to ask
   * @param heard whether a message has come
   */
  private void onEnd(@Nullable Target target, boolean heard, @Nullable Throwable failure) {
    if (closed) {
      end();
      return;
    }
    Refusal refusal = failure == null ? null : Refusal.of(failure);
    tried = Set.of();
    // One that was merely cut, as old connections are, says nothing against the node.
    if (target != null && refusal != null && !heard) note(target, refusal);
    boolean behind = refusal != null && refusal.isBehind();
    timesBehind = behind ? timesBehind + 1 : 0;
    boolean passes =
        refusal == null || refusal.passes() || (behind && timesBehind <= MOST_TIMES_BEHIND);
    if (failure != null && !passes) {
      fail(failure);
      return;
    }
    Duration wait = Backoff.before(heard ? 1 : ++failures);
    if (refusal != null && wait.compareTo(refusal.retryAfter()) < 0) wait = refusal.retryAfter();
    if (!cells.later(wait, this::connectInContext)) {
      fail(Status.UNAVAILABLE.withDescription("the client is closed").asRuntimeException());
    }
  }

  private void note(Target target, Refusal refusal) {
    Cell cell = target.cell();
    if (failures == 0) cell.count(!refusal.isOfNode());
    tried = Set.of(target.address());
    // One that knows less cannot stand in for the cell that the cursor is of.
    if (refusal.isBehind()) forgetCells();
    if (!refusal.isOfNode()) return;
    if (failuresOf.merge(cell, 1, Integer::sum) >= Cells.ATTEMPTS_PER_CELL) left.add(cell);
  }

  private void forgetCells() {
    failuresOf.clear();
    left.clear();
  }

  private void end() {
    if (failedToWatch == null) Cells.TO_CALLERS.execute(context.wrap(observer::onCompleted));
    else fail(failedToWatch);
  }

  private void fail(Throwable failure) {
    Cells.TO_CALLERS.execute(context.wrap(() -> observer.onError(failure)));
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
    private final Target target;
    private final Watches connection;
    private final AtomicBoolean ended = new AtomicBoolean();
    private boolean heard;

    Listener(Target target, Watches connection) {
      this.target = target;
      this.connection = connection;
    }

    @Override
    public void onNext(WatchFeedResponse message) {
      if (!heard) {
        heard = true;
        onFirstMessage(target.cell());
      }
      onMessage(message);
    }

    @Override
    public void onError(Throwable failure) {
      end(failure);
    }

    @Override
    public void onCompleted() {
      end(null);
    }

    private void end(@Nullable Throwable failure) {
      if (ended.getAndSet(true)) return;
      connection.open().decrementAndGet();
      onEnd(target, heard, failure);
    }
  }
}
