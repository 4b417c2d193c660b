package io.tideline.persistence.posts;

import java.util.Collection;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Asynchronous tasks of which a bounded number runs at a time; a running one may add others. */
final class InFlight<T> {
  private final int limit;
  private final Function<T, CompletionStage<?>> run;
  private final Queue<T> waiting = new ConcurrentLinkedQueue<>();
  private final AtomicInteger running = new AtomicInteger();
  private final AtomicInteger pumping = new AtomicInteger();
  private final CompletableFuture<Void> done = new CompletableFuture<>();

  InFlight(int limit, Function<T, CompletionStage<?>> run) {
    this.limit = limit;
    this.run = run;
  }

  /** Completes when these tasks and all that were added have; fails with the first that fails. */
  CompletionStage<Void> start(Collection<T> tasks) {
    waiting.addAll(tasks);
    pump();
    return done;
  }

  /** To be called from within a task, before its stage completes. */
  void add(T task) {
    waiting.add(task);
  }

  /** One thread starts tasks at a time; others leave it a count, so that nothing ever recurses. */
  private void pump() {
    if (pumping.getAndIncrement() != 0) {
      return;
    }
    int seen = 1;
    do {
      T task;
      while (running.get() < limit && (task = waiting.poll()) != null) {
        // After a failure nothing more is for anybody, nor what running tasks still add.
        if (done.isDone()) continue;
        running.incrementAndGet();
        run.apply(task).whenComplete((result, failure) -> ended(failure));
      }
      if (running.get() == 0 && waiting.isEmpty()) {
        done.complete(null);
      }
      seen = pumping.addAndGet(-seen);
    } while (seen != 0);
  }

  private void ended(@Nullable Throwable failure) {
    if (failure != null) done.completeExceptionally(failure);
    running.decrementAndGet();
    pump();
  }
}
