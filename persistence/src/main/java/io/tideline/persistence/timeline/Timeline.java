package io.tideline.persistence.timeline;

import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/**
 * The materialised home feed of one user: references ordered by post id, the newest {@code
 * capacity} of them.
 *
 * <p>Entries lie oldest first in an array that only grows at its end, so that an arrival in order
 * costs one write and views share the array; an arrival out of order, a removal and a full array
 * copy it. Owned by one entity and used by its thread alone; others read {@link #publish views}.
 */
public final class Timeline {
  private static final int SMALLEST_ARRAY = 16;

  /** What a line did to the timeline. */
  public enum Change {
    NONE,
    ADDED,
    CHANGED,
    REMOVED
  }

  private final int capacity;
  private PostRef[] slots = new PostRef[SMALLEST_ARRAY];
  private int from;
  private int to;
  private PostId floor = PostId.MIN;

  public Timeline(int capacity) {
    this.capacity = capacity;
  }

  /**
   * A timeline made of what a store and a log know, whatever the order and however often a post is
   * among them: per post a delete wins over all, else the latest version; its arrival position is
   * that of its earliest line.
   *
   * @param floor posts at or below it are left out
   */
  public static Timeline of(
      int capacity, PostId floor, Collection<PostRef> refs, Predicate<PostRef> eligible) {
    Map<PostId, PostRef> merged = new HashMap<>();
    for (PostRef ref : refs) merged.merge(ref.id(), ref, PostRef::merge);
    Timeline timeline = new Timeline(capacity);
    timeline.floor = floor;
    timeline.slots =
        merged.values().stream()
            .filter(ref -> !ref.deleted() && eligible.test(ref))
            .filter(ref -> ref.compareToId(floor.hi(), floor.lo()) > 0)
            .sorted(Comparator.comparing(PostRef::id))
            .toArray(PostRef[]::new);
    timeline.to = timeline.slots.length;
    timeline.trim();
    return timeline;
  }

  public int size() {
    return to - from;
  }

  public PostId floor() {
    return floor;
  }

  /** The entries, oldest first. */
  public List<PostRef> entries() {
    return List.of(Arrays.copyOfRange(slots, from, to));
  }

  /** Applies one line of the log; what it says of a post must already be eligible. */
  public Change apply(PostRef line, Predicate<PostRef> eligible) {
    int at = search(slots, from, to, line.idHi, line.idLo);
    if (line.deleted()) {
      if (at < 0) return Change.NONE;
      remove(at);
      return Change.REMOVED;
    }
    if (at >= 0) {
      if (line.version <= slots[at].version) return Change.NONE;
      PostRef merged = slots[at].merge(line);
      slots = Arrays.copyOf(slots, slots.length);
      slots[at] = merged;
      return Change.CHANGED;
    }
    if (line.compareToId(floor.hi(), floor.lo()) <= 0 || !eligible.test(line)) return Change.NONE;
    insert(-at - 1, line);
    trim();
    return line.compareToId(floor.hi(), floor.lo()) > 0 ? Change.ADDED : Change.NONE;
  }

  /** Removes all entries that match and returns them. */
  public List<PostRef> removeIf(Predicate<PostRef> gone) {
    List<PostRef> removed = new ArrayList<>();
    List<PostRef> kept = new ArrayList<>(size());
    for (int i = from; i < to; i++) (gone.test(slots[i]) ? removed : kept).add(slots[i]);
    if (!removed.isEmpty()) {
      slots = kept.toArray(PostRef[]::new);
      from = 0;
      to = slots.length;
    }
    return removed;
  }

  /** A view of the present, true up to the given positions. */
  public TimelineView publish(Positions positions) {
    return new TimelineView(slots, from, to, floor, positions);
  }

  private void insert(int at, PostRef ref) {
    if (at == to && to < slots.length) {
      slots[to++] = ref;
      return;
    }
    int size = size();
    int room = Math.max(SMALLEST_ARRAY, Math.min(size * 2, size + capacity / 8));
    PostRef[] copy =
        new PostRef[at == to ? Math.max(room, size + 1) : Math.max(slots.length - from, size + 1)];
    System.arraycopy(slots, from, copy, 0, at - from);
    copy[at - from] = ref;
    System.arraycopy(slots, at, copy, at - from + 1, to - at);
    slots = copy;
    from = 0;
    to = size + 1;
  }

  private void remove(int at) {
    PostRef[] copy = new PostRef[Math.max(SMALLEST_ARRAY, slots.length - from)];
    System.arraycopy(slots, from, copy, 0, at - from);
    System.arraycopy(slots, at + 1, copy, at - from, to - at - 1);
    to = to - from - 1;
    from = 0;
    slots = copy;
  }

  private void trim() {
    while (size() > capacity) {
      floor = slots[from].id();
      from++;
    }
  }

  /** Binary search by id: the index, or {@code -insertionPoint - 1}. */
  static int search(PostRef[] slots, int from, int to, long idHi, long idLo) {
    int low = from;
    int high = to - 1;
    while (low <= high) {
      int middle = (low + high) >>> 1;
      int order = slots[middle].compareToId(idHi, idLo);
      if (order == 0) return middle;
      if (order < 0) low = middle + 1;
      else high = middle - 1;
    }
    return -low - 1;
  }
}
