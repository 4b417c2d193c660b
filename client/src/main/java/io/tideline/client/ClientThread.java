package io.tideline.client;

import java.time.Duration;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadPoolExecutor.DiscardPolicy;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The one thread of a client, for whatever waits or changes what all calls read. */
final class ClientThread implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(ClientThread.class);

  private final ScheduledThreadPoolExecutor executor =
      new ScheduledThreadPoolExecutor(1, ClientThread::named, new DiscardPolicy());

  ClientThread() {
    executor.setRemoveOnCancelPolicy(true);
  }

  void execute(Runnable work) {
    executor.execute(guarded(work));
  }

  /** Runs it after a while, also when this is closed meanwhile; false if it is closed already. */
  boolean later(Duration wait, Runnable work) {
    return laterUnlessCancelled(wait, work) != null;
  }

  /** The same where that may prove to be needless; null if this is closed already. */
  @Nullable Future<?> laterUnlessCancelled(Duration wait, Runnable work) {
    var scheduled = executor.schedule(guarded(work), wait.toNanos(), TimeUnit.NANOSECONDS);
    return executor.isShutdown() || scheduled.isCancelled() ? null : scheduled;
  }

  /** Runs it again and again until this is closed. */
  void every(Duration pause, Runnable work) {
    var unused =
        executor.scheduleWithFixedDelay(
            guarded(work), pause.toMillis(), pause.toMillis(), TimeUnit.MILLISECONDS);
  }

  private static Runnable guarded(Runnable work) {
    return () -> {
      try {
        work.run();
      } catch (RuntimeException e) {
        log.error("The client's thread goes on after a failure", e);
      }
    };
  }

  private static Thread named(Runnable work) {
    Thread thread = new Thread(work, "tideline-client");
    thread.setDaemon(true);
    return thread;
  }

  @Override
  public void close() {
    executor.shutdown();
  }
}
