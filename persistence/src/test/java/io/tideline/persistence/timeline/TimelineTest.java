package io.tideline.persistence.timeline;

import static io.tideline.persistence.timeline.SomeLines.id;
import static io.tideline.persistence.timeline.SomeLines.line;
import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.persistence.timeline.Timeline.Change;
import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.NavigableMap;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class TimelineTest {
  private final Timeline timeline = new Timeline(3);

  @Test
  void entries_are_in_the_order_of_their_ids_whenever_they_arrive() {
    assertThat(apply(line(20, 20, 0, 0))).isEqualTo(Change.ADDED);
    assertThat(apply(line(10, 10, 1, 0))).isEqualTo(Change.ADDED);
    assertThat(apply(line(30, 30, 2, 0))).isEqualTo(Change.ADDED);
    assertThat(timeline.entries()).extracting(PostRef::id).containsExactly(id(10), id(20), id(30));
  }

  @Test
  void when_it_is_full_the_oldest_goes_and_the_floor_rises() {
    for (int id = 10; id <= 40; id += 10) apply(line(id, id, id, 0));
    assertThat(timeline.entries()).extracting(PostRef::id).containsExactly(id(20), id(30), id(40));
    assertThat(timeline.floor()).isEqualTo(id(10));
    assertThat(apply(line(5, 5, 50, 0))).isEqualTo(Change.NONE);
    assertThat(apply(line(15, 15, 51, 0))).isEqualTo(Change.NONE);
    assertThat(timeline.floor()).isEqualTo(id(15));
  }

  @Test
  void an_edit_keeps_the_place_and_the_arrival_and_an_older_version_changes_nothing() {
    apply(line(10, 10, 0, 0));
    assertThat(apply(line(10, 12, 1, PostRef.EDITED))).isEqualTo(Change.CHANGED);
    assertThat(apply(line(10, 11, 2, PostRef.EDITED))).isEqualTo(Change.NONE);
    assertThat(apply(line(10, 10, 3, 0))).isEqualTo(Change.NONE);
    assertThat(timeline.entries()).containsExactly(line(10, 12, 0, PostRef.EDITED));
  }

  @Test
  void a_delete_removes_whatever_its_version() {
    apply(line(10, 10, 0, 0));
    assertThat(apply(line(10, 3, 1, PostRef.DELETED))).isEqualTo(Change.REMOVED);
    assertThat(apply(line(10, 3, 2, PostRef.DELETED))).isEqualTo(Change.NONE);
    assertThat(timeline.size()).isZero();
  }

  @Test
  void what_is_not_eligible_is_not_added() {
    assertThat(timeline.apply(line(10, 10, 0, 0), ref -> false)).isEqualTo(Change.NONE);
    assertThat(timeline.size()).isZero();
  }

  @Test
  void an_empty_timeline_has_empty_pages() {
    TimelineView view = timeline.publish(Positions.EMPTY);
    assertThat(view.older(null, null, 10)).isEmpty();
    assertThat(view.older(id(5), null, 10)).isEmpty();
    assertThat(view.arrived(Positions.EMPTY, Positions.EMPTY, null, 10)).isEmpty();
    assertThat(view.countNewerThan(id(5))).isZero();
    assertThat(view.cutOff()).isFalse();
  }

  @Property(tries = 2000)
  void a_timeline_is_a_sorted_list_with_a_floor(
      @ForAll Random random, @ForAll @IntRange(min = 1, max = 40) int capacity) {
    SomeLines lines = new SomeLines(random);
    Timeline timeline = new Timeline(capacity);
    Naive naive = new Naive(capacity);
    List<Runnable> views = new ArrayList<>();
    for (int i = 0; i < 150; i++) {
      if (random.nextInt(20) == 0) {
        Predicate<PostRef> gone = ref -> ref.idLo % 3 == 0;
        assertThat(timeline.removeIf(gone)).isEqualTo(naive.removeIf(gone));
      }
      PostRef line = lines.next();
      Predicate<PostRef> eligible = ref -> ref.idLo % 5 != 0;
      assertThat(timeline.apply(line, eligible)).isEqualTo(naive.apply(line, eligible));
      assertThat(timeline.entries()).isEqualTo(List.copyOf(naive.entries.values()));
      assertThat(timeline.floor()).isEqualTo(naive.floor);
      TimelineView view = timeline.publish(lines.end());
      List<PostRef> now = timeline.entries();
      PostId floor = timeline.floor();
      views.add(
          () -> {
            assertThat(view.older(null, null, capacity)).isEqualTo(reversed(now));
            assertThat(view.floor()).isEqualTo(floor);
          });
    }
    views.forEach(Runnable::run);
  }

  @Property(tries = 500)
  void made_at_once_or_line_by_line_it_is_the_same(
      @ForAll Random random, @ForAll @IntRange(min = 1, max = 40) int capacity) {
    SomeLines lines = new SomeLines(random);
    Timeline oneByOne = new Timeline(1000);
    List<PostRef> all = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      all.add(lines.next());
      oneByOne.apply(all.get(i), ref -> true);
    }
    all.addAll(all.subList(0, 30));
    Collections.shuffle(all, random);
    List<PostRef> entries = oneByOne.entries();
    int from = Math.max(0, entries.size() - capacity);
    Timeline atOnce = Timeline.of(capacity, PostId.MIN, all, ref -> true);
    assertThat(atOnce.entries()).isEqualTo(entries.subList(from, entries.size()));
    assertThat(atOnce.floor()).isEqualTo(from == 0 ? PostId.MIN : entries.get(from - 1).id());
  }

  @Property(tries = 2000)
  void older_and_newer_together_show_everything_once_while_arrivals_go_on(
      @ForAll Random random, @ForAll @IntRange(min = 5, max = 60) int capacity) {
    Walk walk = new Walk(random, capacity);
    walk.arrive(80);
    Positions base = walk.view.positions();
    walk.older(base);
    for (int i = 0; i < 3; i++) {
      Positions until = walk.view.positions();
      walk.newer(base, until, false);
      base = until;
    }
    walk.newer(base, walk.view.positions(), true);
    assertThat(walk.seen).containsAll(walk.shown());
  }

  /** A reader who pages, while lines arrive between the pages. */
  private static final class Walk {
    final SomeLines lines;
    final Set<PostId> seen = new HashSet<>();
    private final Random random;
    private final Timeline timeline;
    TimelineView view;

    Walk(Random random, int capacity) {
      this.random = random;
      this.lines = new SomeLines(random);
      this.timeline = new Timeline(capacity);
      this.view = timeline.publish(lines.end());
    }

    void arrive(int most) {
      for (int i = random.nextInt(most + 1); i > 0; i--) timeline.apply(lines.next(), ref -> true);
      view = timeline.publish(lines.end());
    }

    void older(Positions base) {
      PostId after = null;
      while (true) {
        int limit = 1 + random.nextInt(8);
        List<PostRef> page = view.older(after, base, limit);
        after = take(page, after, -1);
        if (page.size() < limit) return;
        arrive(5);
      }
    }

    void newer(Positions base, Positions until, boolean quiet) {
      PostId after = null;
      while (true) {
        int limit = 1 + random.nextInt(8);
        List<PostRef> page = view.arrived(base, until, after, limit);
        after = take(page, after, 1);
        if (page.size() < limit) return;
        if (!quiet) arrive(5);
      }
    }

    private @Nullable PostId take(List<PostRef> page, @Nullable PostId after, int direction) {
      PostId last = after;
      for (PostRef ref : page) {
        assertThat(seen.add(ref.id())).as("%s is shown once", ref).isTrue();
        if (last != null) assertThat(ref.id().compareTo(last) * direction).isPositive();
        last = ref.id();
      }
      return last;
    }

    Set<PostId> shown() {
      Set<PostId> ids = new HashSet<>();
      timeline.entries().forEach(ref -> ids.add(ref.id()));
      return ids;
    }
  }

  @Property(tries = 500)
  void counting_and_finding_agree_with_a_list(@ForAll Random random) {
    SomeLines lines = new SomeLines(random);
    Timeline timeline = new Timeline(30);
    for (int i = 0; i < 100; i++) timeline.apply(lines.next(), ref -> true);
    TimelineView view = timeline.publish(lines.end());
    List<PostRef> newestFirst = reversed(timeline.entries());
    IntStream.range(0, newestFirst.size())
        .forEach(
            i -> {
              PostId id = newestFirst.get(i).id();
              assertThat(view.newest(i)).isEqualTo(newestFirst.get(i));
              assertThat(view.contains(id)).isTrue();
              assertThat(view.countNewerThan(id)).isEqualTo(i);
              PostId between = new PostId(id.hi(), id.lo() - 1);
              assertThat(view.contains(between)).isFalse();
              assertThat(view.countNewerThan(between)).isEqualTo(i + 1);
            });
    assertThat(view.countNewerThan(null)).isEqualTo(view.size());
  }

  private Change apply(PostRef line) {
    return timeline.apply(line, ref -> true);
  }

  private static List<PostRef> reversed(List<PostRef> refs) {
    List<PostRef> copy = new ArrayList<>(refs);
    Collections.reverse(copy);
    return copy;
  }

  /** The same, slow and plain. */
  private static final class Naive {
    final NavigableMap<PostId, PostRef> entries = new TreeMap<>();
    PostId floor = PostId.MIN;
    private final int capacity;

    Naive(int capacity) {
      this.capacity = capacity;
    }

    Change apply(PostRef line, Predicate<PostRef> eligible) {
      PostRef old = entries.get(line.id());
      if (line.deleted()) return entries.remove(line.id()) == null ? Change.NONE : Change.REMOVED;
      if (old != null) {
        if (line.version <= old.version) return Change.NONE;
        entries.put(
            line.id(),
            new PostRef(
                old.idHi,
                old.idLo,
                line.version,
                old.author,
                old.partition,
                Math.min(old.offset, line.offset),
                line.flags));
        return Change.CHANGED;
      }
      if (line.id().compareTo(floor) <= 0 || !eligible.test(line)) return Change.NONE;
      entries.put(line.id(), line);
      while (entries.size() > capacity) floor = entries.pollFirstEntry().getKey();
      return entries.containsKey(line.id()) ? Change.ADDED : Change.NONE;
    }

    List<PostRef> removeIf(Predicate<PostRef> gone) {
      List<PostRef> removed = entries.values().stream().filter(gone).toList();
      entries.values().removeIf(gone);
      return removed;
    }
  }
}
