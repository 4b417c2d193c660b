package io.tideline.persistence.outbox;

import io.tideline.persistence.outbox.Outbox.Outstanding;
import io.tideline.protocols.UserId;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Wakes the users whose outbox rows are old, so that they announce what a crash left unannounced.
 *
 * <p>One sweep at a time, one bucket after the other, and of each at most a fixed number of users.
 * A bucket that has more is continued in the next sweep, so that users who cannot announce do not
 * keep others waiting.
 */
public final class OutboxSweeper {
  private final Outbox outbox;
  private final Duration age;
  private final int usersPerBucket;
  private final InstantSource clock;
  private final AtomicReference<@Nullable CompletableFuture<Integer>> underWay =
      new AtomicReference<>();

  /** Per bucket the user behind whom the next sweep begins; only the sweep under way uses it. */
  private final String[] continueAfter = new String[Outbox.BUCKETS];

  private volatile @Nullable Instant oldest;

  /**
   * @param age of a row before its user is woken: well above what an announcement takes
   */
  public OutboxSweeper(Outbox outbox, Duration age, int usersPerBucket) {
    this(outbox, age, usersPerBucket, InstantSource.system());
  }

  OutboxSweeper(Outbox outbox, Duration age, int usersPerBucket, InstantSource clock) {
    this.outbox = outbox;
    this.age = age;
    this.usersPerBucket = usersPerBucket;
    this.clock = clock;
    Arrays.fill(continueAfter, "");
  }

  /** One pass over all buckets, or the one that is under way; answers how many users it woke. */
  public CompletionStage<Integer> sweep(Consumer<UserId> wake) {
    CompletableFuture<Integer> mine = new CompletableFuture<>();
    CompletableFuture<Integer> other = underWay.compareAndExchange(null, mine);
    if (other != null) {
      return other;
    }
    new Pass(wake)
        .from(0)
        .whenComplete(
            (woken, failure) -> {
              underWay.set(null);
              if (failure == null) {
                mine.complete(woken);
              } else {
                mine.completeExceptionally(failure);
              }
            });
    return mine;
  }

  /** How long the longest waiting user of the last sweep has been waiting; zero when nobody was. */
  public Duration oldestAge() {
    Instant since = oldest;
    return since == null ? Duration.ZERO : Duration.between(since, clock.instant());
  }

  private final class Pass {
    private final Consumer<UserId> wake;
    private @Nullable Instant oldestSeen;
    private int woken;

    Pass(Consumer<UserId> wake) {
      this.wake = wake;
    }

    CompletionStage<Integer> from(int bucket) {
      if (bucket == Outbox.BUCKETS) {
        oldest = oldestSeen;
        return CompletableFuture.completedStage(woken);
      }
      return outbox
          .olderThan(age, bucket, continueAfter[bucket], usersPerBucket)
          .thenCompose(
              users -> {
                wakeAll(bucket, users);
                return from(bucket + 1);
              });
    }

    private void wakeAll(int bucket, List<Outstanding> users) {
      for (Outstanding outstanding : users) {
        Instant since = outstanding.since();
        if (oldestSeen == null || since.isBefore(oldestSeen)) {
          oldestSeen = since;
        }
        wake.accept(outstanding.user());
      }
      woken += users.size();
      continueAfter[bucket] =
          users.size() < usersPerBucket ? "" : users.get(users.size() - 1).user().value();
    }
  }
}
