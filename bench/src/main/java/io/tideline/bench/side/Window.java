package io.tideline.bench.side;

import java.util.concurrent.CompletionStage;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** At most so many tasks under way; closing it waits for all and fails when one has failed. */
final class Window implements AutoCloseable {
  private final int size;
  private final Semaphore free;
  private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();

  Window(int size) {
    this.size = size;
    free = new Semaphore(size);
  }

  /** Starts a task, when there is room for it. */
  void run(Supplier<? extends CompletionStage<?>> task) {
    free.acquireUninterruptibly();
    boolean started = false;
    try {
      failIfOneHas();
      var unused = task.get().whenComplete((done, failed) -> finished(failed));
      started = true;
    } finally {
      // Closing waits for all places.
      if (!started) free.release();
    }
  }

  private void finished(@Nullable Throwable failed) {
    if (failed != null) failure.compareAndSet(null, failed);
    free.release();
  }

  private void failIfOneHas() {
    Throwable failed = failure.get();
    if (failed != null) throw new IllegalStateException("loading failed: " + failed, failed);
  }

  @Override
  public void close() {
    free.acquireUninterruptibly(size);
    failIfOneHas();
  }
}
