package io.tideline.persistence;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.DefaultConsistencyLevel;
import com.datastax.oss.driver.api.core.cql.AsyncResultSet;
import com.datastax.oss.driver.api.core.cql.BatchStatement;
import com.datastax.oss.driver.api.core.cql.BatchType;
import com.datastax.oss.driver.api.core.cql.BoundStatement;
import com.datastax.oss.driver.api.core.servererrors.QueryValidationException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Writes that go to Cassandra in as few requests as there is need for: at once, or after a short
 * wait for others, while few are under way, and together what waits meanwhile. Few that hang do not
 * hold up all others: from time to time one more goes, up to a bound. What is of one partition is
 * applied whole. Callers bound what waits: each user has one mark of the outbox under way, the
 * store so many lines.
 */
public final class Writes {
  // Cassandra warns of more than 10 partitions and 5 KiB, and refuses 50 KiB.
  private static final int MOST_PARTITIONS = 10;
  private static final int MOST_BYTES = 4 * 1024;
  private static final int FEW_REQUESTS = 2;
  private static final int MOST_REQUESTS = 32;
  private static final Duration PACE = Duration.ofMillis(10);

  private final CqlSession session;
  private final Duration linger;
  private final Queue<Write> waiting = new ConcurrentLinkedQueue<>();
  private final AtomicInteger partitionsWaiting = new AtomicInteger();
  private final AtomicInteger running = new AtomicInteger();
  private final AtomicInteger pumping = new AtomicInteger();
  private final AtomicBoolean pumpingLater = new AtomicBoolean();
  // Of whoever pumps.
  private volatile long lastSentNanos = System.nanoTime();

  private record Write(List<BoundStatement> partition, int bytes, CompletableFuture<Void> done) {
    void ended(@Nullable AsyncResultSet written, @Nullable Throwable failure) {
      if (failure == null) {
        done.complete(null);
      } else {
        done.completeExceptionally(failure);
      }
    }
  }

  public Writes(CqlSession session) {
    this(session, Duration.ZERO);
  }

  /**
   * @param linger how long a write waits at most for as many others as may go with it
   */
  public Writes(CqlSession session, Duration linger) {
    this.session = session;
    this.linger = linger;
  }

  /** Each list is about one partition, of however many tables with the same key. */
  public CompletionStage<Void> write(List<List<BoundStatement>> partitions) {
    List<Write> writes = new ArrayList<>();
    for (List<BoundStatement> partition : partitions) {
      writes.add(new Write(partition, bytes(partition), new CompletableFuture<>()));
    }
    waiting.addAll(writes);
    partitionsWaiting.addAndGet(writes.size());
    pumpIfWorthwhile();
    return CompletableFuture.allOf(
        writes.stream().map(Write::done).toArray(CompletableFuture[]::new));
  }

  private static int bytes(List<BoundStatement> statements) {
    int bytes = 0;
    for (BoundStatement statement : statements) {
      for (ByteBuffer value : statement.getValues()) {
        bytes += value == null ? 0 : value.remaining();
      }
    }
    return bytes;
  }

  private void pumpIfWorthwhile() {
    if (linger.isZero() || partitionsWaiting.get() >= MOST_PARTITIONS) pump();
    else if (!waiting.isEmpty()) pumpIn(linger);
  }

  /** One thread sends at a time; others leave it a count, so that nothing ever recurses. */
  private void pump() {
    if (pumping.getAndIncrement() != 0) {
      return;
    }
    int seen = 1;
    do {
      while (!waiting.isEmpty() && maySend()) {
        running.incrementAndGet();
        lastSentNanos = System.nanoTime();
        send(next());
      }
      if (!waiting.isEmpty()) pumpIn(PACE);
      seen = pumping.addAndGet(-seen);
    } while (seen != 0);
  }

  private boolean maySend() {
    int requests = running.get();
    return requests < FEW_REQUESTS
        || (requests < MOST_REQUESTS && System.nanoTime() - lastSentNanos >= PACE.toNanos());
  }

  private void pumpIn(Duration delay) {
    if (pumpingLater.compareAndSet(false, true)) {
      CompletableFuture.delayedExecutor(delay.toNanos(), TimeUnit.NANOSECONDS, Runnable::run)
          .execute(
              () -> {
                pumpingLater.set(false);
                pump();
              });
    }
  }

  private List<Write> next() {
    List<Write> some = new ArrayList<>();
    int bytes = 0;
    for (Write next = waiting.peek(); next != null && fits(next, some, bytes); ) {
      some.add(waiting.remove());
      partitionsWaiting.decrementAndGet();
      bytes += next.bytes;
      next = waiting.peek();
    }
    return some;
  }

  private static boolean fits(Write next, List<Write> some, int bytes) {
    return some.isEmpty() || (some.size() < MOST_PARTITIONS && bytes + next.bytes <= MOST_BYTES);
  }

  private void send(List<Write> writes) {
    execute(writes)
        .whenComplete(
            (written, failure) -> {
              running.decrementAndGet();
              if (writes.size() > 1 && isRefused(failure)) {
                // For one of them; the others must not suffer for it.
                writes.forEach(each -> execute(List.of(each)).whenComplete(each::ended));
              } else {
                writes.forEach(each -> each.ended(written, failure));
              }
              pumpIfWorthwhile();
            });
  }

  private static boolean isRefused(@Nullable Throwable failure) {
    Throwable cause = failure instanceof CompletionException e ? e.getCause() : failure;
    return cause instanceof QueryValidationException;
  }

  private CompletionStage<AsyncResultSet> execute(List<Write> writes) {
    List<BoundStatement> statements = new ArrayList<>();
    writes.forEach(write -> statements.addAll(write.partition));
    try {
      return session.executeAsync(
          statements.size() == 1
              ? statements.get(0)
              : BatchStatement.newInstance(BatchType.UNLOGGED)
                  .addAll(statements)
                  .setConsistencyLevel(DefaultConsistencyLevel.LOCAL_QUORUM)
                  .setIdempotent(true));
    } catch (RuntimeException e) {
      return CompletableFuture.failedStage(e);
    }
  }
}
