package io.tideline.persistence.posts;

import io.tideline.persistence.posts.CardCache.Card;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.protocols.PostId;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Cards by post, within a bound of bytes. What has to go is chosen by CLOCK (F. J. Corbató, "A
 * Paging Experiment with the Multics System", 1968): the oldest, but who was asked for since it was
 * last looked at has another round.
 *
 * <p>It is no map of a library because a page looks up twenty: the halves of the id are in the slot
 * and the slots are chained themselves, so that a look-up makes no object, meets no lock, and reads
 * little more memory than the card. There are as many chains as make sense for the bound; they are
 * never rearranged, only added to in front and unlinked from, which readers need not notice.
 *
 * <p>All methods may be called by any thread. While several threads put at once the bound may be
 * passed by what they put.
 */
final class CardTable {
  /** What an entry costs besides its bytes: slot, card, their headers, its place in the queue. */
  private static final long ENTRY_BYTES = 150;

  /** About the least that a card with a text takes. */
  private static final long BYTES_PER_CHAIN = 256;

  private static final int LOCKS = 64;

  private static final class Slot {
    final long idHi;
    final long idLo;
    volatile Card card;
    // Those of the card, a step less to go for a page.
    volatile byte[] bytes;
    volatile @Nullable Slot next;
    boolean asked;

    Slot(PostId id, Card card, @Nullable Slot next) {
      this.idHi = id.hi();
      this.idLo = id.lo();
      this.card = card;
      this.bytes = card.bytes();
      this.next = next;
    }

    void set(Card later) {
      card = later;
      bytes = later.bytes();
    }
  }

  private final long maximumBytes;
  private final AtomicReferenceArray<@Nullable Slot> chains;
  private final Object[] locks = IntStream.range(0, LOCKS).mapToObj(lock -> new Object()).toArray();
  private final Queue<Slot> rounds = new ConcurrentLinkedQueue<>();
  private final ReentrantLock evicting = new ReentrantLock();
  private final AtomicLong bytes = new AtomicLong();
  private final AtomicLong entries = new AtomicLong();
  private final LongAdder hits = new LongAdder();
  private final LongAdder misses = new LongAdder();
  private final LongAdder evictions = new LongAdder();

  CardTable(long maximumBytes) {
    this.maximumBytes = maximumBytes;
    long sensible = Math.min(maximumBytes / BYTES_PER_CHAIN, 1 << 26);
    this.chains = new AtomicReferenceArray<>((int) Math.max(LOCKS, Long.highestOneBit(sensible)));
  }

  /** The card if it is here; keeps it for another round, and counts. */
  @Nullable Card get(PostId id) {
    Slot slot = find(id.hi(), id.lo());
    if (slot == null) {
      misses.increment();
      return null;
    }
    hits.increment();
    return ask(slot).card;
  }

  /**
   * The bytes of many, in their order; {@code null}, and nothing counts, when one is missing. Each
   * step is taken for all of them before the next one, so that the processor waits for memory a few
   * times and not for every card.
   */
  byte @Nullable [][] getAll(List<PostRef> posts) {
    int count = posts.size();
    @Nullable Slot[] slots = new Slot[count];
    for (int i = 0; i < count; i++) {
      PostRef post = posts.get(i);
      slots[i] = chains.get(chainOf(post.idHi, post.idLo));
    }
    byte[][] found = new byte[count][];
    for (int i = 0; i < count; i++) {
      PostRef post = posts.get(i);
      Slot slot = find(slots[i], post.idHi, post.idLo);
      if (slot == null) return null;
      found[i] = ask(slot).bytes;
    }
    hits.add(count);
    return found;
  }

  /** The card without a trace. */
  @Nullable Card peek(PostId id) {
    Slot slot = find(id.hi(), id.lo());
    return slot == null ? null : slot.card;
  }

  private static Slot ask(Slot slot) {
    if (!slot.asked) slot.asked = true;
    return slot;
  }

  private @Nullable Slot find(long idHi, long idLo) {
    return find(chains.get(chainOf(idHi, idLo)), idHi, idLo);
  }

  private static @Nullable Slot find(@Nullable Slot chain, long idHi, long idLo) {
    Slot slot = chain;
    while (slot != null && (slot.idLo != idLo || slot.idHi != idHi)) slot = slot.next;
    return slot;
  }

  private int chainOf(long idHi, long idLo) {
    // Fibonacci hashing (D. E. Knuth, "The Art of Computer Programming", volume 3, 6.4).
    long hash = (idHi ^ Long.rotateLeft(idLo, 32)) * 0x9E3779B97F4A7C15L;
    return (int) (hash >>> 32) & (chains.length() - 1);
  }

  private Object lockOf(int chain) {
    return locks[chain & (LOCKS - 1)];
  }

  /** Puts the card that wins over the one that is here, and returns it. */
  Card merge(PostId id, Card card) {
    int chain = chainOf(id.hi(), id.lo());
    Card merged = card;
    synchronized (lockOf(chain)) {
      Slot known = find(id.hi(), id.lo());
      if (known == null) {
        Slot slot = new Slot(id, card, chains.get(chain));
        chains.set(chain, slot);
        entries.incrementAndGet();
        bytes.addAndGet(weight(card));
        rounds.add(slot);
      } else {
        merged = known.card.or(card);
        bytes.addAndGet(weight(merged) - weight(known.card));
        known.set(merged);
      }
    }
    if (bytes.get() > maximumBytes) evict();
    return merged;
  }

  /** Looks at all there is. */
  void remove(PostId id) {
    Slot slot = find(id.hi(), id.lo());
    if (slot == null) return;
    rounds.remove(slot);
    remove(slot);
  }

  /** Removes what fits; looks at all there is, and waits for an eviction that is under way. */
  void removeIf(Predicate<Card> unwanted) {
    evicting.lock();
    try {
      rounds.removeIf(
          slot -> {
            boolean goes = unwanted.test(slot.card);
            if (goes) remove(slot);
            return goes;
          });
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
        } else {
          remove(slot);
          evictions.increment();
        }
      }
    } finally {
      evicting.unlock();
    }
  }

  /** Who stands at the slot meanwhile still finds the way on from it. */
  private void remove(Slot slot) {
    int chain = chainOf(slot.idHi, slot.idLo);
    synchronized (lockOf(chain)) {
      Slot before = null;
      for (Slot here = chains.get(chain); here != slot; here = here.next) {
        if (here == null) return;
        before = here;
      }
      if (before == null) chains.set(chain, slot.next);
      else before.next = slot.next;
      entries.decrementAndGet();
      bytes.addAndGet(-weight(slot.card));
    }
  }

  private static long weight(Card card) {
    return ENTRY_BYTES + card.bytes().length;
  }

  long bytes() {
    return bytes.get();
  }

  long size() {
    return entries.get();
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
