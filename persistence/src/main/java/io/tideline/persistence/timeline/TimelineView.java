package io.tideline.persistence.timeline;

import io.tideline.protocols.Cursor;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.PassedOver;
import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.Watermark;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
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
  private final PostRef[] hidden;
  private final PostRef[] elders;
  private final PostId floor;
  private final Positions positions;
  private final Eligibility rules;
  private final Map<PostId, List<String>> met;
  // By original, where somebody passed it on: all that are about it, oldest first. Made when first
  // asked for; which thread makes it does not matter.
  private volatile @Nullable Map<PostId, PostRef[]> reposted;

  /**
   * @param hidden candidates that are not shown, oldest first
   * @param elders what is remembered from below the floor, oldest first
   */
  TimelineView(
      PostRef[] slots,
      int from,
      int to,
      PostRef[] hidden,
      PostRef[] elders,
      PostId floor,
      Positions positions,
      Eligibility rules,
      Map<PostId, List<String>> met) {
    this.slots = slots;
    this.from = from;
    this.to = to;
    this.hidden = hidden;
    this.elders = elders;
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

  /** What there is of the same posts under other rules. */
  TimelineView under(Eligibility other) {
    List<PostRef> all = new ArrayList<>(elders.length + size() + hidden.length);
    all.addAll(Arrays.asList(elders));
    all.addAll(Arrays.asList(slots).subList(from, to));
    all.addAll(Arrays.asList(hidden));
    return Timeline.of(all.size() + 1, other, floor, all, met).publish(positions);
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

  /**
   * How many entries are not known to have been returned: of those above its floor, the ones that
   * were not there at some moment, and what a walk to it has passed over.
   */
  public int countNewSince(Watermark then, PassedOver passed) {
    int newer = from(then.newest());
    if (!passed.isNothing()) {
      int count = 0;
      for (int i = from; i < to; i++) if (isNewSince(slots[i], then, passed, true)) count++;
      return count;
    }
    int count = to - newer;
    for (int i = from(then.floor()); i < newer; i++) if (!wasThere(slots[i], then, true)) count++;
    return count;
  }

  /** True when there may be more of those than there are here. */
  public boolean newBeyond(Watermark then, PassedOver passed) {
    return cutOff() && lowest(then, passed).compareTo(floor) < 0;
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
    int at = after == null ? to - 1 : before(slots, from, to, after);
    if (base == null) {
      while (at >= from && taker.test(slots[at])) at--;
      return;
    }
    int aside = after == null ? hidden.length - 1 : before(hidden, 0, hidden.length, after);
    while (at >= from || aside >= 0) {
      boolean shown =
          aside < 0
              || (at >= from && slots[at].compareToId(hidden[aside].idHi, hidden[aside].idLo) > 0);
      PostRef ref = shown ? slots[at--] : hidden[aside--];
      boolean ofWalk =
          isAbove(ref, base.floor())
              ? wasThere(ref, base, shown) && (shown || eligible(ref, met(ref), rules.at()))
              : shown;
      if (ofWalk && !taker.test(ref)) return;
    }
  }

  /**
   * What a walk towards older entries may have passed over, a page from here included: what the
   * rules hide now and did not at the base.
   *
   * @param base {@code null} for now
   * @param after where the page began; {@code null} for the newest
   * @param last its last entry; {@code null} when there are none beyond
   */
  public PassedOver walked(
      PassedOver before, @Nullable Watermark base, @Nullable PostId after, @Nullable PostId last) {
    if (base == null || rules.at() <= base.rulesAt()) return before;
    if (after != null && after.compareTo(base.floor()) <= 0) return before;
    return before.and(after, last == null ? PostId.MIN : last, rules.at());
  }

  /**
   * Entries that came between two moments, or were passed over by a walk to the first.
   *
   * @param hidden those that are not shown just now
   */
  public record Arrived(List<PostRef> shown, List<PostId> hidden) {
    public static final Arrived NOTHING = new Arrived(List.of(), List.of());
  }

  /** What a page towards newer entries is made of: those newer than {@code after}, oldest first. */
  public Arrived arrived(
      Watermark base, PassedOver passed, Watermark until, @Nullable PostId after) {
    PostId lowest = lowest(base, passed);
    if (after != null && after.compareTo(lowest) > 0) lowest = after;
    List<PostRef> found = new ArrayList<>();
    List<PostId> aside = new ArrayList<>();
    for (int at = from(lowest); at < to; at++) {
      PostRef ref = slots[at];
      if (isNewSince(ref, base, passed, true) && wasThere(ref, until, true)) found.add(ref);
    }
    int shown = found.size();
    for (int at = above(hidden, 0, hidden.length, lowest); at < hidden.length; at++) {
      PostRef ref = hidden[at];
      if (!isNewSince(ref, base, passed, false) || !wasThere(ref, until, false)) continue;
      if (eligible(ref, met(ref), rules.at())) found.add(ref);
      else aside.add(ref.id());
    }
    if (found.size() > shown) found.sort((a, b) -> a.compareToId(b.idHi, b.idLo));
    return new Arrived(found, aside);
  }

  /** Everything here that a walk has not returned yet, also if it is under way; oldest first. */
  List<PostRef> arrivedSince(Cursor cursor) {
    List<PostRef> found = arrived(cursor.base(), cursor.passed(), watermark(), null).shown();
    PostId after = cursor.after();
    Watermark until = cursor.until();
    if (after == null || until == null) return found;
    return found.stream()
        .filter(
            ref ->
                isAbove(ref, after)
                    || !wasThere(ref, until, true)
                    || cursor.owed().contains(ref.id()))
        .toList();
  }

  /** Nothing at or below it is new since the base. */
  static PostId lowest(Watermark base, PassedOver passed) {
    PostId lowest = base.floor();
    for (PostId post : passed.posts()) {
      if (post.compareTo(lowest) <= 0) lowest = LiveTimeline.below(post);
    }
    return lowest;
  }

  /** Whether it was not there at the base, or a walk to the base went by while it was hidden. */
  private boolean isNewSince(PostRef ref, Watermark base, PassedOver passed, boolean eligibleNow) {
    boolean above = isAbove(ref, base.floor());
    if (above && !wasThere(ref, base, eligibleNow)) return true;
    return !passed.isNothing() && wasPassedOver(ref, passed, above);
  }

  private boolean wasPassedOver(PostRef ref, PassedOver passed, boolean above) {
    PostId id = ref.id();
    if (passed.posts().contains(id)) return true;
    if (!above) return false;
    for (PassedOver.Stretch stretch : passed.stretches()) {
      if (!stretch.covers(id)) continue;
      for (long time : stretch.rulesAt()) if (!eligible(ref, met(ref), time)) return true;
    }
    return false;
  }

  private static boolean isAbove(PostRef ref, PostId floor) {
    return ref.compareToId(floor.hi(), floor.lo()) > 0;
  }

  // --- what was there ---

  /**
   * Whether an entry was in the feed at some moment: it was not newer than the newest, had arrived,
   * was eligible by the rules of then, and was no duplicate. What has been deleted since, or comes
   * from a source that is none any more, is not known here and made nothing a duplicate: another
   * post takes its place as if it had been there.
   *
   * @param eligibleNow true when that is known, as of what is shown
   */
  private boolean wasThere(PostRef ref, Watermark then, boolean eligibleNow) {
    return ref.compareToId(then.newest().hi(), then.newest().lo()) <= 0
        && wasEligible(ref, then, eligibleNow)
        && !wasDuplicate(ref, then);
  }

  private boolean wasEligible(PostRef ref, Watermark then, boolean eligibleNow) {
    if (!arrivedBy(then.positions(), ref)) return false;
    PostRef version = ref;
    List<String> metThen = null;
    for (PostRef.Former former = ref.former; former != null; former = version.former) {
      if (hadArrived(then.positions(), former.partition(), former.offset())) break;
      version = former.post();
      metThen = former.met();
    }
    if (metThen != null) return eligible(version, metThen, then.rulesAt());
    // Most are as they were, and by the same rules: what is shown needs no second look.
    return (eligibleNow && then.rulesAt() >= rules.at()) || eligible(ref, met(ref), then.rulesAt());
  }

  private boolean eligible(PostRef ref, List<String> metThen, long time) {
    return rules.judge(ref, metThen, Math.min(time, rules.at())).present();
  }

  /** Whether another one about the same original within a day before it was there. */
  private boolean wasDuplicate(PostRef ref, Watermark then) {
    Map<PostId, PostRef[]> all = reposted();
    if (all.isEmpty()) return false;
    PostId original = ref.facts.original();
    PostRef[] members = all.get(original == null ? ref.id() : original);
    if (members == null) return false;
    for (PostRef other : members) {
      if (other.compareToId(ref.idHi, ref.idLo) >= 0) return false;
      boolean near =
          HybridClock.millisOf(ref.idHi) - HybridClock.millisOf(other.idHi)
              <= Timeline.DUPLICATE_MILLIS;
      if (near && wasEligible(other, then, false)) return true;
    }
    return false;
  }

  private Map<PostId, PostRef[]> reposted() {
    Map<PostId, PostRef[]> known = reposted;
    if (known != null) return known;
    Map<PostId, List<PostRef>> found = new HashMap<>();
    for (int i = from; i < to; i++) addRepost(slots[i], found);
    for (PostRef ref : hidden) addRepost(ref, found);
    for (PostRef ref : elders) addRepost(ref, found);
    Map<PostId, PostRef[]> all = new HashMap<>();
    found.forEach(
        (original, members) -> {
          PostRef first = find(original);
          if (first != null) members.add(first);
          members.sort((a, b) -> a.compareToId(b.idHi, b.idLo));
          all.put(original, members.toArray(PostRef[]::new));
        });
    reposted = all;
    return all;
  }

  private static void addRepost(PostRef ref, Map<PostId, List<PostRef>> found) {
    PostId original = ref.facts.original();
    if (original != null) found.computeIfAbsent(original, id -> new ArrayList<>(2)).add(ref);
  }

  private @Nullable PostRef find(PostId id) {
    PostRef shown = find(slots, from, to, id);
    if (shown != null) return shown;
    PostRef candidate = find(hidden, 0, hidden.length, id);
    return candidate != null ? candidate : find(elders, 0, elders.length, id);
  }

  private static @Nullable PostRef find(PostRef[] refs, int from, int to, PostId id) {
    int at = Timeline.search(refs, from, to, id.hi(), id.lo());
    return at >= 0 ? refs[at] : null;
  }

  /** Whether the entry had arrived at these positions; one from a log they do not know had. */
  public static boolean arrivedBy(Positions positions, PostRef ref) {
    return hadArrived(positions, ref.partition, ref.offset);
  }

  private static boolean hadArrived(Positions positions, LogPartition partition, long offset) {
    return positions.contains(partition, offset) || !positions.knows(partition);
  }

  /** The index of the first entry newer than the post. */
  private int from(PostId id) {
    return above(slots, from, to, id);
  }

  private static int above(PostRef[] refs, int from, int to, PostId id) {
    int at = Timeline.search(refs, from, to, id.hi(), id.lo());
    return at >= 0 ? at + 1 : -at - 1;
  }

  /** The index of the last one older than the post. */
  private static int before(PostRef[] refs, int from, int to, PostId id) {
    int at = Timeline.search(refs, from, to, id.hi(), id.lo());
    return at >= 0 ? at - 1 : -at - 2;
  }
}
