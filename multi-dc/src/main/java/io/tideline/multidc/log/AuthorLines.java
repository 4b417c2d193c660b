package io.tideline.multidc.log;

import static java.util.Objects.requireNonNull;

import io.tideline.persistence.timeline.PostRef;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.Positions;
import io.tideline.protocols.UserId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The remembered lines of one author in the order of their arrival, as a ring that grows. */
final class AuthorLines {
  private static final int UNKNOWN_CELL = -1;

  final UserId author;
  private @Nullable PostRef[] ring = new PostRef[1];
  private int head;
  private int size;
  private int cell = UNKNOWN_CELL;
  private long lastSequence;
  // Most authors write in one cell only.
  private @Nullable Map<Integer, Long> lastSequenceElsewhere;

  AuthorLines(UserId author) {
    this.author = author;
  }

  synchronized void add(PostRef ref) {
    if (size == ring.length) {
      grow();
    }
    size++;
    set(size - 1, ref);
  }

  /** Keeps nothing but this line; answers what was there. */
  synchronized List<PostRef> replace(PostRef erased) {
    List<PostRef> before = notIn(Positions.EMPTY);
    ring = new PostRef[] {erased};
    head = 0;
    size = 1;
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
    int index = 0;
    while (index < size && !get(index).equals(ref)) {
      index++;
    }
    if (index < size) {
      for (int i = index; i > 0; i--) {
        set(i, get(i - 1));
      }
      ring[head] = null;
      head = (head + 1) % ring.length;
      size--;
    }
    return size == 0;
  }

  /** Whether a line is here that tells of the same post as much as this one, or more. */
  synchronized boolean alreadyTell(PostRef ref) {
    for (int i = size - 1; i >= 0; i--) {
      PostRef known = get(i);
      if (known.idHi == ref.idHi && known.idLo == ref.idLo) {
        if (known.deleted()) {
          return true;
        }
        boolean asMuch = !ref.deleted() && known.version >= ref.version;
        // Where a post has arrived, a line of its own cell may tell later than another one's edit.
        if (asMuch && (known.partition.equals(ref.partition) || !ref.arrivesBefore(known))) {
          return true;
        }
      }
    }
    return false;
  }

  synchronized boolean isEmpty() {
    return size == 0;
  }

  /** Whether any line is here that tells of the same post. */
  synchronized boolean tellOf(PostRef ref) {
    for (int i = 0; i < size; i++) {
      PostRef known = get(i);
      if (known.idHi == ref.idHi && known.idLo == ref.idLo) {
        return true;
      }
    }
    return false;
  }

  synchronized List<PostRef> notIn(Positions positions) {
    List<PostRef> found = List.of();
    LogPartition partition = null;
    long next = 0;
    for (int i = 0; i < size; i++) {
      PostRef ref = get(i);
      if (!ref.partition.equals(partition)) {
        partition = ref.partition;
        next = positions.next(partition);
      }
      if (ref.offset >= next) {
        if (found.isEmpty()) {
          found = new ArrayList<>(size - i);
        }
        found.add(ref);
      }
    }
    return found;
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

  private PostRef get(int index) {
    return requireNonNull(ring[(head + index) % ring.length]);
  }

  private void set(int index, PostRef ref) {
    ring[(head + index) % ring.length] = ref;
  }

  private void grow() {
    @Nullable PostRef[] larger = new PostRef[ring.length + ring.length / 4 + 1];
    for (int i = 0; i < size; i++) {
      larger[i] = get(i);
    }
    ring = larger;
    head = 0;
  }
}
