package io.tideline.persistence.timeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import io.tideline.persistence.timeline.FeedWatcher.Change;
import io.tideline.persistence.timeline.Timeline.Event;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.constraints.IntRange;
import org.jspecify.annotations.Nullable;

/** Whatever is written and whatever the rules become, a timeline is what a plain list would be. */
class TimelineModelTest {
  private static final List<UserId> AUTHORS =
      List.of(SomeLines.ANN, SomeLines.BEA, new UserId("cy"));
  private static final LogPartition PARTITION = SomeLines.P0;
  private static final Duration STEP = Duration.ofHours(6);

  @Property(tries = 4000, seed = "6331479900425947878", shrinking = ShrinkingMode.OFF)
  void a_timeline_is_a_sorted_list_without_duplicates_and_with_a_floor(
      @ForAll Random random, @ForAll @IntRange(min = 1, max = 20) int capacity) {
    Writers writers = new Writers(random);
    SomeRules rules = rules(random);
    Timeline timeline = new Timeline(capacity, rules);
    Model model = new Model(capacity, rules);
    List<Runnable> views = new ArrayList<>();
    for (int i = 0; i < 120; i++) {
      if (random.nextInt(20) == 0) {
        rules = rules(random);
        timeline = timeline.under(rules);
        model.under(rules);
      } else {
        PostRef line = random.nextInt(40) == 0 ? writers.erase() : writers.next();
        List<PostRef> before = timeline.entries();
        List<Change> changes = new ArrayList<>();
        timeline.apply(line, List.of(), changes);
        boolean isNews = model.isNews(line);
        boolean isDuplicate = Model.elder(line, model.known()) != null;
        model.apply(line);
        boolean sank = isNews && line.id().compareTo(model.floor) <= 0;
        // A duplicate is shown once the other one is forgotten, if only on its way down.
        assertThat(below(timeline.floor(), changes))
            .isSubsetOf(sank ? List.of(line.id()) : List.of())
            .hasSizeGreaterThanOrEqualTo(sank && !isDuplicate ? 1 : 0);
        assertThat(applied(before, changes, timeline.floor())).isEqualTo(timeline.entries());
      }
      assertThat(ofNow(timeline.entries())).isEqualTo(ofNow(model.shown()));
      assertThat(ofNow(timeline.candidates())).isEqualTo(ofNow(model.candidates.values()));
      assertThat(timeline.floor()).isEqualTo(model.floor);
      assertThat(timeline.duplicates()).isEqualTo(model.duplicates());
      if (i % 10 == 0) {
        List<PostRef> known = model.known();
        for (PostRef ref : model.eligible(model.candidates)) {
          assertThat(timeline.duplicateOf(ref))
              .as("why %s", ref)
              .isEqualTo(Model.elder(ref, known));
        }
      }
      TimelineView view = timeline.publish(Positions.EMPTY);
      List<PostRef> then = timeline.entries();
      views.add(() -> assertThat(view.older(null, null, capacity)).isEqualTo(reversed(then)));
    }
    views.forEach(Runnable::run);
  }

  @Property(tries = 1000, seed = "6331479900425947878", shrinking = ShrinkingMode.OFF)
  void made_at_once_or_line_by_line_it_is_the_same(
      @ForAll Random random, @ForAll @IntRange(min = 1, max = 20) int capacity) {
    Writers writers = new Writers(random);
    SomeRules rules = rules(random);
    Timeline grown = new Timeline(capacity, rules);
    Timeline whole = new Timeline(1000, rules);
    List<PostRef> lines = new ArrayList<>();
    for (int i = random.nextInt(120); i > 0; i--) {
      PostRef line = writers.next();
      lines.add(line);
      grown.apply(line, List.of(), new ArrayList<>());
      whole.apply(line, List.of(), new ArrayList<>());
    }
    List<PostRef> candidates = new ArrayList<>(grown.remembered());
    candidates.addAll(candidates.subList(0, candidates.size() / 3));
    Collections.shuffle(candidates, random);
    Timeline again = Timeline.of(capacity, rules, grown.floor(), candidates, Map.of());
    assertThat(again.entries()).isEqualTo(grown.entries());
    assertThat(again.floor()).isEqualTo(grown.floor());
    lines.addAll(lines.subList(0, lines.size() / 3));
    Collections.shuffle(lines, random);
    Timeline atOnce = Timeline.of(1000, rules, PostId.MIN, lines, Map.of());
    assertThat(atOnce.entries())
        .extracting(PostRef::id, ref -> ref.version)
        .isEqualTo(whole.entries().stream().map(ref -> tuple(ref.id(), ref.version)).toList());
  }

  /** Without what they were before. */
  private static List<PostRef> ofNow(Collection<PostRef> refs) {
    return refs.stream().map(ref -> ref.after(null)).toList();
  }

  private static List<PostId> below(PostId floor, List<Change> changes) {
    return changes.stream()
        .filter(change -> change.what() == Event.ADDED)
        .map(change -> change.post().id())
        .filter(id -> id.compareTo(floor) <= 0)
        .toList();
  }

  private static List<PostRef> applied(List<PostRef> entries, List<Change> changes, PostId floor) {
    NavigableMap<PostId, PostRef> then = new TreeMap<>();
    entries.forEach(entry -> then.put(entry.id(), entry));
    for (Change change : changes) {
      PostId id = change.post().id();
      assertThat(then.containsKey(id)).isEqualTo(change.what() != Event.ADDED);
      if (change.what() == Event.REMOVED) then.remove(id);
      else then.put(id, change.post());
    }
    return List.copyOf(then.tailMap(floor, false).values());
  }

  private static SomeRules rules(Random random) {
    Sources sources =
        random.nextInt(3) > 0
            ? new Sources(Set.copyOf(AUTHORS), Set.of())
            : new Sources(Set.of(SomeLines.ANN), Set.of("tide"));
    int hidden = random.nextInt(6);
    Predicate<PostRef> wanted = ref -> (ref.idLo + ref.flags) % 6 != hidden;
    return new SomeRules(sources, random.nextBoolean() ? wanted : ref -> true);
  }

  private static List<PostRef> reversed(List<PostRef> refs) {
    List<PostRef> copy = new ArrayList<>(refs);
    Collections.reverse(copy);
    return copy;
  }

  /** Authors who publish, import, pass on, edit and delete. */
  private static final class Writers {
    private final Random random;
    private final List<PostRef> posts = new ArrayList<>();
    private long now = HybridClock.ofMillis(Duration.ofDays(20_000).toMillis());
    private long version = 1000;
    private long offset;

    Writers(Random random) {
      this.random = random;
    }

    PostRef next() {
      version++;
      int what = random.nextInt(10);
      if (posts.isEmpty() || what < 6) {
        PostRef post = published();
        posts.add(post);
        return post;
      }
      int index = random.nextInt(posts.size());
      PostRef old = posts.get(index);
      if (what == 6) return line(old, old.version, old.flags, old.facts);
      if (what == 7) {
        posts.remove(index);
        return line(old, version, PostRef.DELETED, Facts.NONE);
      }
      Facts facts = facts(old.facts.original());
      PostRef edited = line(old, version, old.flags | PostRef.EDITED, facts);
      posts.set(index, edited);
      return edited;
    }

    /** What an author had written goes; who writes on here is somebody else of the same name. */
    PostRef erase() {
      UserId author = AUTHORS.get(random.nextInt(3));
      posts.removeIf(post -> post.author.equals(author));
      int flags = PostRef.DELETED | PostRef.ERASED;
      return new PostRef(0, 0, version++, author, PARTITION, offset++, flags);
    }

    private PostRef published() {
      now += HybridClock.ofMillis(STEP.toMillis() * random.nextInt(3));
      long imported = now - HybridClock.ofMillis(STEP.toMillis() * random.nextInt(20));
      PostId original = null;
      if (!posts.isEmpty() && random.nextInt(3) == 0) {
        PostRef post = posts.get(random.nextInt(posts.size()));
        original = post.facts.original() == null ? post.id() : post.facts.original();
      } else if (random.nextInt(10) == 0) {
        original = new PostId(now + 1, random.nextInt(3));
      }
      return new PostRef(
          random.nextInt(4) == 0 ? imported : now,
          ((random.nextInt(100) + 1L) << 32) + offset,
          version,
          AUTHORS.get(random.nextInt(3)),
          PARTITION,
          offset++,
          original == null ? 0 : PostRef.REPOST,
          facts(original));
    }

    private Facts facts(@Nullable PostId original) {
      List<String> tags = random.nextInt(3) == 0 ? List.of("tide") : List.of();
      return new Facts(tags, "", List.of(), false, null, null, original, null);
    }

    private PostRef line(PostRef old, long version, int flags, Facts facts) {
      return new PostRef(
          old.idHi, old.idLo, version, old.author, PARTITION, offset++, flags, facts);
    }
  }

  /** The same, slow and plain. */
  private static final class Model {
    final NavigableMap<PostId, PostRef> candidates = new TreeMap<>();
    private final NavigableMap<PostId, PostRef> elders = new TreeMap<>();
    PostId floor = PostId.MIN;
    private final int capacity;
    private SomeRules rules;

    Model(int capacity, SomeRules rules) {
      this.capacity = capacity;
      this.rules = rules;
    }

    void under(SomeRules other) {
      rules = other;
      candidates.values().removeIf(ref -> !rules.sources().contain(ref));
      elders.values().removeIf(ref -> !rules.sources().contain(ref));
      trim();
    }

    void apply(PostRef line) {
      if (line.erased()) {
        candidates.values().removeIf(ref -> ref.author.equals(line.author));
        elders.values().removeIf(ref -> ref.author.equals(line.author));
        trim();
        return;
      }
      Map<PostId, PostRef> where = elders.containsKey(line.id()) ? elders : candidates;
      PostRef old = where.get(line.id());
      if (line.deleted()) {
        where.remove(line.id());
      } else if (old == null) {
        if (line.id().compareTo(floor) > 0 && rules.sources().contain(line)) {
          where.put(line.id(), line);
        }
      } else if (line.version > old.version) {
        where.put(
            line.id(),
            new PostRef(
                line.idHi,
                line.idLo,
                line.version,
                line.author,
                old.partition,
                old.offset,
                line.flags,
                line.facts));
      }
      trim();
    }

    /** Whether it is not shown now, and would be if there were room and nothing like it. */
    boolean isNews(PostRef line) {
      PostRef known = candidates.get(line.id());
      boolean late = line.id().compareTo(floor) <= 0;
      boolean isNew =
          known == null
              ? !elders.containsKey(line.id()) && !(late && (line.flags & PostRef.EDITED) != 0)
              : line.version > known.version && !shown().contains(known);
      return !line.deleted()
          && isNew
          && rules.sources().contain(line)
          && rules.judge(line, List.of(), new Moment(1)).present();
    }

    private void trim() {
      while (shown().size() > capacity
          || candidates.size() > Timeline.CANDIDATES_PER_ENTRY * capacity) {
        PostRef oldest = candidates.pollFirstEntry().getValue();
        floor = oldest.id();
        elders
            .keySet()
            .removeIf(elder -> floor.millis() - elder.millis() > Timeline.DUPLICATE_MILLIS);
        while (elders.size() >= capacity) elders.pollFirstEntry();
        elders.put(floor, oldest);
      }
    }

    List<PostRef> shown() {
      List<PostRef> known = known();
      return eligible(candidates).stream().filter(ref -> elder(ref, known) == null).toList();
    }

    int duplicates() {
      return eligible(candidates).size() - shown().size();
    }

    private List<PostRef> eligible(Map<PostId, PostRef> refs) {
      return refs.values().stream()
          .filter(ref -> rules.judge(ref, List.of(), new Moment(1)).present())
          .toList();
    }

    /** All eligible ones, also from below the floor. */
    List<PostRef> known() {
      return Stream.concat(eligible(candidates).stream(), eligible(elders).stream()).toList();
    }

    /** The newest eligible one about the same within a day before. */
    static @Nullable PostId elder(PostRef ref, List<PostRef> known) {
      return known.stream()
          .filter(other -> original(other).equals(original(ref)))
          .map(PostRef::id)
          .filter(other -> other.compareTo(ref.id()) < 0)
          .filter(other -> ref.id().millis() - other.millis() <= Timeline.DUPLICATE_MILLIS)
          .max(PostId::compareTo)
          .orElse(null);
    }

    private static PostId original(PostRef ref) {
      return Objects.requireNonNullElseGet(ref.facts.original(), ref::id);
    }
  }
}
