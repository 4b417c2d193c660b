package io.tideline.persistence.outbox;

import io.tideline.persistence.outbox.Outbox.Outstanding;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Reads one bucket of the outbox over and over, but none of its slots again once it was empty at a
 * time when no mark could reach it any more; for such a slot is full of tombstones.
 */
final class OutboxBucket {
  /** More than what a mark may take and what clocks may differ by, together. */
  static final Duration LATEST_MARK = Duration.ofMinutes(2);

  private static final int SLOTS_AT_A_TIME = 8;

  /**
   * Where to read on.
   *
   * @param slots the few that are read together
   * @param page where in them; {@code null} for their beginning
   * @param empty those of them that no mark can reach and that no page has shown a row of; shrinks
   */
  private record Place(List<Long> slots, @Nullable ByteBuffer page, Set<Long> empty) {}

  private final Outbox outbox;
  private final int number;
  private final TreeSet<Long> open = new TreeSet<>();
  private long unread;
  private long saved;
  private @Nullable Place stoppedAt;

  /**
   * @param lowest slot that may hold rows
   */
  OutboxBucket(Outbox outbox, int number, long lowest) {
    this.outbox = outbox;
    this.number = number;
    this.unread = lowest;
    this.saved = lowest;
  }

  /**
   * The rows marked at {@code latest} or before, from where the last call stopped. Stops at the end
   * of the bucket, or when it has found enough; then with fewer than twice as many.
   */
  CompletionStage<List<Outstanding>> read(Instant now, Instant latest, int enough) {
    Place begin = stoppedAt;
    stoppedAt = null;
    Reading reading = new Reading(now, latest, enough);
    return reading
        .from(begin == null ? reading.placeBehind(Long.MIN_VALUE) : begin)
        .thenCompose(read -> save())
        .thenApply(saved -> reading.found);
  }

  private CompletionStage<Void> save() {
    long lowest = open.isEmpty() ? unread : open.first();
    return lowest <= saved
        ? CompletableFuture.completedStage(null)
        : outbox.saveSwept(number, lowest).thenAccept(written -> saved = lowest);
  }

  private final class Reading {
    private final long current;
    private final long reachable;
    private final Instant latest;
    private final int enough;
    private final List<Outstanding> found = new ArrayList<>();

    Reading(Instant now, Instant latest, int enough) {
      this.current = Outbox.slotOf(now);
      this.reachable = Outbox.slotOf(now.minus(LATEST_MARK));
      this.latest = latest;
      this.enough = enough;
    }

    CompletionStage<Void> from(Place place) {
      if (place.slots().isEmpty()) {
        return CompletableFuture.completedStage(null);
      }
      return outbox
          .read(number, place.slots(), place.page(), enough)
          .thenCompose(
              page -> {
                Place next = take(place, page);
                if (found.size() < enough) {
                  return from(next);
                }
                stoppedAt = next.slots().isEmpty() ? null : next;
                return CompletableFuture.completedStage(null);
              });
    }

    private Place take(Place place, Outbox.Page page) {
      for (Outstanding row : page.rows()) {
        place.empty().remove(row.slot());
        if (!row.since().isAfter(latest)) {
          found.add(row);
        }
      }
      if (page.next() != null) {
        return new Place(place.slots(), page.next(), place.empty());
      }
      open.removeAll(place.empty());
      return placeBehind(place.slots().get(place.slots().size() - 1));
    }

    Place placeBehind(long slot) {
      List<Long> slots = new ArrayList<>();
      open.tailSet(slot, false).stream().limit(SLOTS_AT_A_TIME).forEach(slots::add);
      while (slots.size() < SLOTS_AT_A_TIME && unread <= current) {
        open.add(unread);
        slots.add(unread++);
      }
      return new Place(
          slots,
          null,
          slots.stream()
              .filter(each -> each < reachable)
              .collect(Collectors.toCollection(HashSet::new)));
    }
  }
}
