package io.tideline.persistence.outbox;

import io.tideline.persistence.outbox.Outbox.Outstanding;
import io.tideline.protocols.UserId;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.ObjLongConsumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Wakes the users whose outbox rows are old, so that they announce what a crash left unannounced.
 *
 * <p>One sweep at a time, one bucket after the other, and of each a bounded number of users. A
 * bucket that has more is continued in the next sweep, so that users who cannot announce do not
 * keep others waiting.
 */
public final class OutboxSweeper {
  /** Where nothing tells how far an earlier sweeper came. */
  private static final Duration FIRST_LOOK_BACK = Duration.ofHours(1);

  private final Outbox outbox;
  private final Duration age;
  private final int usersPerBucket;
  private final InstantSource clock;
  private final AtomicReference<@Nullable CompletableFuture<Integer>> underWay =
      new AtomicReference<>();

  /** By bucket, empty before the first sweep; only the sweep under way uses it. */
  private List<OutboxBucket> buckets = List.of();

  /** When the last pass began that saw all buckets, or the first one; only the sweep uses it. */
  private @Nullable Instant seenUntil;

  private volatile @Nullable Instant oldest;

  /**
   * @param age of a row before its user is woken: well above what an announcement takes
   * @param usersPerBucket after so many, and always before twice as many, a sweep leaves a bucket
   */
  public OutboxSweeper(Outbox outbox, Duration age, int usersPerBucket) {
    this(outbox, age, usersPerBucket, InstantSource.system());
  }

  OutboxSweeper(Outbox outbox, Duration age, int usersPerBucket, InstantSource clock) {
    this.outbox = outbox;
    this.age = age;
    this.usersPerBucket = usersPerBucket;
    this.clock = clock;
  }

  /**
   * One pass over all buckets, or the one that is under way; answers how many rows it found old.
   * Fails when a bucket could not be read; the others were.
   *
   * @param wake takes a user and the hybrid time of the mark that was found
   */
  public CompletionStage<Integer> sweep(ObjLongConsumer<UserId> wake) {
    CompletableFuture<Integer> mine = new CompletableFuture<>();
    CompletableFuture<Integer> other = underWay.compareAndExchange(null, mine);
    if (other != null) {
      return other;
    }
    Instant begun = clock.instant();
    Pass pass = new Pass(wake);
    start()
        .thenCompose(started -> pass.from(0))
        .whenComplete(
            (woken, failure) -> {
              if (failure == null || seenUntil == null) seenUntil = begun;
              Instant before = oldest;
              oldest =
                  failure == null
                      ? pass.oldestSeen
                      : earliest(pass.oldestSeen, before == null ? seenUntil : before);
              underWay.set(null);
              if (failure == null) {
                mine.complete(woken);
              } else {
                mine.completeExceptionally(failure);
              }
            });
    return mine;
  }

  /**
   * How long the longest waiting user of the last sweep has been waiting; zero when nobody was.
   * When a bucket cannot be read, as long as somebody in it may have been waiting.
   */
  public Duration oldestAge() {
    Instant since = oldest;
    return since == null ? Duration.ZERO : Duration.between(since, clock.instant());
  }

  private static Instant earliest(@Nullable Instant one, Instant other) {
    return one != null && one.isBefore(other) ? one : other;
  }

  private CompletionStage<Void> start() {
    return buckets.isEmpty()
        ? outbox.swept().thenAccept(this::start)
        : CompletableFuture.completedStage(null);
  }

  private void start(Map<Integer, Long> swept) {
    Instant now = clock.instant();
    long firstLook = Outbox.slotOf(now.minus(FIRST_LOOK_BACK));
    long reachable = Outbox.slotOf(now.minus(OutboxBucket.LATEST_MARK));
    buckets =
        IntStream.range(0, Outbox.BUCKETS)
            .mapToObj(
                bucket ->
                    new OutboxBucket(
                        outbox, bucket, Math.min(reachable, swept.getOrDefault(bucket, firstLook))))
            .toList();
  }

  private final class Pass {
    private final ObjLongConsumer<UserId> wake;
    private @Nullable Instant oldestSeen;
    private @Nullable Throwable failed;
    private int woken;

    Pass(ObjLongConsumer<UserId> wake) {
      this.wake = wake;
    }

    CompletionStage<Integer> from(int bucket) {
      if (bucket == Outbox.BUCKETS) {
        return failed == null
            ? CompletableFuture.completedStage(woken)
            : CompletableFuture.failedStage(failed);
      }
      Instant now = clock.instant();
      return buckets
          .get(bucket)
          .read(now, now.minus(age), usersPerBucket)
          .thenAccept(users -> users.forEach(this::wake))
          .exceptionally(
              failure -> {
                failed = failure;
                return null;
              })
          .thenCompose(read -> from(bucket + 1));
    }

    private void wake(Outstanding outstanding) {
      Instant since = outstanding.since();
      if (oldestSeen == null || since.isBefore(oldestSeen)) {
        oldestSeen = since;
      }
      woken++;
      wake.accept(outstanding.user(), outstanding.at());
    }
  }
}
