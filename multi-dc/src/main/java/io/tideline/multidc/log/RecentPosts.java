package io.tideline.multidc.log;

import io.tideline.persistence.timeline.PostRef;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * What arrived lately, by author and by tag: a window over the end of the posts log.
 *
 * <p>Each partition has a floor; every line from there on that still counts is here. Floors rise in
 * log order, when more than the allowed number of references is held, and never above what the post
 * store has. One thread writes; any thread reads. A floor rises before anything below it is
 * forgotten: who reads first and asks {@link #reachesBack} second knows that nothing was missing.
 */
public final class RecentPosts {
  // About 100 bytes each.
  private static final int MOST_DELETED_AHEAD = 50_000;

  private final int maxReferences;
  private final ConcurrentMap<UserId, AuthorLines> linesByAuthor = new ConcurrentHashMap<>();
  private final ConcurrentMap<LogPartition, Window> windows = new ConcurrentHashMap<>();
  private final LongAdder gaps = new LongAdder();
  private final LongAdder duplicates = new LongAdder();
  private volatile int size;
  // What was deleted while nothing of it was here: it may come yet, long after the delete has been
  // forgotten. The latest ones; of the one thread that writes.
  private final Set<PostId> deletedAhead =
      Collections.newSetFromMap(
          new LinkedHashMap<>() {
            private static final long serialVersionUID = 1;

            @Override
            protected boolean removeEldestEntry(Map.Entry<PostId, Boolean> eldest) {
              return size() > MOST_DELETED_AHEAD;
            }
          });

  private static final class Window {
    final Deque<PostRef> inLogOrder = new ArrayDeque<>();
    // In log order too, so that what is forgotten is the first of its tags; each guarded by itself.
    final ConcurrentMap<String, Deque<PostRef>> linesByTag = new ConcurrentHashMap<>();
    volatile long floor;
    volatile long stored;

    Window(long floor) {
      this.floor = floor;
    }

    boolean maySpareItsOldest() {
      PostRef oldest = inLogOrder.peekFirst();
      return oldest != null && oldest.offset < stored;
    }

    void add(PostRef ref) {
      inLogOrder.add(ref);
      for (String tag : ref.facts.tags()) {
        Deque<PostRef> lines = linesByTag.computeIfAbsent(tag, key -> new ArrayDeque<>(1));
        synchronized (lines) {
          lines.add(ref);
        }
      }
    }

    PostRef removeOldest() {
      PostRef oldest = inLogOrder.removeFirst();
      floor = oldest.offset + 1;
      oldest.facts.tags().forEach(tag -> forget(oldest, tag));
      return oldest;
    }

    /** The first one of the tag, unless its author was erased or is being erased. */
    void forget(PostRef ref, String tag) {
      linesByTag.computeIfPresent(tag, (key, lines) -> without(ref, lines));
    }

    private static @Nullable Deque<PostRef> without(PostRef ref, Deque<PostRef> lines) {
      synchronized (lines) {
        lines.remove(ref);
        return lines.isEmpty() ? null : lines;
      }
    }

    void addTagged(String tag, long from, List<PostRef> found) {
      Deque<PostRef> lines = linesByTag.get(tag);
      if (lines == null) {
        return;
      }
      synchronized (lines) {
        for (PostRef ref : lines) {
          if (ref.offset >= from) {
            found.add(ref);
          }
        }
      }
    }
  }

  public RecentPosts(int maxReferences) {
    this.maxReferences = maxReferences;
  }

  /** Starts the window of a partition anew, empty, at this offset. */
  void open(LogPartition partition, long floor) {
    close(partition);
    windows.put(partition, new Window(floor));
  }

  /** Forgets a partition, for instance because its log was made anew. */
  void close(LogPartition partition) {
    Window closed = windows.remove(partition);
    if (closed != null) {
      closed.inLogOrder.forEach(this::forget);
    }
  }

  /** One instance for each author, whatever number of references there are. */
  UserId shared(UserId author) {
    AuthorLines lines = linesByAuthor.get(author);
    return lines == null ? author : lines.author;
  }

  /**
   * Remembers the next line of a partition. False when a line that is remembered already says as
   * much or more of the post: the same version, a later one, or its deletion.
   *
   * <p>When the author is erased, nothing but this is told any more of what was there.
   *
   * @param sequence the line's number among those of its author in that cell
   */
  boolean add(PostRef ref, long sequence) {
    Window window = windows.get(ref.partition);
    if (window == null) {
      throw new IllegalStateException("no window is open for " + ref.partition);
    }
    AuthorLines lines = linesByAuthor.computeIfAbsent(ref.author, AuthorLines::new);
    int cell = ref.partition.cell();
    long last = lines.lastSequence(cell);
    boolean isNew =
        sequence > last
            // Accepted again its key makes the same post, under a later number.
            && !ref.id().isImported()
            && (ref.flags & (PostRef.EDITED | PostRef.DELETED)) == 0
            && !lines.ofSeveralCells(cell);
    if (last > 0 && sequence > last + 1) {
      gaps.add(sequence - last - 1);
    }
    lines.sawSequence(cell, sequence);
    if (isDeletedAhead(ref) || (!isNew && lines.alreadyTell(ref))) {
      duplicates.increment();
      if (lines.isEmpty()) {
        linesByAuthor.remove(ref.author);
      }
      return false;
    }
    if (ref.deleted() && !ref.erased() && !lines.tellOf(ref)) {
      deletedAhead.add(ref.id());
    }
    if (ref.erased()) {
      lines.replace(ref).forEach(this::untag);
    } else {
      lines.add(ref);
    }
    window.add(ref);
    setSize(size + 1);
    return true;
  }

  private boolean isDeletedAhead(PostRef ref) {
    return !deletedAhead.isEmpty() && deletedAhead.contains(ref.id());
  }

  private void untag(PostRef ref) {
    Window window = windows.get(ref.partition);
    if (window != null) {
      ref.facts.tags().forEach(tag -> window.forget(ref, tag));
    }
  }

  /** Every line of the partition below this offset is in the post store. */
  void stored(LogPartition partition, long offset) {
    Window window = windows.get(partition);
    if (window != null) {
      window.stored = Math.max(window.stored, offset);
    }
  }

  /** As {@link io.tideline.persistence.timeline.Arrivals#stored}. */
  public Positions stored() {
    Positions all = Positions.EMPTY;
    for (Map.Entry<LogPartition, Window> each : windows.entrySet()) {
      Window window = each.getValue();
      // Floors lie below what is stored, also of a window that has not been told yet what is.
      all = all.with(each.getKey(), Math.max(window.floor, window.stored));
    }
    return all;
  }

  /**
   * Forgets what lies below an offset, as far as it is in the post store; true once all of it is.
   */
  boolean forgetBelow(LogPartition partition, long offset) {
    Window window = windows.get(partition);
    if (window == null || window.floor >= offset) {
      return true;
    }
    long below = Math.min(offset, window.stored);
    for (PostRef oldest = window.inLogOrder.peekFirst();
        oldest != null && oldest.offset < below;
        oldest = window.inLogOrder.peekFirst()) {
      evictOldest(window);
    }
    window.floor = Math.max(window.floor, below);
    return window.floor >= offset;
  }

  /** Forgets what is too much, from the fullest partition first. */
  void evict() {
    while (size > maxReferences) {
      Window fullest = null;
      for (Window window : windows.values()) {
        if (window.maySpareItsOldest()
            && (fullest == null || window.inLogOrder.size() > fullest.inLogOrder.size())) {
          fullest = window;
        }
      }
      if (fullest == null) {
        return;
      }
      evictOldest(fullest);
    }
  }

  private void evictOldest(Window window) {
    forget(window.removeOldest());
  }

  private void forget(PostRef ref) {
    AuthorLines lines = linesByAuthor.get(ref.author);
    if (lines != null && lines.remove(ref)) {
      linesByAuthor.remove(ref.author);
    }
    setSize(size - 1);
  }

  private void setSize(int references) {
    size = references;
  }

  /** True when nothing more fits until the post store has caught up. */
  boolean full() {
    return size >= 2L * maxReferences;
  }

  /** True when what is left is kept for the own cell's log, until the post store has caught up. */
  boolean fullForCopies() {
    return 2L * size >= 3L * maxReferences;
  }

  /** As {@link io.tideline.persistence.timeline.Arrivals#reachesBack}. */
  public boolean reachesBack(Positions from) {
    if (windows.isEmpty() || !from.partitions().containsAll(windows.keySet())) {
      return false;
    }
    return windows.entrySet().stream()
        .allMatch(window -> from.next(window.getKey()) >= window.getValue().floor);
  }

  /** As {@link io.tideline.persistence.timeline.Arrivals#recent(UserId, Positions)}. */
  public List<PostRef> recent(UserId author, Positions after) {
    AuthorLines lines = linesByAuthor.get(author);
    return lines == null ? List.of() : lines.notIn(after);
  }

  /** As {@link io.tideline.persistence.timeline.Arrivals#recent(Set, Positions)}. */
  public List<PostRef> recent(Set<UserId> authors, Positions after) {
    // All are looked up before any is read: see Interest.
    List<AuthorLines> all = new ArrayList<>(authors.size());
    for (UserId author : authors) {
      AuthorLines lines = linesByAuthor.get(author);
      if (lines != null) {
        all.add(lines);
      }
    }
    List<PostRef> found = new ArrayList<>();
    for (AuthorLines lines : all) {
      lines.addNotIn(after, found);
    }
    return found;
  }

  /** As {@link io.tideline.persistence.timeline.Arrivals#remembered}. */
  public PostRef remembered(PostRef ref) {
    AuthorLines lines = linesByAuthor.get(ref.author);
    PostRef same = lines == null ? null : lines.same(ref);
    return same == null ? ref : same;
  }

  /** As {@link io.tideline.persistence.timeline.Arrivals#recentWithTag}. */
  public List<PostRef> recentWithTag(String tag, Positions after) {
    List<PostRef> found = new ArrayList<>();
    windows.forEach((partition, window) -> window.addTagged(tag, after.next(partition), found));
    return found;
  }

  /**
   * The highest number among the author's lines of that cell; 0 when none is remembered, which says
   * nothing about older ones.
   */
  public long lastSequence(UserId author, int cell) {
    AuthorLines lines = linesByAuthor.get(author);
    return lines == null ? 0 : lines.lastSequence(cell);
  }

  /** Every line at or above it is remembered; -1 for a partition that is not. */
  public long floor(LogPartition partition) {
    Window window = windows.get(partition);
    return window == null ? -1 : window.floor;
  }

  public int size() {
    return size;
  }

  public int authors() {
    return linesByAuthor.size();
  }

  /** How many numbers were left out in authors' lines. */
  public long gaps() {
    return gaps.sum();
  }

  /** How many lines said nothing new. */
  public long duplicates() {
    return duplicates.sum();
  }
}
