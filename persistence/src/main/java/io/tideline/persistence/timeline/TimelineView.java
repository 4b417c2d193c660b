package io.tideline.persistence.timeline;

import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.Watermark;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
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
  private final Eligibility rules;
  private final Map<PostId, List<String>> met;

  TimelineView(
      PostRef[] slots,
      int from,
      int to,
      PostId floor,
      Positions positions,
      Eligibility rules,
      Map<PostId, List<String>> met) {
    this.slots = slots;
    this.from = from;
    this.to = to;
    this.floor = floor;
    this.positions = positions;
    this.rules = rules;
    this.met = met;
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

  public Eligibility rules() {
    return rules;
  }

  /** What a walk that begins with this view is pinned to. */
  public Watermark watermark() {
    PostId newest = size() == 0 ? PostId.MIN : newest(0).id();
    return new Watermark(positions, rules.at(), floor, newest);
  }

  /** True when posts older than the oldest entry may exist. */
  public boolean cutOff() {
    return !floor.equals(PostId.MIN);
  }

  /** The i-th newest entry; 0 is the newest. */
  public PostRef newest(int i) {
    return slots[to - 1 - i];
  }

  /** The same entries, as far as other rules want them too. */
  TimelineView under(Eligibility other) {
    PostRef[] left =
        Arrays.stream(slots, from, to)
            .filter(ref -> other.judge(ref, met(ref), other.at()).present())
            .toArray(PostRef[]::new);
    return new TimelineView(left, 0, left.length, floor, positions, other, met);
  }

  /** The rules about texts that an entry meets. */
  public List<String> met(PostRef ref) {
    return met.isEmpty() ? List.of() : met.getOrDefault(ref.id(), List.of());
  }

  /** Why an entry is here. */
  public Verdict verdict(PostRef ref) {
    return rules.judge(ref, met(ref), rules.at());
  }

  /** The names of the rules that warn of an entry. */
  public List<String> warnings(PostRef ref) {
    return met.isEmpty() ? List.of() : rules.warnings(met(ref));
  }

  /** True when the post is an entry. */
  public boolean contains(PostId id) {
    return Timeline.search(slots, from, to, id.hi(), id.lo()) >= 0;
  }

  /** How many entries are newer than the post; all of them for {@code null}. */
  public int countNewerThan(@Nullable PostId id) {
    return id == null ? size() : to - from(id);
  }

  /** How many entries were not there at some moment: the unread ones, or what came since. */
  public int countNewSince(Watermark then) {
    int first = from(then.newest());
    int count = to - first;
    // What lies at or below the floor of then was not spoken of.
    for (int i = from(then.floor()); i < first; i++) if (!wasThere(slots[i], then)) count++;
    return count;
  }

  /** True when there may be more of those than there are here. */
  public boolean newBeyond(Watermark then) {
    return cutOff() && then.floor().compareTo(floor) < 0;
  }

  /**
   * A page towards older entries: at most {@code limit} entries older than {@code after} that were
   * there at the base, newest first.
   *
   * @param after where the page before ended; {@code null} for the newest
   * @param base {@code null} for now
   */
  public List<PostRef> older(@Nullable PostId after, @Nullable Watermark base, int limit) {
    List<PostRef> page = new ArrayList<>(Math.min(limit, size()));
    forEachOlder(after, base, entry -> page.size() < limit && page.add(entry));
    return page;
  }

  /** Offers the entries of such a page, however many, until the taker refuses one. */
  public void forEachOlder(
      @Nullable PostId after, @Nullable Watermark base, Predicate<PostRef> taker) {
    for (int at = after == null ? to - 1 : below(after); at >= from; at--) {
      PostRef ref = slots[at];
      if ((base == null || isOfWalk(ref, base)) && !taker.test(ref)) return;
    }
  }

  /** Whether a walk towards older entries that began at the base returns the entry. */
  public boolean isOfWalk(PostRef ref, Watermark base) {
    return ref.compareToId(base.floor().hi(), base.floor().lo()) <= 0 || wasThere(ref, base);
  }

  /**
   * A page of what came between two moments: at most {@code limit} entries newer than {@code
   * after}, oldest first.
   */
  public List<PostRef> arrived(Watermark base, Watermark until, @Nullable PostId after, int limit) {
    PostId lowest = after == null || after.compareTo(base.floor()) < 0 ? base.floor() : after;
    List<PostRef> page = new ArrayList<>();
    for (int at = from(lowest); at < to && page.size() < limit; at++) {
      if (cameBetween(slots[at], base, until)) page.add(slots[at]);
    }
    return page;
  }

  /** Whether the entry was not there at the base and was there later. */
  public boolean cameBetween(PostRef ref, Watermark base, Watermark until) {
    return !wasThere(ref, base) && wasThere(ref, until);
  }

  /**
   * Whether an entry was in the feed at some moment: it was not newer than the newest, had arrived,
   * and was eligible by the rules of then. Whether it was hidden as a duplicate is not asked: then
   * another one showed the same.
   */
  public boolean wasThere(PostRef ref, Watermark then) {
    if (ref.compareToId(then.newest().hi(), then.newest().lo()) > 0) return false;
    if (!arrivedBy(then.positions(), ref)) return false;
    return then.rulesAt() >= rules.at() || rules.judge(ref, met(ref), then.rulesAt()).present();
  }

  /** Whether the entry had arrived at these positions; one from a log they do not know had. */
  public static boolean arrivedBy(Positions positions, PostRef ref) {
    return positions.contains(ref.partition, ref.offset) || !positions.knows(ref.partition);
  }

  /** The index of the first entry newer than the post. */
  private int from(PostId id) {
    int at = Timeline.search(slots, from, to, id.hi(), id.lo());
    return at >= 0 ? at + 1 : -at - 1;
  }

  private int below(PostId id) {
    int at = Timeline.search(slots, from, to, id.hi(), id.lo());
    return at >= 0 ? at - 1 : -at - 2;
  }
}
