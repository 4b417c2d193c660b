package io.tideline.multidc.log;

import static java.util.Objects.requireNonNull;

import io.tideline.persistence.timeline.PostRef;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.Positions;
import io.tideline.protocols.UserId;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** The remembered lines of one author in the order of their arrival, as a ring that grows. */
final class AuthorLines {
  private static final int UNKNOWN_CELL = -1;
  private static final int NOWHERE = -1;
  // Fewer lines are looked through one by one.
  private static final int WORTH_AN_INDEX = 32;
  private static final int WORTH_KEEPING_IT = WORTH_AN_INDEX / 2;

  final UserId author;
  private @Nullable PostRef[] ring = new PostRef[1];
  private int head;
  // With the gaps that there are, once there is an index.
  private int size;
  // Made when a post is first looked for: those of who only publishes, in one cell, never are.
  private @Nullable ByPost index;
  // All of one partition and in the order of its log, as those of most authors are.
  private boolean inOrder = true;
  private int cell = UNKNOWN_CELL;
  private long lastSequence;
  // Most authors write in one cell only.
  private @Nullable Map<Integer, Long> lastSequenceElsewhere;

  AuthorLines(UserId author) {
    this.author = author;
  }

  synchronized void add(PostRef ref) {
    if (size == ring.length) {
      pack();
    }
    inOrder = size == 0 || (inOrder && follows(ref, ring[slot(size - 1)]));
    int slot = slot(size++);
    ring[slot] = ref;
    if (index != null) {
      index.add(slot);
    }
  }

  private static boolean follows(PostRef ref, @Nullable PostRef last) {
    return last != null && ref.offset > last.offset && ref.partition.equals(last.partition);
  }

  /** Keeps nothing but this line; answers what was there. */
  synchronized List<PostRef> replace(PostRef erased) {
    List<PostRef> before = notIn(Positions.EMPTY);
    ring = new PostRef[] {erased};
    head = 0;
    size = 1;
    index = null;
    inOrder = true;
    return before;
  }

  synchronized void sawSequence(int origin, long sequence) {
    if (cell == UNKNOWN_CELL || cell == origin) {
      cell = origin;
      lastSequence = Math.max(lastSequence, sequence);
    } else {
      if (lastSequenceElsewhere == null) {
        lastSequenceElsewhere = new HashMap<>(2);
      }
      lastSequenceElsewhere.merge(origin, sequence, Math::max);
    }
  }

  /** Forgets a line, mostly the oldest; true when none is left. */
  synchronized boolean remove(PostRef ref) {
    int slot = ref.equals(ring[head]) ? head : find(ref, ref::equals);
    if (slot == NOWHERE) {
      return size == 0;
    }
    if (index != null) {
      index.remove(slot);
    } else {
      for (; slot != head; slot = before(slot)) {
        ring[slot] = ring[before(slot)];
      }
    }
    ring[slot] = null;
    while (size > 0 && ring[head] == null) {
      head = (head + 1) % ring.length;
      size--;
      if (index != null) {
        index.gaps--;
      }
    }
    if (index != null && lines() < WORTH_KEEPING_IT) {
      pack();
    }
    return size == 0;
  }

  /** Whether a line is here that tells of the same post as much as this one, or more. */
  synchronized boolean alreadyTell(PostRef ref) {
    return find(ref, known -> known.deleted() || tellsAsMuch(known, ref)) != NOWHERE;
  }

  private static boolean tellsAsMuch(PostRef known, PostRef ref) {
    boolean asMuch = !ref.deleted() && known.version >= ref.version;
    // Where a post has arrived, a line of its own cell may tell later than another one's edit.
    return asMuch && (known.partition.equals(ref.partition) || !ref.arrivesBefore(known));
  }

  synchronized boolean isEmpty() {
    return size == 0;
  }

  /** Whether any line is here that tells of the same post. */
  synchronized boolean tellOf(PostRef ref) {
    return find(ref, known -> true) != NOWHERE;
  }

  /** Where the oldest such line about the same post is. */
  private int find(PostRef ref, Predicate<PostRef> fits) {
    if (index == null && size >= WORTH_AN_INDEX) {
      index = new ByPost();
    }
    if (index != null) {
      return index.find(ref, fits);
    }
    for (int i = 0; i < size; i++) {
      PostRef known = line(slot(i));
      if (isOfSamePost(known, ref) && fits.test(known)) {
        return slot(i);
      }
    }
    return NOWHERE;
  }

  private static boolean isOfSamePost(PostRef known, PostRef ref) {
    return known.idHi == ref.idHi && known.idLo == ref.idLo;
  }

  /** The line that says the same as this; {@code null} when none does. */
  synchronized @Nullable PostRef same(PostRef ref) {
    if (inOrder && index == null) {
      int at = firstFrom(ref.offset);
      PostRef line = at == size ? null : ring[slot(at)];
      return ref.equals(line) ? line : null;
    }
    int slot = find(ref, ref::equals);
    return slot == NOWHERE ? null : ring[slot];
  }

  /** Of lines in order and without gaps, how many lie below the offset. */
  private int firstFrom(long offset) {
    int low = 0;
    int high = size;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (line(slot(middle)).offset < offset) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  private PostRef line(int slot) {
    return requireNonNull(ring[slot]);
  }

  List<PostRef> notIn(Positions positions) {
    List<PostRef> found = new ArrayList<>(0);
    addNotIn(positions, found);
    return found;
  }

  synchronized void addNotIn(Positions positions, List<PostRef> found) {
    LogPartition partition = null;
    long next = 0;
    for (int i = inOrder ? firstNotIn(positions) : 0; i < size; i++) {
      PostRef ref = ring[slot(i)];
      if (ref == null) {
        continue;
      }
      if (!ref.partition.equals(partition)) {
        partition = ref.partition;
        next = positions.next(partition);
      }
      if (ref.offset >= next) {
        found.add(ref);
      }
    }
  }

  /** Looks from the end: mostly few are new, and each that is looked at is somewhere in memory. */
  private int firstNotIn(Positions positions) {
    int first = size;
    long next = -1;
    while (first > 0) {
      PostRef ref = ring[slot(first - 1)];
      if (ref != null) {
        if (next < 0) {
          next = positions.next(ref.partition);
        }
        if (ref.offset < next) {
          break;
        }
      }
      first--;
    }
    return first;
  }

  synchronized long lastSequence(int origin) {
    if (cell == origin) {
      return lastSequence;
    }
    return lastSequenceElsewhere == null ? 0 : lastSequenceElsewhere.getOrDefault(origin, 0L);
  }

  /** Whether the author has written in another cell than this one. */
  synchronized boolean ofSeveralCells(int origin) {
    return lastSequenceElsewhere != null || (cell != UNKNOWN_CELL && cell != origin);
  }

  private int lines() {
    return index == null ? size : size - index.gaps;
  }

  private int slot(int i) {
    return (head + i) % ring.length;
  }

  private int before(int slot) {
    return slot == 0 ? ring.length - 1 : slot - 1;
  }

  /** Makes room for more lines than there are, and closes the gaps. */
  private void pack() {
    int lines = lines();
    @Nullable PostRef[] larger = new PostRef[lines + lines / 4 + 1];
    int to = 0;
    for (int i = 0; i < size; i++) {
      PostRef ref = ring[slot(i)];
      if (ref != null) {
        larger[to++] = ref;
      }
    }
    ring = larger;
    head = 0;
    size = lines;
    index = index != null && lines >= WORTH_KEEPING_IT ? new ByPost() : null;
  }

  /**
   * The slots of the lines by post, some 8 bytes each: those whose posts have a hash in common are
   * a circle, from the oldest to the newest and on to the oldest.
   */
  private final class ByPost {
    private final int[] newest;
    private final int[] next;
    // What is removed between others leaves one, because all these slots stay what they are.
    private int gaps;

    /** Of lines without gaps. */
    ByPost() {
      newest = new int[Integer.highestOneBit(ring.length)];
      next = new int[ring.length];
      Arrays.fill(newest, NOWHERE);
      for (int i = 0; i < size; i++) {
        add(slot(i));
      }
    }

    /** Adds what is newer than all that are here. */
    void add(int slot) {
      int circle = circle(line(slot));
      int last = newest[circle];
      if (last == NOWHERE) {
        next[slot] = slot;
      } else {
        next[slot] = next[last];
        next[last] = slot;
      }
      newest[circle] = slot;
    }

    void remove(int slot) {
      int circle = circle(line(slot));
      int before = newest[circle];
      while (next[before] != slot) {
        before = next[before];
      }
      next[before] = next[slot];
      if (slot == newest[circle]) {
        newest[circle] = before == slot ? NOWHERE : before;
      }
      gaps++;
    }

    int find(PostRef ref, Predicate<PostRef> fits) {
      int last = newest[circle(ref)];
      int slot = last;
      while (slot != NOWHERE) {
        slot = next[slot];
        PostRef known = line(slot);
        if (isOfSamePost(known, ref) && fits.test(known)) {
          return slot;
        }
        if (slot == last) {
          break;
        }
      }
      return NOWHERE;
    }

    private int circle(PostRef ref) {
      int hash = ref.hashCode() * 0x9E3779B9;
      return (hash ^ hash >>> 16) & (newest.length - 1);
    }
  }
}
