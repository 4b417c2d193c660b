package io.tideline.client;

import com.google.protobuf.Message;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.Status;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import io.tideline.client.Cells.Target;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One call with its attempts: the next one begins when one fails, or has taken half of the time
 * that is left, unless it waits for other cells. That one goes on, and the first to answer counts
 * (the hedged requests of Dean and Barroso, The Tail at Scale, 2013).
 */
final class UnaryCall<Q extends Message, R extends Message> {
  private static final long SHORTEST_PATIENCE = TimeUnit.SECONDS.toNanos(1);
  private static final Refusal SLOW =
      new Refusal(Status.Code.DEADLINE_EXCEEDED, "", "", Duration.ZERO);
  private static final Status OUT_OF_TIME =
      Status.DEADLINE_EXCEEDED.withDescription("no time was left when it was known whom to call");

  private final Cells cells;
  private final Rpc<Q, R> rpc;
  private final Q request;
  private final CallOptions options;
  private final Deadline deadline;
  private final Context context = Context.current();
  private final CompletableFuture<R> answer = new CompletableFuture<>();
  private final List<Attempt> started = new CopyOnWriteArrayList<>();

  // Guarded by this, as are the attempts' own.
  private final Set<String> tried = new HashSet<>();
  private final Map<Cell, Integer> failures = new HashMap<>();
  private final Set<Cell> left = new HashSet<>();
  private int attempts;
  // How many attempts run or wait for their turn.
  private int open = 1;
  private @Nullable Target hinted;

  private UnaryCall(Cells cells, Rpc<Q, R> rpc, Q request, CallOptions options, Deadline deadline) {
    this.cells = cells;
    this.rpc = rpc;
    this.request = request;
    this.options = options;
    Deadline around = context.getDeadline();
    this.deadline = around == null ? deadline : deadline.minimum(around);
  }

  static <Q extends Message, R extends Message> CompletableFuture<R> start(
      Cells cells, Rpc<Q, R> rpc, Q request, CallOptions options, Duration deadline) {
    UnaryCall<Q, R> call =
        new UnaryCall<>(
            cells, rpc, request, options, Deadline.after(deadline.toNanos(), TimeUnit.NANOSECONDS));
    call.begin();
    return call.answer;
  }

  private void begin() {
    cells.budget().onCall();
    CompletableFuture<?> unused =
        answer.whenComplete((value, failure) -> started.forEach(Attempt::drop));
    CompletableFuture<Void> known = cells.known();
    if (known.isDone()) {
      attempt();
    } else {
      unused =
          known
              .copy()
              .completeOnTimeout(
                  null, deadline.timeRemaining(TimeUnit.NANOSECONDS), TimeUnit.NANOSECONDS)
              .thenRun(this::attemptInContext);
    }
  }

  private void attemptInContext() {
    context.run(this::attempt);
  }

  private void attempt() {
    try {
      callNext();
    } catch (RuntimeException e) {
      // An interceptor's, for example: what it fails at once it would fail again.
      fail(Status.fromThrowable(e).asRuntimeException());
    }
  }

  private void callNext() {
    Target target;
    int before;
    synchronized (this) {
      if (answer.isDone()) return;
      target = hinted == null ? cells.pick(rpc, request, tried, left) : hinted;
      hinted = null;
      before = attempts++;
    }
    long time = deadline.timeRemaining(TimeUnit.NANOSECONDS);
    if (target == null || time <= 0) {
      Status why = target == null ? cells.lastFailure() : OUT_OF_TIME;
      onFailure(null, why.asRuntimeException());
      return;
    }
    ClientCall<Q, R> call =
        cells
            .channels()
            .to(target.address())
            .newCall(
                rpc.descriptor(),
                options
                    .withOption(TidelineClient.PREVIOUS_ATTEMPTS, before)
                    .withDeadlineAfter(time, TimeUnit.NANOSECONDS));
    Attempt attempt = new Attempt(target, call, time);
    ClientCalls.asyncUnaryCall(call, request, attempt);
    // A call that is cancelled before it starts cannot be started.
    started.add(attempt);
    if (answer.isDone()) attempt.drop();
  }

  private void onFailure(@Nullable Attempt attempt, Throwable failure) {
    synchronized (this) {
      if (answer.isDone()) return;
      Target target = attempt == null ? null : attempt.target;
      Refusal refusal = Refusal.of(failure);
      // The caller's own call is over: that says nothing of the node, and nobody waits any more.
      boolean wanted = !context.isCancelled();
      if (wanted && attempt != null && !attempt.slow) note(attempt.target, refusal);
      if (wanted && rpc.repeatable(request) && refusal.passes()) {
        if (repeat(target, waitAfter(target, refusal)) || --open > 0) return;
      }
    }
    fail(failure);
  }

  private void fail(Throwable failure) {
    context
        .fixedContextExecutor(Cells.TO_CALLERS)
        .execute(() -> answer.completeExceptionally(failure));
  }

  private void note(Target target, Refusal refusal) {
    if (attempts == 1) target.cell().count(!refusal.isOfNode());
    if (!refusal.isOfNode()) return;
    tried.add(target.address());
    if (failures.merge(target.cell(), 1, Integer::sum) >= Cells.ATTEMPTS_PER_CELL) {
      left.add(target.cell());
    }
  }

  private Duration waitAfter(@Nullable Target target, Refusal refusal) {
    if (target != null && !refusal.owner().isEmpty() && !tried.contains(refusal.owner())) {
      hinted = new Target(target.cell(), refusal.owner());
      return Duration.ZERO;
    }
    Duration wait = Backoff.before(attempts);
    return wait.compareTo(refusal.retryAfter()) < 0 ? refusal.retryAfter() : wait;
  }

  /** What came to no node costs none: only the others are counted. */
  private boolean repeat(@Nullable Target target, Duration wait) {
    return deadline.timeRemaining(TimeUnit.NANOSECONDS) > wait.toNanos()
        && (target == null || cells.budget().take())
        && cells.later(wait, this::attemptInContext);
  }

  private final class Attempt implements StreamObserver<R> {
    private final Target target;
    private final ClientCall<Q, R> call;
    private final @Nullable Future<?> patience;
    private volatile boolean ended;
    private boolean slow;

    /**
     * @param time that is left, in nanoseconds; after half of it another attempt begins
     */
    Attempt(Target target, ClientCall<Q, R> call, long time) {
      this.target = target;
      this.call = call;
      long half = Math.max(time / 2, SHORTEST_PATIENCE);
      patience =
          half < time && rpc.repeatable(request) && !rpc.waitsForOtherCells(request)
              ? cells.laterUnlessCancelled(Duration.ofNanos(half), this::beginAnother)
              : null;
    }

    private void beginAnother() {
      synchronized (UnaryCall.this) {
        if (ended || answer.isDone()) return;
        slow = true;
        note(target, SLOW);
        if (!cells.budget().take()) return;
        open++;
      }
      attemptInContext();
    }

    @Override
    public void onNext(R value) {
      end();
      synchronized (UnaryCall.this) {
        if (attempts == 1 && !slow) target.cell().count(true);
      }
      answer.complete(value);
    }

    @Override
    public void onError(Throwable failure) {
      end();
      onFailure(this, failure);
    }

    @Override
    public void onCompleted() {}

    private void end() {
      ended = true;
      if (patience != null) patience.cancel(false);
    }

    /** Its answer is not wanted any more. */
    void drop() {
      if (ended) return;
      end();
      call.cancel("another attempt was sooner, or the caller has cancelled", null);
    }
  }
}
