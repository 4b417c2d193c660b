package io.tideline.persistence.posts;

import io.tideline.persistence.posts.CardCache.Card;
import io.tideline.protocols.PostId;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Cards by post, within a bound of bytes. What has to go is chosen by CLOCK (F. J. Corbató, "A
 * Paging Experiment with the Multics System", 1968): the oldest, but who was asked for since it was
 * last looked at has another round. A look-up is one of a hash table and at most one plain write,
 * which is why this is no cache of a library: a page looks up twenty.
 *
 * <p>All methods may be called by any thread. While several threads put at once the bound may be
 * passed by what they put.
 */
final class CardTable {
  /** What an entry costs besides its bytes: key, card, their headers, the table's own nodes. */
  private static final long ENTRY_BYTES = 200;

  private static final class Slot {
    final PostId id;
    volatile Card card;
    boolean asked;

    Slot(PostId id, Card card) {
      this.id = id;
      this.card = card;
    }
  }

  private final long maximumBytes;
  private final ConcurrentMap<PostId, Slot> slots = new ConcurrentHashMap<>();
  private final Queue<Slot> rounds = new ConcurrentLinkedQueue<>();
  private final ReentrantLock evicting = new ReentrantLock();
  private final AtomicLong bytes = new AtomicLong();
  private final LongAdder hits = new LongAdder();
  private final LongAdder misses = new LongAdder();
  private final LongAdder evictions = new LongAdder();

  CardTable(long maximumBytes) {
    this.maximumBytes = maximumBytes;
  }

  /** The card if it is here; keeps it for another round, and counts. */
  @Nullable Card get(PostId id) {
    Slot slot = slots.get(id);
    if (slot == null) {
      misses.increment();
      return null;
    }
    hits.increment();
    if (!slot.asked) slot.asked = true;
    return slot.card;
  }

  /** The same without a trace. */
  @Nullable Card peek(PostId id) {
    Slot slot = slots.get(id);
    return slot == null ? null : slot.card;
  }

  /** Puts the card that wins over the one that is here, and returns it. */
  Card merge(PostId id, Card card) {
    Card[] merged = {card};
    slots.compute(
        id,
        (key, known) -> {
          if (known == null) {
            Slot slot = new Slot(key, card);
            bytes.addAndGet(weight(card));
            rounds.add(slot);
            return slot;
          }
          merged[0] = known.card.or(card);
          bytes.addAndGet(weight(merged[0]) - weight(known.card));
          known.card = merged[0];
          return known;
        });
    if (bytes.get() > maximumBytes) evict();
    return merged[0];
  }

  /** Removes what fits; looks at all there is, and waits for an eviction that is under way. */
  void removeIf(Predicate<Card> unwanted) {
    evicting.lock();
    try {
      rounds.removeIf(slot -> unwanted.test(slot.card) && remove(slot));
    } finally {
      evicting.unlock();
    }
  }

  /** Only one thread at a time; what others put meanwhile it sees, or the next one does. */
  private void evict() {
    if (!evicting.tryLock()) return;
    try {
      while (bytes.get() > maximumBytes) {
        Slot slot = rounds.poll();
        if (slot == null) return;
        if (slot.asked) {
          slot.asked = false;
          rounds.add(slot);
        } else if (remove(slot)) {
          evictions.increment();
        }
      }
    } finally {
      evicting.unlock();
    }
  }

  private boolean remove(Slot slot) {
    return slots.computeIfPresent(
            slot.id,
            (id, known) -> {
              if (known != slot) return known;
              bytes.addAndGet(-weight(slot.card));
              return null;
            })
        == null;
  }

  private static long weight(Card card) {
    return ENTRY_BYTES + card.encoded().size();
  }

  long bytes() {
    return bytes.get();
  }

  int size() {
    return slots.size();
  }

  /** Of all look-ups, the part that found a card; 1 when there were none. */
  double hitRate() {
    long found = hits.sum();
    long all = found + misses.sum();
    return all == 0 ? 1 : (double) found / all;
  }

  long evictions() {
    return evictions.sum();
  }
}
