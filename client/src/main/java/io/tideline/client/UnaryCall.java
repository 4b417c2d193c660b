package io.tideline.client;

import com.google.protobuf.Message;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import io.tideline.client.Cells.Target;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** One call with its repetitions: one attempt after the other, until one says what to answer. */
final class UnaryCall<Q extends Message, R extends Message> {
  /** So many attempts are lost on a cell that fails before another one is asked. */
  private static final int ATTEMPTS_PER_CELL = 2;

  private static final long SHORTEST_ATTEMPT = TimeUnit.SECONDS.toNanos(1);

  private final Cells cells;
  private final Rpc<Q, R> rpc;
  private final Q request;
  private final CallOptions options;
  private final Deadline deadline;
  private final Context context = Context.current();
  private final CompletableFuture<R> answer = new CompletableFuture<>();
  private final Set<String> tried = new HashSet<>();
  private final Map<Cell, Integer> failures = new HashMap<>();
  private final Set<Cell> left = new HashSet<>();
  private int attempts;
  private @Nullable Target hinted;
  private volatile @Nullable ClientCall<Q, R> running;

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
    CompletableFuture<?> unused = answer.whenComplete((value, failure) -> cancelIfUnwanted());
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
    if (answer.isDone()) return;
    Target target = hinted == null ? cells.pick(rpc, request, tried, left) : hinted;
    hinted = null;
    int before = attempts++;
    if (target == null) {
      onFailure(null, cells.lastFailure().asRuntimeException());
      return;
    }
    ClientCall<Q, R> call =
        target
            .channel()
            .newCall(
                rpc.descriptor(),
                options
                    .withOption(TidelineClient.PREVIOUS_ATTEMPTS, before)
                    .withDeadlineAfter(timeForOne(), TimeUnit.NANOSECONDS));
    ClientCalls.asyncUnaryCall(call, request, new Attempt(target));
    // A call that is cancelled before it starts cannot be started.
    running = call;
    cancelIfUnwanted();
  }

  /** Half of what is left, so that there is time for another attempt. */
  private long timeForOne() {
    long all = deadline.timeRemaining(TimeUnit.NANOSECONDS);
    return rpc.repeatable(request) ? Math.min(all, Math.max(all / 2, SHORTEST_ATTEMPT)) : all;
  }

  private void cancelIfUnwanted() {
    ClientCall<Q, R> call = running;
    if (answer.isCancelled() && call != null) call.cancel("the caller has cancelled", null);
  }

  private void onFailure(@Nullable Target target, Throwable failure) {
    if (answer.isDone()) return;
    Refusal refusal = Refusal.of(failure);
    if (target != null) note(target, refusal);
    boolean again = rpc.repeatable(request) && refusal.passes();
    if (!again || !repeat(target, waitAfter(target, refusal))) {
      answer.completeExceptionally(failure);
    }
  }

  private void note(Target target, Refusal refusal) {
    if (attempts == 1) target.cell().count(!refusal.isOfNode());
    if (!refusal.isOfNode()) return;
    tried.add(target.address());
    if (failures.merge(target.cell(), 1, Integer::sum) >= ATTEMPTS_PER_CELL) {
      left.add(target.cell());
    }
  }

  private Duration waitAfter(@Nullable Target target, Refusal refusal) {
    if (target != null && !refusal.owner().isEmpty() && !tried.contains(refusal.owner())) {
      hinted = cells.target(target.cell(), refusal.owner());
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

    Attempt(Target target) {
      this.target = target;
    }

    @Override
    public void onNext(R value) {
      if (attempts == 1) target.cell().count(true);
      answer.complete(value);
    }

    @Override
    public void onError(Throwable failure) {
      onFailure(target, failure);
    }

    @Override
    public void onCompleted() {}
  }
}
