package io.tideline.persistence.timeline;

import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * An immutable sight of a timeline, safe to read from any thread.
 *
 * <p>The slots are shared with the timeline that published it, which only ever writes behind {@code
 * to}; the view itself never changes.
 */
public final class TimelineView {
  private final PostRef[] slots;
  private final int from;
  private final int to;
  private final PostId floor;
  private final Positions positions;

  TimelineView(PostRef[] slots, int from, int to, PostId floor, Positions positions) {
    this.slots = slots;
    this.from = from;
    this.to = to;
    this.floor = floor;
    this.positions = positions;
  }

  public int size() {
    return to - from;
  }

  /** Every line below these positions is reflected in this view, and no line above them. */
  public Positions positions() {
    return positions;
  }

  /** No eligible post above this id is missing; what is at or below it is not here. */
  public PostId floor() {
    return floor;
  }

  /** True when posts older than the oldest entry may exist. */
  public boolean cutOff() {
    return !floor.equals(PostId.MIN);
  }

  /** The i-th newest entry; 0 is the newest. */
  public PostRef newest(int i) {
    return slots[to - 1 - i];
  }

  /** The same without the entries that do not match. */
  TimelineView only(Predicate<PostRef> kept) {
    PostRef[] rest = Arrays.stream(slots, from, to).filter(kept).toArray(PostRef[]::new);
    return new TimelineView(rest, 0, rest.length, floor, positions);
  }

  /** True when the post is an entry. */
  public boolean contains(PostId id) {
    int at = Timeline.search(slots, from, to, id.hi(), id.lo());
    return at >= 0;
  }

  /** How many entries are newer than the post; all of them for {@code null}. */
  public int countNewerThan(@Nullable PostId id) {
    if (id == null) return size();
    int at = Timeline.search(slots, from, to, id.hi(), id.lo());
    return at >= 0 ? to - at - 1 : to - (-at - 1);
  }

  /**
   * A page towards older entries: at most {@code limit} entries older than {@code after} that had
   * arrived by {@code base}, newest first.
   *
   * @param after where the page before ended; {@code null} for the newest
   * @param base only lines below these positions; {@code null} for all
   */
  public List<PostRef> older(@Nullable PostId after, @Nullable Positions base, int limit) {
    List<PostRef> page = new ArrayList<>(Math.min(limit, size()));
    int at = after == null ? to - 1 : indexBelow(after);
    for (; at >= from && page.size() < limit; at--) {
      PostRef ref = slots[at];
      if (base == null || arrivedBy(base, ref)) page.add(ref);
    }
    return page;
  }

  /**
   * A page of what arrived between two positions: at most {@code limit} entries newer than {@code
   * after}, oldest first.
   */
  public List<PostRef> arrived(Positions base, Positions until, @Nullable PostId after, int limit) {
    List<PostRef> page = new ArrayList<>();
    int at = after == null ? from : indexBelow(after) + 1;
    if (after != null && at < to && slots[at].compareToId(after.hi(), after.lo()) == 0) at++;
    for (; at < to && page.size() < limit; at++) {
      PostRef ref = slots[at];
      if (!arrivedBy(base, ref) && arrivedBy(until, ref)) page.add(ref);
    }
    return page;
  }

  /** Whether the entry had arrived at these positions; one from a log they do not know had. */
  public static boolean arrivedBy(Positions positions, PostRef ref) {
    return positions.contains(ref.partition, ref.offset) || !positions.knows(ref.partition);
  }

  private int indexBelow(PostId id) {
    int at = Timeline.search(slots, from, to, id.hi(), id.lo());
    return at >= 0 ? at - 1 : -at - 2;
  }
}
