package io.tideline.bench.side;

import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Semaphore;
import java.util.function.Supplier;

/** At most so many tasks under way; the others wait for their turn, and no thread with them. */
final class Throttle {
  private final Semaphore free;
  private final Queue<Runnable> waiting = new ConcurrentLinkedQueue<>();

  Throttle(int size) {
    free = new Semaphore(size);
  }

  /** What comes of a task, when it has had its turn. */
  <T> CompletionStage<T> run(Supplier<CompletionStage<T>> task) {
    var outcome = new CompletableFuture<T>();
    waiting.add(() -> start(task, outcome));
    startWaiting();
    return outcome;
  }

  private void startWaiting() {
    while (!waiting.isEmpty() && free.tryAcquire()) {
      Runnable next = waiting.poll();
      if (next == null) {
        free.release();
      } else {
        next.run();
      }
    }
  }

  private <T> void start(Supplier<CompletionStage<T>> task, CompletableFuture<T> outcome) {
    var unused =
        task.get()
            .whenComplete(
                (value, failure) -> {
                  free.release();
                  startWaiting();
                  if (failure == null) {
                    outcome.complete(value);
                  } else {
                    outcome.completeExceptionally(failure);
                  }
                });
  }
}
