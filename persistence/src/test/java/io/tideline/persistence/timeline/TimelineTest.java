package io.tideline.persistence.timeline;

import static io.tideline.persistence.timeline.SomeLines.id;
import static io.tideline.persistence.timeline.SomeLines.line;
import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.persistence.timeline.FeedWatcher.Change;
import io.tideline.persistence.timeline.Timeline.Event;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.PassedOver;
import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.Watermark;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

class TimelineTest {
  private final Timeline timeline = new Timeline(3, SomeRules.EVERYTHING);

  @Test
  void entries_are_in_the_order_of_their_ids_whenever_they_arrive() {
    assertThat(apply(line(20, 20, 0, 0))).containsExactly(Event.ADDED);
    assertThat(apply(line(10, 10, 1, 0))).containsExactly(Event.ADDED);
    assertThat(apply(line(30, 30, 2, 0))).containsExactly(Event.ADDED);
    assertThat(timeline.entries()).extracting(PostRef::id).containsExactly(id(10), id(20), id(30));
  }

  @Test
  void when_it_is_full_the_oldest_goes_and_the_floor_rises() {
    for (int id = 10; id <= 40; id += 10) apply(line(id, id, id, 0));
    assertThat(timeline.entries()).extracting(PostRef::id).containsExactly(id(20), id(30), id(40));
    assertThat(timeline.floor()).isEqualTo(id(10));
    assertThat(apply(line(15, 15, 51, 0))).containsExactly(Event.ADDED);
    assertThat(timeline.floor()).isEqualTo(id(15));
    assertThat(timeline.entries()).extracting(PostRef::id).containsExactly(id(20), id(30), id(40));
  }

  @Test
  void what_comes_below_the_floor_is_added_to_the_feed_and_not_kept() {
    for (int id = 10; id <= 40; id += 10) apply(line(id, id, id, 0));
    assertThat(apply(line(5, 5, 50, 0))).containsExactly(Event.ADDED);
    assertThat(apply(line(6, 60, 51, PostRef.EDITED))).as("it came before").isEmpty();
    assertThat(apply(line(7, 7, 52, PostRef.DELETED))).isEmpty();
    assertThat(apply(line(10, 10, 53, 0))).as("it has sunk").isEmpty();
    assertThat(timeline.floor()).isEqualTo(id(10));
    assertThat(timeline.entries()).extracting(PostRef::id).containsExactly(id(20), id(30), id(40));
  }

  @Test
  void an_edit_keeps_the_place_and_the_arrival_and_an_older_version_changes_nothing() {
    apply(line(10, 10, 0, 0));
    assertThat(apply(line(10, 12, 1, PostRef.EDITED))).containsExactly(Event.CHANGED);
    assertThat(apply(line(10, 11, 2, PostRef.EDITED))).isEmpty();
    assertThat(apply(line(10, 10, 3, 0))).isEmpty();
    assertThat(timeline.entries()).containsExactly(line(10, 12, 0, PostRef.EDITED));
  }

  @Test
  void a_post_that_comes_after_another_cells_edit_has_arrived_where_its_own_cell_wrote_it() {
    LogPartition home = new LogPartition(2, 7, 0);
    long lo = 2L << 56;
    PostRef edited = new PostRef(10, lo, 12, SomeLines.ANN, SomeLines.P0, 3, PostRef.EDITED);
    assertThat(apply(edited)).containsExactly(Event.ADDED);
    assertThat(apply(new PostRef(10, lo, 10, SomeLines.ANN, home, 40, 0))).isEmpty();
    assertThat(timeline.entries())
        .containsExactly(new PostRef(10, lo, 12, SomeLines.ANN, home, 40, PostRef.EDITED));
  }

  @Test
  void a_delete_removes_whatever_its_version() {
    apply(line(10, 10, 0, 0));
    assertThat(apply(line(10, 3, 1, PostRef.DELETED))).containsExactly(Event.REMOVED);
    assertThat(apply(line(10, 3, 2, PostRef.DELETED))).isEmpty();
    assertThat(timeline.size()).isZero();
  }

  @Test
  void what_is_not_eligible_is_not_added() {
    Timeline empty = new Timeline(3, SomeRules.of(ref -> false));
    assertThat(apply(empty, line(10, 10, 0, 0))).isEmpty();
    assertThat(empty.size()).isZero();
    assertThat(empty.find(id(10))).isNotNull();
  }

  @Test
  void an_empty_timeline_has_empty_pages() {
    TimelineView view = timeline.publish(Positions.EMPTY);
    assertThat(view.older(null, null, 10)).isEmpty();
    assertThat(view.older(id(5), null, 10)).isEmpty();
    assertThat(view.arrived(Watermark.NOTHING, PassedOver.NOTHING, view.watermark(), null).shown())
        .isEmpty();
    assertThat(view.countNewerThan(id(5))).isZero();
    assertThat(view.cutOff()).isFalse();
  }

  @Test
  void what_came_below_the_floor_of_then_is_neither_counted_nor_returned_as_new() {
    apply(line(20, 20, 0, 0));
    apply(line(10, 10, 1, 0));
    TimelineView view = timeline.publish(Positions.EMPTY.with(SomeLines.P0, 2));
    Positions then = Positions.EMPTY.with(SomeLines.P0, 1);
    Watermark above = new Watermark(then, 1, id(15), id(20));
    assertThat(view.countNewSince(above, PassedOver.NOTHING)).isZero();
    assertThat(view.arrived(above, PassedOver.NOTHING, view.watermark(), null).shown()).isEmpty();
    Watermark below = new Watermark(then, 1, id(5), id(20));
    assertThat(view.countNewSince(below, PassedOver.NOTHING)).isOne();
    assertThat(view.arrived(below, PassedOver.NOTHING, view.watermark(), null).shown()).hasSize(1);
  }

  @Test
  void what_rules_have_hidden_in_a_view_is_back_when_others_want_it() {
    apply(line(10, 10, 0, 0));
    apply(line(20, 20, 1, 0));
    TimelineView view = timeline.publish(Positions.EMPTY);
    TimelineView nothing = view.under(SomeRules.of(ref -> false), 10);
    assertThat(nothing.size()).isZero();
    TimelineView again = nothing.under(SomeRules.EVERYTHING, 10);
    assertThat(again.older(null, null, 10)).isEqualTo(view.older(null, null, 10)).hasSize(2);
  }

  @Property(tries = 100)
  void pages_say_of_each_entry_what_the_rules_say(@ForAll Random random) {
    SomeLines lines = new SomeLines(random);
    Timeline timeline = new Timeline(20, SomeRules.of(ref -> ref.version % 5 != 0));
    List<TimelineView> views = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      apply(timeline, lines.next());
      views.add(timeline.publish(lines.end()));
    }
    Set<Verdict> said = EnumSet.noneOf(Verdict.class);
    for (TimelineView view : views) {
      view.forEachOlder(
          null,
          null,
          (entry, why) -> {
            assertThat(why).as("%s", entry).isEqualTo(view.verdict(entry));
            said.add(why);
            return true;
          });
    }
    assertThat(said).hasSize(2);
  }

  @Property(tries = 500)
  void counting_and_finding_agree_with_a_list(@ForAll Random random) {
    SomeLines lines = new SomeLines(random);
    Timeline timeline = new Timeline(30, SomeRules.EVERYTHING);
    for (int i = 0; i < 100; i++) apply(timeline, lines.next());
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

  @Test
  void an_alias_gives_way_to_the_lower_id_whichever_comes_first() {
    PostRef low = line(10, 10, 5, 0);
    PostRef high = line(20, 20, 0, 0);
    PostRef alias = line(20, 20, 6, PostRef.DELETED);
    assertThat(apply(high)).containsExactly(Event.ADDED);
    assertThat(apply(low)).containsExactly(Event.ADDED);
    assertThat(apply(alias)).containsExactly(Event.REMOVED);
    assertThat(timeline.entries()).containsExactly(low);

    Timeline other = new Timeline(30, SomeRules.EVERYTHING);
    apply(other, high);
    assertThat(apply(other, alias)).containsExactly(Event.REMOVED);
    assertThat(apply(other, low)).containsExactly(Event.ADDED);
    assertThat(other.entries()).containsExactly(low);

    Timeline woken =
        Timeline.of(30, SomeRules.EVERYTHING, PostId.MIN, List.of(alias, high, low), Map.of());
    assertThat(woken.entries()).containsExactly(low);
  }

  @Test
  void what_an_erased_author_below_the_floor_has_hidden_makes_it_no_longer() {
    long then = HybridClock.ofMillis(Duration.ofDays(20_000).toMillis());
    long minute = HybridClock.ofMillis(Duration.ofMinutes(1).toMillis());
    PostId original = new PostId(then - minute, 0);
    apply(passedOn(then, SomeLines.BEA, original));
    for (int i = 1; i <= 3; i++) apply(line(then + i * minute, i, i, 0));
    assertThat(apply(passedOn(then + 4 * minute, SomeLines.ANN, original))).isEmpty();
    apply(new PostRef(0, 0, 9, SomeLines.BEA, SomeLines.P0, 9, PostRef.DELETED | PostRef.ERASED));
    assertThat(timeline.entries())
        .extracting(ref -> (ref.idHi - then) / minute)
        .containsExactly(2L, 3L, 4L);
  }

  private static PostRef passedOn(long id, UserId by, PostId original) {
    Facts facts = new Facts(List.of(), "", List.of(), false, null, null, original, null);
    return new PostRef(id, 0, 5, by, SomeLines.P0, 5, PostRef.REPOST, facts);
  }

  private List<Event> apply(PostRef line) {
    return apply(timeline, line);
  }

  private static List<Event> apply(Timeline timeline, PostRef line) {
    List<Change> changes = new ArrayList<>();
    timeline.apply(line, List.of(), changes);
    return changes.stream().map(Change::what).toList();
  }

  private static List<PostRef> reversed(List<PostRef> refs) {
    List<PostRef> copy = new ArrayList<>(refs);
    Collections.reverse(copy);
    return copy;
  }
}
