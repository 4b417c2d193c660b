package io.tideline.persistence.timeline;

import io.tideline.protocols.Cursor;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.KnownRules;
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
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * An immutable sight of a timeline, safe to read from any thread.
 *
 * <p>The slots and verdicts are shared with the timeline that published it, which only ever writes
 * behind {@code to}; the view itself never changes.
 */
public final class TimelineView {
  private final PostRef[] slots;
  private final byte[] verdicts;
  private final int from;
  private final int to;
  private final PostRef[] hidden;
  private final PostRef[] elders;
  private final int eldersFrom;
  private final int eldersTo;
  private final PostId floor;
  private final Positions positions;
  private final Eligibility rules;
  private final Map<PostId, List<String>> met;
  // By original, where somebody passed it on: all that are about it, oldest first. Made when first
  // asked for; which thread makes it does not matter.
  private volatile @Nullable Map<PostId, PostRef[]> reposted;
  // Found out in the same way.
  private volatile @Nullable Boolean allArrived;

  /**
   * @param verdicts by slot, as codes
   * @param hidden candidates that are not shown, oldest first
   * @param elders with what is remembered from below the floor, oldest first
   */
  TimelineView(
      PostRef[] slots,
      byte[] verdicts,
      int from,
      int to,
      PostRef[] hidden,
      PostRef[] elders,
      int eldersFrom,
      int eldersTo,
      PostId floor,
      Positions positions,
      Eligibility rules,
      Map<PostId, List<String>> met) {
    this.slots = slots;
    this.verdicts = verdicts;
    this.from = from;
    this.to = to;
    this.hidden = hidden;
    this.elders = elders;
    this.eldersFrom = eldersFrom;
    this.eldersTo = eldersTo;
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
    return new Watermark(positions, rules.at(), floor, newest, rules.known());
  }

  /** True when posts older than the oldest entry may exist. */
  public boolean cutOff() {
    return !floor.equals(PostId.MIN);
  }

  /** The entries, oldest first. */
  List<PostRef> entries() {
    return List.of(Arrays.copyOfRange(slots, from, to));
  }

  /** The i-th newest entry; 0 is the newest. */
  public PostRef newest(int i) {
    return slots[to - 1 - i];
  }

  /**
   * What there is of the same posts under other rules.
   *
   * @param capacity how many are shown at most
   */
  TimelineView under(Eligibility other, int capacity) {
    List<PostRef> all = new ArrayList<>(eldersTo - eldersFrom + size() + hidden.length);
    all.addAll(Arrays.asList(elders).subList(eldersFrom, eldersTo));
    all.addAll(Arrays.asList(slots).subList(from, to));
    all.addAll(Arrays.asList(hidden));
    return Timeline.of(capacity, other, floor, all, met).publish(positions);
  }

  /** The rules about texts that an entry meets. */
  public List<String> met(PostRef ref) {
    return met.isEmpty() ? List.of() : met.getOrDefault(ref.id(), List.of());
  }

  /** Why an entry is here. */
  public Verdict verdict(PostRef ref) {
    return rules.judge(ref, met(ref), rules.now());
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
    return countNewSince(past(then), passed);
  }

  public int countNewSince(Past base, PassedOver passed) {
    if (passed.isNothing()) return countNewSince(base);
    int count = 0;
    for (int i = from; i < to; i++) if (isNewSince(slots[i], base, passed, true)) count++;
    return count;
  }

  /** How many entries have not been read; by its best guess, if the mark was made elsewhere. */
  public int countUnread(Watermark read) {
    return countNewSince(new Past(read, true));
  }

  private int countNewSince(Past then) {
    int newer = from(then.mark.newest());
    int count = to - newer;
    if (then.asNow) return count;
    for (int i = from(then.mark.floor()); i < newer; i++) {
      if (!then.surelyHad(slots[i], true)) count++;
    }
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
    forEachOlder(after, pastOrNow(base), (entry, why) -> page.size() < limit && page.add(entry));
    return page;
  }

  /** Takes entries one by one. */
  @FunctionalInterface
  public interface Taker {
    /** False when it takes neither this entry nor any after it. */
    boolean take(PostRef entry, Verdict why);
  }

  /** Offers the entries of such a page, however many, until the taker refuses one. */
  public void forEachOlder(@Nullable PostId after, @Nullable Past then, Taker taker) {
    int at = after == null ? to - 1 : before(slots, from, to, after);
    if (then == null || then.asNow) {
      if (then != null) {
        at = Math.min(at, Math.max(from(then.mark.newest()), from(then.mark.floor())) - 1);
      }
      while (at >= from && taker.take(slots[at], Verdict.of(verdicts[at]))) at--;
      return;
    }
    PostId floor = then.mark.floor();
    int aside = after == null ? hidden.length - 1 : before(hidden, 0, hidden.length, after);
    while (at >= from || aside >= 0) {
      boolean shown =
          aside < 0
              || (at >= from && slots[at].compareToId(hidden[aside].idHi, hidden[aside].idLo) > 0);
      PostRef ref = shown ? slots[at] : hidden[aside];
      boolean ofWalk =
          ref.isAbove(floor) ? then.perhapsHad(ref, shown) && (shown || eligible(ref)) : shown;
      if (ofWalk && !taker.take(ref, shown ? Verdict.of(verdicts[at]) : verdict(ref))) return;
      if (shown) at--;
      else aside--;
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
    return walked(before, pastOrNow(base), after, last);
  }

  public PassedOver walked(
      PassedOver before, @Nullable Past base, @Nullable PostId after, @Nullable PostId last) {
    if (base == null || base.isOfPresentRules()) return before;
    if (after != null && after.compareTo(base.mark.floor()) <= 0) return before;
    return before.and(after, last == null ? PostId.MIN : last, rules.at(), rules.cell());
  }

  /**
   * A moment to which a walk is pinned, as its next cursor has to know it: once a page was cut
   * without knowing for certain what was there, nobody can tell any more what has been returned.
   */
  public Watermark pinned(Watermark moment) {
    return past(moment).pinned();
  }

  /** Whether this view has all that the one had which the mark is of. */
  public boolean knowsRulesOf(Watermark mark) {
    KnownRules there = mark.knownRules();
    return there == null || there.cell() == rules.cell() || rules.known().covers(there);
  }

  /**
   * Which entries of a page of the walk may have been returned before, or may be once more: what
   * was perhaps there when another cell made the cursor, by rules that this one cannot tell.
   *
   * @param base {@code null} for now
   */
  public Predicate<PostRef> perhapsSeen(
      @Nullable Watermark base, PassedOver passed, boolean towardsNewer) {
    return perhapsSeen(pastOrNow(base), passed, towardsNewer);
  }

  public Predicate<PostRef> perhapsSeen(
      @Nullable Past then, PassedOver passed, boolean towardsNewer) {
    if (then == null) return ref -> false;
    PostId floor = then.mark.floor();
    if (!then.certain) return ref -> ref.isAbove(floor) && then.perhapsHad(ref, true);
    if (!towardsNewer || passed.stretches().isEmpty()) return ref -> false;
    return ref ->
        ref.isAbove(floor)
            && !passed.posts().contains(ref.id())
            && passedElsewhere(ref, passed)
            && then.perhapsHad(ref, true);
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
    Past since = past(base);
    Past then = past(until);
    List<PostRef> found = new ArrayList<>();
    List<PostId> aside = new ArrayList<>();
    int first = from(lowest);
    if (since.asNow && passed.isNothing()) first = Math.max(first, from(base.newest()));
    for (int at = first; at < to; at++) {
      PostRef ref = slots[at];
      if (isNewSince(ref, since, passed, true) && then.perhapsHad(ref, true)) found.add(ref);
    }
    int shown = found.size();
    for (int at = above(hidden, 0, hidden.length, lowest); at < hidden.length; at++) {
      PostRef ref = hidden[at];
      if (!isNewSince(ref, since, passed, false) || !then.perhapsHad(ref, false)) continue;
      if (eligible(ref)) found.add(ref);
      else aside.add(ref.id());
    }
    if (found.size() > shown) found.sort(PostRef.BY_ID);
    return new Arrived(found, aside);
  }

  /** Everything here that a walk has not returned yet, also if it is under way; oldest first. */
  List<PostRef> arrivedSince(Cursor cursor) {
    List<PostRef> found = arrived(cursor.base(), cursor.passed(), watermark(), null).shown();
    PostId after = cursor.after();
    Watermark until = cursor.until();
    if (after == null || until == null) return found;
    Past then = past(until);
    return found.stream()
        .filter(
            ref ->
                ref.isAbove(after)
                    || !then.surelyHad(ref, true)
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
  private boolean isNewSince(PostRef ref, Past base, PassedOver passed, boolean eligibleNow) {
    boolean above = ref.isAbove(base.mark.floor());
    if (above && !base.surelyHad(ref, eligibleNow)) return true;
    return !passed.isNothing() && wasPassedOver(ref, passed, above);
  }

  private boolean wasPassedOver(PostRef ref, PassedOver passed, boolean above) {
    PostId id = ref.id();
    if (passed.posts().contains(id)) return true;
    if (!above) return false;
    for (PassedOver.Stretch stretch : passed.stretches()) {
      if (!stretch.covers(id)) continue;
      for (long time : stretch.rulesAt()) {
        if (!eligible(ref, met(ref), asOf(time))) return true;
      }
    }
    return passedElsewhere(ref, passed);
  }

  /** Whether a walk went by in another cell, by rules of which nothing is known here. */
  private boolean passedElsewhere(PostRef ref, PassedOver passed) {
    for (PassedOver.Stretch stretch : passed.stretches()) {
      boolean here = stretch.cell() == rules.cell() || isOfBefore(stretch);
      if (!here && stretch.covers(ref.id())) return true;
    }
    return false;
  }

  /** Cursors of before cells were told apart have times and no cell. */
  private static boolean isOfBefore(PassedOver.Stretch stretch) {
    return stretch.cell() == 0 && !stretch.rulesAt().isEmpty();
  }

  // --- what was there ---

  /** What can be told of a moment; to be made once for all that a page asks about it. */
  public Past past(Watermark mark) {
    return new Past(mark, false);
  }

  private @Nullable Past pastOrNow(@Nullable Watermark mark) {
    return mark == null ? null : past(mark);
  }

  /** Whether everything here had arrived by its positions, as it is once logs have been read. */
  private boolean allArrived() {
    Boolean known = allArrived;
    if (known == null) {
      known =
          Stream.of(
                  Arrays.stream(slots, from, to),
                  Arrays.stream(hidden),
                  Arrays.stream(elders, eldersFrom, eldersTo))
              .flatMap(refs -> refs)
              .allMatch(this::hasArrived);
      allArrived = known;
    }
    return known;
  }

  private boolean hasArrived(PostRef ref) {
    PostRef.Former former = ref.former;
    return arrivedBy(positions, ref)
        && (former == null || hadArrived(positions, former.partition(), former.offset()));
  }

  private boolean eligible(PostRef ref) {
    return eligible(ref, met(ref), rules.now());
  }

  private boolean eligible(PostRef ref, List<String> metThen, Moment then) {
    return rules.judge(ref, metThen, then).present();
  }

  private Moment asOf(long time) {
    return time >= rules.at() ? rules.now() : new Moment(time);
  }

  /** What can be told here of the feed as it was at some moment, perhaps in another cell. */
  public final class Past {
    private final Watermark mark;
    private final Moment then;
    private final boolean byPresentRules;

    /** False when the rules of then, made in another cell, are not known here. */
    private final boolean certain;

    /** Whether the feed was then what is shown now, without what is newer than its newest. */
    private final boolean asNow;

    /**
     * @param guess true to take the best guess for certain
     */
    private Past(Watermark mark, boolean guess) {
      KnownRules known = mark.knownRules();
      // Whose rules are unknown is guessed to have had those of its time here.
      boolean own =
          known == null || known.cell() == rules.cell() || known.equals(KnownRules.UNKNOWN);
      this.mark = mark;
      this.byPresentRules = own && mark.rulesAt() >= rules.at();
      Moment thenHere = asOf(mark.rulesAt());
      // A cell that was rebuilt has learned of everything anew.
      boolean here =
          own
              && (byPresentRules
                  || known == null
                  || !known.certain()
                  || rules.recalls(known, thenHere));
      this.then = here ? thenHere : new Moment(mark.rulesAt(), known);
      this.certain =
          guess || known == null || (known.certain() && (here || rules.recalls(known, then)));
      this.asNow =
          certain
              && byPresentRules
              && mark.positions().covers(positions)
              && positions.knowsAllOf(mark.positions())
              && allArrived();
    }

    /** The moment, as the next cursor of a walk has to know it: see {@link #pinned(Watermark)}. */
    public Watermark pinned() {
      return certain ? mark : mark.uncertain();
    }

    boolean isOfPresentRules() {
      return byPresentRules || (certain && rules.areThoseOf(then));
    }

    /** True only for what the feed had, and had returned to a walk that got there. */
    boolean surelyHad(PostRef ref, boolean eligibleNow) {
      return certain && had(ref, eligibleNow);
    }

    /** False only for what the feed had not. */
    boolean perhapsHad(PostRef ref, boolean eligibleNow) {
      return certain ? had(ref, eligibleNow) : isOfThen(ref) && arrivedBy(mark.positions(), ref);
    }

    private boolean isOfThen(PostRef ref) {
      return ref.compareToId(mark.newest().hi(), mark.newest().lo()) <= 0;
    }

    /**
     * Whether an entry was in the feed: it was not newer than the newest, had arrived, was eligible
     * by the rules of then, and was no duplicate. What has been deleted since, or comes from a
     * source that is none any more, is not known here and made nothing a duplicate: another post
     * takes its place as if it had been there.
     *
     * @param eligibleNow true when that is known, as of what is shown
     */
    private boolean had(PostRef ref, boolean eligibleNow) {
      return isOfThen(ref) && wasEligible(ref, eligibleNow) && !wasDuplicate(ref);
    }

    private boolean wasEligible(PostRef ref, boolean eligibleNow) {
      if (!arrivedBy(mark.positions(), ref)) return false;
      PostRef version = ref;
      List<String> metThen = null;
      for (PostRef.Former former = ref.former; former != null; former = version.former) {
        if (hadArrived(mark.positions(), former.partition(), former.offset())) break;
        version = former.post();
        metThen = former.met();
      }
      if (metThen != null) return eligible(version, metThen, then);
      // Most are as they were, and by the same rules: what is shown needs no second look.
      return (eligibleNow && byPresentRules) || eligible(ref, met(ref), then);
    }

    /** Whether another one about the same original within a day before it was there. */
    private boolean wasDuplicate(PostRef ref) {
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
        if (near && wasEligible(other, false)) return true;
      }
      return false;
    }
  }

  private Map<PostId, PostRef[]> reposted() {
    Map<PostId, PostRef[]> known = reposted;
    if (known != null) return known;
    Map<PostId, List<PostRef>> found = new HashMap<>();
    for (int i = from; i < to; i++) addRepost(slots[i], found);
    for (PostRef ref : hidden) addRepost(ref, found);
    for (int i = eldersFrom; i < eldersTo; i++) addRepost(elders[i], found);
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
    return candidate != null ? candidate : find(elders, eldersFrom, eldersTo, id);
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
