package io.tideline.persistence.timeline;

import static java.util.Objects.requireNonNull;

import io.tideline.persistence.timeline.FeedWatcher.Change;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * One materialised feed of one user: references ordered by post id, the newest {@code capacity} of
 * those that are shown, and with them what its sources have brought but its rules hide, so that a
 * change of the rules needs nothing but a second look.
 *
 * <p>Of several eligible posts about one original, the original among them, one within a day after
 * the one before it is a duplicate and hidden. That looks at ids only; for its sake what has sunk
 * below the floor is remembered for another day of posts.
 *
 * <p>Shown entries lie oldest first in an array that only grows at its end, so that an arrival in
 * order costs one write and views share the array; an arrival out of order, a removal and a full
 * array copy it. Owned by one entity and used by its thread alone; others read {@link #publish
 * views}.
 */
public final class Timeline {
  /** How many candidates there may be for each entry that there may be. */
  static final int CANDIDATES_PER_ENTRY = 4;

  private static final int SMALLEST_ARRAY = 16;
  private static final PostRef[] NOTHING = {};
  static final long DUPLICATE_MILLIS = Duration.ofHours(24).toMillis();

  /** What a line did to the timeline. */
  public enum Event {
    ADDED,
    CHANGED,
    REMOVED
  }

  private final int capacity;
  private final Eligibility rules;
  private final boolean plain;
  private PostRef[] slots = new PostRef[SMALLEST_ARRAY];
  // Why each is here, as codes: to judge it costs more than all else that a page does with it.
  private byte[] verdicts = new byte[SMALLEST_ARRAY];
  private int from;
  private int to;
  private PostId floor;

  private final TreeMap<PostId, PostRef> hidden = new TreeMap<>();
  // The same as views have it; null = has changed.
  private PostRef @Nullable [] hiddenSlots = NOTHING;
  // By original: the eligible posts about it, as soon as a repost is among them.
  private final Map<PostId, TreeSet<PostId>> groups = new HashMap<>();
  // Up to a day below the floor, oldest first: what is above may be a duplicate of them. Grows at
  // its
  // end only, as the slots do.
  private PostRef[] elders = NOTHING;
  private int eldersFrom;
  private int eldersTo;
  // By post, where there are any: ids of the rules about texts that it meets. Replaced, not
  // changed.
  private Map<PostId, List<String>> met;

  public Timeline(int capacity, Eligibility rules) {
    this(capacity, rules, PostId.MIN, Map.of());
  }

  private Timeline(int capacity, Eligibility rules, PostId floor, Map<PostId, List<String>> met) {
    this.capacity = capacity;
    this.rules = rules;
    this.plain = !rules.readsTexts() && rules.sources().tags().isEmpty();
    this.floor = floor;
    this.met = met;
  }

  /**
   * A timeline made of what a store and a log know, whatever the order and however often a post is
   * among them: per post a delete wins over all, else the latest version; its arrival position is
   * that of its earliest line; of an author who was erased there is nothing.
   *
   * @param floor posts at or below it are left out
   * @param met by post, the rules about texts that it meets
   */
  public static Timeline of(
      int capacity,
      Eligibility rules,
      PostId floor,
      Collection<PostRef> refs,
      Map<PostId, List<String>> met) {
    List<PostRef> merged = merged(refs);
    Map<PostId, List<String>> needed = new HashMap<>();
    if (!met.isEmpty()) {
      for (PostRef ref : merged) {
        List<String> rulesMet = met.getOrDefault(ref.id(), List.of());
        if (!rulesMet.isEmpty()) needed.put(ref.id(), rulesMet);
      }
    }
    Timeline timeline = new Timeline(capacity, rules, floor, Map.copyOf(needed));
    Sources sources = rules.sources();
    merged.removeIf(ref -> ref.deleted() || !sources.contain(ref));
    int above = 0;
    while (above < merged.size() && !merged.get(above).isAbove(floor)) {
      above++;
    }
    timeline.sinkAll(merged.subList(0, above));
    List<Change> ignored = new ArrayList<>();
    for (PostRef ref : merged.subList(above, merged.size())) timeline.set(null, ref, ignored);
    timeline.trim(ignored);
    return timeline;
  }

  /** One reference for each post, oldest first, and none of authors who are erased. */
  private static List<PostRef> merged(Collection<PostRef> refs) {
    Set<UserId> erased = new HashSet<>();
    for (PostRef ref : refs) if (ref.erased()) erased.add(ref.author);
    List<PostRef> sorted = new ArrayList<>(refs);
    if (!erased.isEmpty()) sorted.removeIf(ref -> erased.contains(ref.author));
    // Lines of one post stay in the order in which they came.
    sorted.sort(PostRef.BY_ID);
    List<PostRef> merged = new ArrayList<>(sorted.size());
    for (PostRef ref : sorted) {
      int last = merged.size() - 1;
      if (last < 0 || PostRef.BY_ID.compare(merged.get(last), ref) != 0) merged.add(ref);
      else merged.set(last, merged.get(last).merge(ref));
    }
    return merged;
  }

  /** How many entries are shown. */
  public int size() {
    return to - from;
  }

  public PostId floor() {
    return floor;
  }

  public Eligibility rules() {
    return rules;
  }

  /** Whether a line of an author who is a source is all that has to be known of it. */
  boolean plain() {
    return plain;
  }

  /** The entries that are shown, oldest first. */
  public List<PostRef> entries() {
    return List.of(Arrays.copyOfRange(slots, from, to));
  }

  /** Shown or not, oldest first. */
  public List<PostRef> candidates() {
    if (hidden.isEmpty()) return entries();
    TreeMap<PostId, PostRef> all = new TreeMap<>(hidden);
    for (int i = from; i < to; i++) all.put(slots[i].id(), slots[i]);
    return List.copyOf(all.values());
  }

  /** Candidates, and what is remembered below the floor; oldest first. */
  public List<PostRef> remembered() {
    if (eldersFrom == eldersTo) return candidates();
    List<PostRef> all = new ArrayList<>(Arrays.asList(elders).subList(eldersFrom, eldersTo));
    all.addAll(candidates());
    return all;
  }

  /** The same posts under other rules. */
  public Timeline under(Eligibility other) {
    return of(capacity, other, floor, remembered(), met);
  }

  /** The same posts, once it is known of some which rules about texts they meet. */
  public Timeline meeting(Map<PostId, List<String>> known) {
    if (known.isEmpty()) return this;
    Map<PostId, List<String>> all = new HashMap<>(met);
    all.putAll(known);
    return of(capacity, rules, floor, remembered(), all);
  }

  /** The post, shown or not. */
  public @Nullable PostRef find(PostId id) {
    int at = search(slots, from, to, id.hi(), id.lo());
    return at >= 0 ? slots[at] : hidden.get(id);
  }

  /** Whether a line that publishes or edits a post can change anything here. */
  boolean concerns(PostRef line) {
    return rules.sources().contain(line)
        || find(line.id()) != null
        || (eldersFrom < eldersTo && elder(line.id()) != null);
  }

  /** The rules about texts that a candidate meets. */
  public List<String> met(PostId id) {
    return met.isEmpty() ? List.of() : met.getOrDefault(id, List.of());
  }

  /** The entry because of which an eligible post is not shown. */
  public @Nullable PostId duplicateOf(PostRef ref) {
    PostId group = groupOf(ref);
    return group == null ? null : older(group, ref.id());
  }

  /** How many eligible candidates are hidden because they are duplicates. */
  public int duplicates() {
    return (int) hidden.values().stream().filter(this::eligible).count();
  }

  /**
   * Applies one line of the log of one of the sources.
   *
   * <p>A new post at or below the floor is in the feed, though not here: that it was added is said
   * all the same, each time that it comes.
   *
   * @param metNow the rules about texts that the post meets
   * @param changes takes what it did
   */
  public void apply(PostRef line, List<String> metNow, List<Change> changes) {
    int first = changes.size();
    applyAndTrim(line, metNow, changes);
    for (int i = changes.size() - 1; i >= first; i--) {
      Change change = changes.get(i);
      boolean sank = change.what() == Event.ADDED && !change.post().isAbove(floor);
      if (sank && !change.post().isOf(line.id())) changes.remove(i);
    }
  }

  private void applyAndTrim(PostRef line, List<String> metNow, List<Change> changes) {
    if (line.erased()) {
      for (PostRef post : candidates()) {
        if (post.author.equals(line.author)) set(post, null, changes);
      }
      for (PostRef elder : Arrays.copyOfRange(elders, eldersFrom, eldersTo)) {
        if (elder.author.equals(line.author)) setElder(elder, null, changes);
      }
      trim(changes);
      return;
    }
    PostRef known = known(line);
    if (known == null && applyToElder(line, metNow, changes)) return;
    if (line.deleted()) {
      if (known != null) remove(known, changes);
      return;
    }
    if (known == null) {
      if (!rules.sources().contain(line)) return;
      if (!line.isAbove(floor)) {
        passBelow(line, metNow, changes);
        return;
      }
    } else if (line.version <= known.version) {
      // Another cell's edit was faster than the post; nobody need be told where that has arrived.
      PostRef arrived = known.arrivedAs(line);
      if (!arrived.equals(known)) set(known, arrived, new ArrayList<>());
      return;
    }
    PostRef after = known == null ? line : known.edited(line, metOf(known), metNow);
    if (!metNow.isEmpty() || !met.isEmpty()) remember(line.id(), metNow);
    set(known, after, changes);
    trim(changes);
  }

  /** Removes a post, shown or not. */
  void remove(PostRef known, List<Change> changes) {
    set(known, null, changes);
    // What was a duplicate of it may be shown now.
    trim(changes);
  }

  private void passBelow(PostRef line, List<String> metNow, List<Change> changes) {
    if ((line.flags & PostRef.EDITED) != 0) return;
    PostId group = groupOf(line);
    if (group != null && older(group, line.id()) != null) return;
    if (!rules.judge(line, metNow, rules.now()).present()) return;
    if (!metNow.isEmpty()) remember(line.id(), metNow);
    changes.add(new Change(Event.ADDED, line));
  }

  private @Nullable PostRef known(PostRef line) {
    int at = search(slots, from, to, line.idHi, line.idLo);
    if (at >= 0) return slots[at];
    return hidden.isEmpty() ? null : hidden.get(line.id());
  }

  private List<String> metOf(PostRef ref) {
    return met.isEmpty() ? List.of() : met(ref.id());
  }

  private void remember(PostId id, List<String> metNow) {
    if (metNow.equals(met(id))) return;
    Map<PostId, List<String>> changed = new HashMap<>(met);
    PostId lowest = eldersFrom == eldersTo ? floor.next() : elders[eldersFrom].id();
    changed.keySet().removeIf(post -> post.compareTo(lowest) < 0);
    if (metNow.isEmpty()) changed.remove(id);
    else changed.put(id, List.copyOf(metNow));
    met = Map.copyOf(changed);
  }

  /** A view of the present, true up to the given positions. */
  public TimelineView publish(Positions positions) {
    PostRef[] others = hiddenSlots;
    if (others == null) {
      others = hidden.values().toArray(NOTHING);
      hiddenSlots = others;
    }
    return new TimelineView(
        slots,
        verdicts,
        from,
        to,
        others,
        elders,
        eldersFrom,
        eldersTo,
        floor,
        positions,
        rules,
        met);
  }

  /** Puts a candidate in the place of an older version of it; either may be missing. */
  private void set(@Nullable PostRef before, @Nullable PostRef after, List<Change> changes) {
    PostRef ref = requireNonNull(after == null ? before : after);
    Verdict verdict = after == null ? null : judge(after);
    boolean eligible = verdict != null && verdict.present();
    PostId group = groupOf(ref);
    if (group != null) {
      if (eligible) join(group, ref.id());
      else leave(group, ref.id());
    }
    boolean shown = eligible && (group == null || older(group, ref.id()) == null);
    show(ref, after, shown ? verdict : null, changes);
    if (group != null) lookAgainAfter(group, ref.id(), changes);
  }

  /**
   * @param verdict {@code null} when it is not shown
   */
  private void show(
      PostRef ref, @Nullable PostRef after, @Nullable Verdict verdict, List<Change> changes) {
    int at = search(slots, from, to, ref.idHi, ref.idLo);
    if (verdict != null) {
      if (!hidden.isEmpty() && hidden.remove(ref.id()) != null) hiddenSlots = null;
      if (at < 0) insert(-at - 1, ref, verdict);
      else replace(at, ref, verdict);
      changes.add(new Change(at < 0 ? Event.ADDED : Event.CHANGED, ref));
      return;
    }
    if (at >= 0) {
      remove(at);
      changes.add(new Change(Event.REMOVED, ref));
    }
    if (after != null) hidden.put(after.id(), after);
    else if (at < 0) hidden.remove(ref.id());
    if (after != null || at < 0) hiddenSlots = null;
  }

  /** Whether it comes from a source and the rules show it. */
  boolean wants(PostRef ref) {
    return rules.sources().contain(ref) && eligible(ref);
  }

  private boolean eligible(PostRef ref) {
    return judge(ref).present();
  }

  private Verdict judge(PostRef ref) {
    return rules.judge(ref, metOf(ref), rules.now());
  }

  // --- several posts about one original ---

  /** The original that the post is about, if anybody has passed it on. */
  private @Nullable PostId groupOf(PostRef ref) {
    PostId original = ref.facts.original();
    if (original != null) return original;
    if (groups.isEmpty()) return null;
    PostId id = ref.id();
    return groups.containsKey(id) ? id : null;
  }

  private void join(PostId group, PostId member) {
    TreeSet<PostId> members = groups.get(group);
    if (members == null) {
      members = new TreeSet<>();
      groups.put(group, members);
      PostRef original = find(group);
      if (original == null) original = elder(group);
      if (original != null && eligible(original)) members.add(group);
    }
    members.add(member);
  }

  private void leave(PostId group, PostId member) {
    TreeSet<PostId> members = groups.get(group);
    if (members == null) return;
    members.remove(member);
    if (members.isEmpty() || (members.size() == 1 && members.contains(group))) {
      groups.remove(group);
    }
  }

  /** The newest post about the original within a day before this one. */
  private @Nullable PostId older(PostId group, PostId member) {
    TreeSet<PostId> members = groups.get(group);
    PostId older = members == null ? null : members.lower(member);
    return older != null && member.millis() - older.millis() <= DUPLICATE_MILLIS ? older : null;
  }

  private void lookAgainAfter(PostId group, PostId member, List<Change> changes) {
    TreeSet<PostId> members = groups.get(group);
    PostId next =
        members == null ? (group.compareTo(member) > 0 ? group : null) : members.higher(member);
    PostRef ref = next == null ? null : find(next);
    if (ref == null) return;
    Verdict verdict = judge(ref);
    if (!verdict.present()) return;
    boolean shown = search(slots, from, to, ref.idHi, ref.idLo) >= 0;
    boolean duplicate = older(group, ref.id()) != null;
    if (shown == duplicate) show(ref, ref, duplicate ? null : verdict, changes);
  }

  // --- below the floor ---

  private @Nullable PostRef elder(PostId id) {
    int at = search(elders, eldersFrom, eldersTo, id.hi(), id.lo());
    return at >= 0 ? elders[at] : null;
  }

  private boolean applyToElder(PostRef line, List<String> metNow, List<Change> changes) {
    PostRef known = eldersFrom == eldersTo ? null : elder(line.id());
    if (known == null) return false;
    if (line.deleted()) {
      setElder(known, null, changes);
    } else if (line.version > known.version) {
      PostRef after = known.edited(line, metOf(known), metNow);
      if (!metNow.isEmpty() || !met.isEmpty()) remember(line.id(), metNow);
      setElder(known, after, changes);
    }
    trim(changes);
    return true;
  }

  private void setElder(PostRef before, @Nullable PostRef after, List<Change> changes) {
    PostId id = before.id();
    rememberElders(
        Arrays.stream(elders, eldersFrom, eldersTo)
            .map(elder -> elder.id().equals(id) ? after : elder)
            .filter(Objects::nonNull)
            .toArray(PostRef[]::new));
    PostId group = groupOf(before);
    if (group == null) return;
    if (after != null && eligible(after)) join(group, id);
    else leave(group, id);
    lookAgainAfter(group, id, changes);
  }

  private void sinkAll(List<PostRef> refs) {
    int first = Math.max(0, refs.size() - capacity);
    while (first < refs.size() && isFarBelowFloor(refs.get(first))) first++;
    rememberElders(refs.subList(first, refs.size()).toArray(NOTHING));
    for (PostRef elder : elders) {
      PostId original = elder.facts.original();
      if (original != null && eligible(elder)) join(original, elder.id());
    }
  }

  private void rememberElders(PostRef[] all) {
    elders = all;
    eldersFrom = 0;
    eldersTo = all.length;
  }

  /** Remembers what was the oldest candidate, and forgets what is too far below or too much. */
  private void sink(PostRef ref, List<Change> changes) {
    PostRef[] before = elders;
    int begin = eldersFrom;
    int first = begin;
    while (first < eldersTo && (eldersTo - first >= capacity || isFarBelowFloor(before[first]))) {
      first++;
    }
    eldersFrom = first;
    if (eldersTo == before.length) {
      int size = eldersTo - first;
      elders = Arrays.copyOfRange(before, first, first + room(size));
      eldersFrom = 0;
      eldersTo = size;
    }
    elders[eldersTo++] = ref;
    for (int i = begin; i < first; i++) {
      PostId group = groupOf(before[i]);
      if (group == null) continue;
      leave(group, before[i].id());
      lookAgainAfter(group, before[i].id(), changes);
    }
  }

  private boolean isFarBelowFloor(PostRef ref) {
    return floor.millis() - HybridClock.millisOf(ref.idHi) > DUPLICATE_MILLIS;
  }

  // --- the arrays ---

  private void insert(int at, PostRef ref, Verdict verdict) {
    if (at == to && to < slots.length) {
      verdicts[to] = verdict.code();
      slots[to++] = ref;
      return;
    }
    int size = size();
    int length = at == to ? room(size) : Math.max(slots.length - from, size + 1);
    PostRef[] copy = new PostRef[length];
    System.arraycopy(slots, from, copy, 0, at - from);
    copy[at - from] = ref;
    System.arraycopy(slots, at, copy, at - from + 1, to - at);
    byte[] judged = new byte[length];
    System.arraycopy(verdicts, from, judged, 0, at - from);
    judged[at - from] = verdict.code();
    System.arraycopy(verdicts, at, judged, at - from + 1, to - at);
    slots = copy;
    verdicts = judged;
    from = 0;
    to = size + 1;
  }

  /** How long an array is made that so many have filled. */
  private int room(int size) {
    int room = Math.max(SMALLEST_ARRAY, Math.min(size * 2, size + capacity / 8));
    return Math.max(room, size + 1);
  }

  private void replace(int at, PostRef ref, Verdict verdict) {
    slots = Arrays.copyOf(slots, slots.length);
    slots[at] = ref;
    verdicts = Arrays.copyOf(verdicts, verdicts.length);
    verdicts[at] = verdict.code();
  }

  private void remove(int at) {
    PostRef[] copy = new PostRef[Math.max(SMALLEST_ARRAY, slots.length - from)];
    System.arraycopy(slots, from, copy, 0, at - from);
    System.arraycopy(slots, at + 1, copy, at - from, to - at - 1);
    byte[] judged = new byte[copy.length];
    System.arraycopy(verdicts, from, judged, 0, at - from);
    System.arraycopy(verdicts, at + 1, judged, at - from, to - at - 1);
    to = to - from - 1;
    from = 0;
    slots = copy;
    verdicts = judged;
  }

  /** Raises the floor until everything fits; nobody is told of what goes this way. */
  private void trim(List<Change> changes) {
    while (size() > capacity || size() + hidden.size() > CANDIDATES_PER_ENTRY * capacity) {
      forgetOldest(changes);
    }
  }

  private void forgetOldest(List<Change> changes) {
    PostRef oldest = size() == 0 ? null : slots[from];
    if (!hidden.isEmpty() && (oldest == null || hidden.firstKey().compareTo(oldest.id()) < 0)) {
      oldest = requireNonNull(hidden.pollFirstEntry()).getValue();
      hiddenSlots = null;
    } else {
      from++;
    }
    floor = requireNonNull(oldest).id();
    sink(oldest, changes);
  }

  /**
   * Binary search by id: the index, or {@code -insertionPoint - 1}. At once for what is newest, as
   * nearly all arrivals are.
   */
  static int search(PostRef[] slots, int from, int to, long idHi, long idLo) {
    if (from < to && slots[to - 1].compareToId(idHi, idLo) < 0) return -to - 1;
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
