package io.tideline.persistence.user;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.persistence.timeline.Checkpoint;
import io.tideline.persistence.timeline.Facts;
import io.tideline.persistence.timeline.FeedWatcher;
import io.tideline.persistence.timeline.Inbox;
import io.tideline.persistence.timeline.LiveTimeline;
import io.tideline.persistence.timeline.Newest;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.persistence.timeline.ResidentTimeline;
import io.tideline.persistence.timeline.ResidentTimelines;
import io.tideline.persistence.timeline.StoredCheckpoint;
import io.tideline.persistence.timeline.TimelineStats;
import io.tideline.persistence.timeline.TimelineView;
import io.tideline.protocols.Cursor;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.Watermark;
import io.tideline.protocols.log.v1.FollowsChanged;
import io.tideline.protocols.log.v1.IntentLine;
import io.tideline.protocols.log.v1.MuteRuleChanged;
import io.tideline.protocols.log.v1.MuteRuleContent;
import io.tideline.protocols.log.v1.TagsChanged;
import io.tideline.protocols.v1.Post;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * A timeline that has rules about words while posts cannot be read; time is counted, not waited
 * for.
 */
class LiveTimelineTest {
  private static final UserId ANN = new UserId("ann");
  private static final UserId BOB = new UserId("bob");
  private static final UserId CLEO = new UserId("cleo");
  private static final LogPartition LOG = new LogPartition(1, 7, 0);
  private static final Graph GRAPH =
      Graph.EMPTY.merge(
          IntentLine.newBuilder()
              .setAt(1)
              .setFollowsChanged(
                  FollowsChanged.newBuilder().addTargetIds(BOB.value()).setActive(true))
              .build(),
          1);

  private final Stored stored = new Stored();
  private final Days days = new Days();
  private final Everything log = new Everything();
  private final ResidentTimelines residents = new ResidentTimelines();
  private final PostRef calm = stored.add(1, "all is calm");
  private final PostRef storm = stored.add(2, "a storm is coming");
  private List<PostRef> newest = List.of(storm, calm);

  @Test
  void what_could_not_be_read_when_the_timeline_woke_is_hidden_once_it_can_be() {
    stored.away = true;
    LiveTimeline timeline = awake("storm");
    days.pass(Duration.ofSeconds(5));
    assertThat(shown()).as("rather too much than nothing").containsExactly(storm, calm);
    List<FeedWatcher.Change> told = watch();
    stored.away = false;
    days.pass(Duration.ofMinutes(1));
    assertThat(shown()).containsExactly(calm);
    assertThat(told).extracting(FeedWatcher.Change::post).containsExactly(storm);
    assertThat(timeline.settled()).isTrue();
  }

  @Test
  void it_looks_ever_more_seldom_while_nothing_can_be_read_and_no_more_once_it_could_be() {
    stored.away = true;
    awake("storm");
    days.pass(Duration.ofMinutes(1));
    int asked = stored.asked;
    days.pass(Duration.ofMinutes(5));
    assertThat(stored.asked - asked).isBetween(5, 20);
    stored.away = false;
    days.pass(Duration.ofMinutes(1));
    asked = stored.asked;
    days.pass(Duration.ofHours(1));
    assertThat(stored.asked).isEqualTo(asked);
  }

  @Test
  void meanwhile_it_answers_and_hides_what_it_can() {
    stored.away = true;
    LiveTimeline timeline = awake("storm");
    days.pass(Duration.ofSeconds(5));
    boolean[] answered = new boolean[1];
    timeline.whenSettled(() -> answered[0] = true, reason -> {});
    assertThat(answered[0]).isTrue();
    assertThat(requireNonNull(timeline.checkpoint()).entries()).containsExactly(calm, storm);
  }

  @Test
  void a_checkpoint_claims_no_posts_of_long_ago_that_nobody_was_told_of_yet() {
    LiveTimeline timeline = awake("sun");
    days.pass(Duration.ofSeconds(5));
    log.settled = 4;
    assertThat(requireNonNull(timeline.checkpoint()).positions().next(LOG)).isEqualTo(4);
    log.settled = Long.MAX_VALUE;
    assertThat(requireNonNull(timeline.checkpoint()).positions().next(LOG)).isEqualTo(log.next());
  }

  @Test
  void a_new_rule_hides_at_once_what_it_is_about_when_the_texts_are_at_hand() {
    LiveTimeline timeline = awake("sun");
    days.pass(Duration.ofSeconds(5));
    stored.atHand = true;
    timeline.changed(rules("storm"));
    assertThat(requireNonNull(reading()).older(null, null, 10)).containsExactly(calm);
    assertThat(timeline.settled()).isTrue();
  }

  @Test
  void readers_wait_until_the_texts_have_been_read_that_a_new_rule_is_about() {
    LiveTimeline timeline = awake("sun");
    days.pass(Duration.ofSeconds(5));
    assertThat(requireNonNull(reading()).older(null, null, 10)).containsExactly(storm, calm);
    timeline.changed(rules("storm"));
    assertThat(reading()).as("what would show the storm").isNull();
    days.pass(Duration.ofMillis(10));
    assertThat(requireNonNull(reading()).older(null, null, 10)).containsExactly(calm);
  }

  @Test
  void readers_do_not_wait_for_ever_for_texts_that_cannot_be_read() {
    LiveTimeline timeline = awake("sun");
    days.pass(Duration.ofSeconds(5));
    stored.away = true;
    timeline.changed(rules("storm"));
    days.pass(Duration.ofSeconds(3));
    assertThat(requireNonNull(reading()).older(null, null, 10)).containsExactly(storm, calm);
    stored.away = false;
    days.pass(Duration.ofMinutes(1));
    assertThat(requireNonNull(reading()).older(null, null, 10)).containsExactly(calm);
  }

  @Test
  void a_rule_that_changes_while_a_timeline_wakes_is_the_one_that_counts() {
    stored.away = true;
    LiveTimeline timeline = awake("calm");
    days.pass(Duration.ofSeconds(1));
    timeline.changed(rules("storm"));
    stored.away = false;
    days.pass(Duration.ofSeconds(1));
    assertThat(shown()).containsExactly(calm);
  }

  @Test
  void an_old_version_that_was_read_does_not_stand_for_the_new_one() {
    PostRef edited = new PostRef(calm.idHi, calm.idLo, 9, BOB, LOG, 1, PostRef.EDITED);
    newest = List.of(storm, edited);
    awake("calm");
    days.pass(Duration.ofSeconds(5));
    assertThat(shown()).containsExactly(storm);
    stored.posts.put(calm.id(), Post.newBuilder().setText("a gale").setVersion(9).build());
    days.pass(Duration.ofMinutes(1));
    assertThat(shown()).containsExactly(storm, edited);
  }

  @Test
  void a_tag_does_not_bring_back_what_its_author_has_deleted() {
    LiveTimeline timeline = awake("sun");
    days.pass(Duration.ofSeconds(5));
    Facts moon = new Facts(List.of("moon"), "", List.of(), false, null, null, null, null);
    PostRef tagged = new PostRef(3, 1, 3, BOB, LOG, 3, 0, moon);
    log.tagged = List.of(tagged);
    log.lines = List.of(tagged, new PostRef(3, 1, 4, BOB, LOG, 4, PostRef.DELETED));
    newest = List.of(tagged);
    IntentLine follow =
        IntentLine.newBuilder()
            .setAt(9)
            .setTagsChanged(TagsChanged.newBuilder().addTags("moon").setActive(true))
            .build();
    timeline.changed(
        new Rules(ANN, ResidentTimelines.HOME, GRAPH.merge(follow, 9), Filters.EMPTY, 0, 1));
    days.pass(Duration.ofSeconds(5));
    assertThat(shown()).containsExactly(storm, calm);
  }

  @Test
  void a_tag_does_not_bring_what_was_deleted_before_the_store_and_after_the_log_knew_it() {
    LiveTimeline timeline = awake("sun");
    days.pass(Duration.ofSeconds(5));
    storeLagsWith(tagged(3));
    timeline.changed(followingMoon());
    days.pass(Duration.ofMillis(400));
    assertThat(reading()).as("until all of it is known").isNull();
    newest = List.of(new PostRef(3, 1, 4, CLEO, LOG, 9, PostRef.DELETED));
    days.pass(Duration.ofSeconds(1));
    assertThat(requireNonNull(reading()).older(null, null, 10)).containsExactly(storm, calm);
  }

  @Test
  void what_a_tag_brings_is_waited_for_once_though_the_log_forgets_ever_more() {
    LiveTimeline timeline = awake("sun");
    days.pass(Duration.ofSeconds(5));
    storeLagsWith(tagged(3));
    int before = loads;
    timeline.changed(followingMoon());
    days.pass(Duration.ofSeconds(5));
    assertThat(requireNonNull(reading()).older(null, null, 10)).contains(tagged(3));
    assertThat(loads - before).isEqualTo(2);
  }

  @Test
  void what_cannot_be_read_and_is_deleted_before_it_can_be_goes() {
    awake("storm");
    days.pass(Duration.ofSeconds(5));
    stored.away = true;
    PostRef sun = log.say(stored.add(3, "the sun"));
    days.pass(Duration.ofSeconds(3));
    assertThat(shown()).containsExactly(sun, calm);
    stored.posts.put(sun.id(), Post.getDefaultInstance());
    stored.away = false;
    days.pass(Duration.ofMinutes(1));
    assertThat(shown()).containsExactly(calm);
  }

  @Test
  void whoever_posts_much_and_once_with_a_tag_does_not_flood_those_who_follow_it() {
    LiveTimeline timeline = awake("sun");
    stored.atHand = true;
    timeline.changed(followingMoon());
    days.pass(Duration.ofSeconds(5));
    List<PostRef> hers = new ArrayList<>();
    for (int i = 10; i < 40; i++) hers.add(new PostRef(i, 5, i, CLEO, LOG, i, 0));
    log.lines = hers;
    int before = loads;
    PostRef said = log.say(tagged(50));
    days.pass(Duration.ofSeconds(5));
    assertThat(shown()).contains(said).doesNotContainAnyElementsOf(hers);
    assertThat(loads).isEqualTo(before);
  }

  @Test
  void of_all_that_is_remembered_it_reads_no_more_than_there_is_room_for() {
    List<PostRef> said = new ArrayList<>();
    for (int i = 10; i < 110; i++) said.add(stored.add(i, i % 2 == 0 ? "a storm" : "line " + i));
    log.lines = said;
    log.next = 110;
    awake("storm");
    days.pass(Duration.ofSeconds(5));
    assertThat(shown()).hasSize(10).startsWith(said.get(99)).endsWith(said.get(81));
    assertThat(stored.wanted)
        .as("those that are hidden and those below the floor too")
        .isLessThan(60);
  }

  private PostRef tagged(long at) {
    Facts moon = new Facts(List.of("moon"), "", List.of(), false, null, null, null, null);
    PostRef ref = new PostRef(at, 1, at, CLEO, LOG, at, 0, moon);
    stored.posts.put(ref.id(), Post.newBuilder().setText("full").setVersion(at).build());
    return ref;
  }

  /** It has this, and lacks the last line, which the log has forgotten. */
  private void storeLagsWith(PostRef newest) {
    this.newest = List.of(newest);
    log.stored = 9;
    log.floor = 10;
  }

  private Rules followingMoon() {
    IntentLine follow =
        IntentLine.newBuilder()
            .setAt(9)
            .setTagsChanged(TagsChanged.newBuilder().addTags("moon").setActive(true))
            .build();
    return new Rules(ANN, ResidentTimelines.HOME, GRAPH.merge(follow, 9), filters, 0, 1);
  }

  @Test
  void readers_and_watchers_wait_for_the_posts_of_a_new_followee() {
    LiveTimeline timeline = awake("sun");
    days.pass(Duration.ofSeconds(5));
    List<FeedWatcher.Change> told = watch();
    PostRef early = new PostRef(1, 5, 1, CLEO, LOG, 3, 0);
    stored.posts.put(early.id(), Post.newBuilder().setText("sails").setVersion(1).build());
    newest = List.of(early);
    timeline.changed(followingCleo());
    timeline.drain();
    assertThat(reading()).as("a cursor into what is here would count hers as seen").isNull();
    assertThat(shown()).containsExactly(storm, calm);
    assertThat(told).isEmpty();
    days.pass(Duration.ofSeconds(1));
    assertThat(requireNonNull(reading()).older(null, null, 10)).containsExactly(storm, early, calm);
    assertThat(told).extracting(FeedWatcher.Change::post).containsExactly(early);
  }

  @Test
  void they_do_not_wait_for_ever_for_posts_that_cannot_be_read() {
    LiveTimeline timeline = awake("sun");
    days.pass(Duration.ofSeconds(5));
    storeAway = true;
    timeline.changed(followingCleo());
    days.pass(Duration.ofSeconds(5));
    assertThat(requireNonNull(reading()).older(null, null, 10)).containsExactly(storm, calm);
    storeAway = false;
    newest = List.of(new PostRef(1, 5, 1, CLEO, LOG, 3, 0));
    days.pass(Duration.ofSeconds(5));
    assertThat(shown()).hasSize(3);
  }

  @Test
  void while_the_store_is_away_it_is_asked_less_and_less_often() {
    storeAway = true;
    awake("sun");
    days.pass(Duration.ofMinutes(10));
    assertThat(loads).isBetween(20, 50);
    storeAway = false;
    days.pass(Duration.ofSeconds(33));
    assertThat(shown()).hasSize(2);
  }

  @Test
  void a_followee_who_comes_while_a_timeline_wakes_is_waited_for() {
    LiveTimeline timeline = awake("sun");
    PostRef early = new PostRef(1, 5, 1, CLEO, LOG, 3, 0);
    timeline.changed(followingCleo());
    newest = List.of(storm, early, calm);
    days.pass(Duration.ofSeconds(5));
    assertThat(shown()).containsExactly(storm, early, calm);
  }

  @Test
  void a_watcher_is_told_once_of_what_comes_below_the_floor() {
    awake("rain");
    days.pass(Duration.ofSeconds(5));
    stored.atHand = true;
    List<FeedWatcher.Change> told = watchUntilFull();
    PostRef late = log.say(stored.add(5, "the sun"));
    log.say(stored.add(6, "the rain"));
    PostRef old = stored.add(4, "the moon");
    log.say(new PostRef(old.idHi, old.idLo, 40, BOB, LOG, log.next(), PostRef.EDITED));
    days.pass(Duration.ZERO);
    assertThat(shown()).hasSize(10).doesNotContain(late);
    assertThat(told).extracting(change -> change.post().idHi).hasSize(13).endsWith(21L, 5L);
    List<FeedWatcher.Change> later = new ArrayList<>();
    told.clear();
    requireNonNull(residents.get(ANN, ResidentTimelines.HOME)).watch(new Watcher(later, sentAway));
    days.pass(Duration.ZERO);
    log.say(stored.add(7, "imported"));
    days.pass(Duration.ZERO);
    assertThat(told).hasSize(1);
    assertThat(later).as("of what lies below where it began").isEmpty();
  }

  @Test
  void a_watcher_who_has_missed_what_a_full_inbox_dropped_is_sent_to_resume() {
    awake("rain");
    days.pass(Duration.ofSeconds(5));
    stored.atHand = true;
    List<FeedWatcher.Change> told = watch();
    List<PostRef> said = new ArrayList<>();
    for (int i = 10; i < 30; i++) said.add(log.say(stored.add(i, "line " + i)));
    log.lines = said;
    storeAway = true;
    days.pass(Duration.ofSeconds(1));
    assertThat(sentAway).as("while it would resume at a view that lacks it").isEmpty();
    storeAway = false;
    days.pass(Duration.ofSeconds(5));
    assertThat(shown()).contains(said.get(19));
    assertThat(told).isEmpty();
    assertThat(sentAway).contains("more has arrived than a timeline holds");
  }

  @Test
  void a_watcher_is_told_of_what_came_late_while_a_new_followee_was_loaded() {
    LiveTimeline timeline = awake("rain");
    days.pass(Duration.ofSeconds(5));
    stored.atHand = true;
    List<FeedWatcher.Change> told = watchUntilFull();
    told.clear();
    newest = List.of();
    timeline.changed(followingCleo());
    PostRef late = log.say(stored.add(5, "late"));
    PostRef now = log.say(stored.add(30, "now"));
    timeline.drain();
    assertThat(told).isEmpty();
    days.pass(Duration.ofSeconds(1));
    assertThat(told).extracting(FeedWatcher.Change::post).containsExactly(late, now);
  }

  @Test
  void a_watcher_whom_the_owner_never_hears_of_is_closed_with_the_timeline() {
    LiveTimeline timeline = awake("rain");
    days.pass(Duration.ofSeconds(5));
    ResidentTimeline resident = requireNonNull(residents.get(ANN, ResidentTimelines.HOME));
    days.drops = true;
    resident.watch(new Watcher(new ArrayList<>(), sentAway));
    assertThat(sentAway).isEmpty();
    timeline.stop("leaves");
    assertThat(sentAway).hasSize(1);
    resident.watch(new Watcher(new ArrayList<>(), sentAway));
    assertThat(sentAway).hasSize(2);
  }

  @Test
  void nothing_is_removed_that_sinks_below_the_floor_because_of_a_new_followee() {
    LiveTimeline timeline = awake("rain");
    days.pass(Duration.ofSeconds(5));
    stored.atHand = true;
    List<FeedWatcher.Change> told = watch();
    List<PostRef> hers = new ArrayList<>();
    for (int i = 10; i < 20; i++) hers.add(new PostRef(i, 5, i, CLEO, LOG, 3, 0));
    hers.forEach(
        ref -> stored.posts.put(ref.id(), Post.newBuilder().setVersion(ref.version).build()));
    newest = hers;
    timeline.changed(followingCleo());
    days.pass(Duration.ofSeconds(1));
    assertThat(told).extracting(FeedWatcher.Change::post).containsExactlyElementsOf(hers);
  }

  @Test
  void late_lines_wait_for_what_they_say_and_nothing_is_loaded_again() {
    awake("storm");
    days.pass(Duration.ofSeconds(5));
    List<FeedWatcher.Change> told = watch();
    int asked = stored.asked;
    PostRef sun = log.say(stored.add(3, "the sun"));
    log.say(stored.add(4, "the storm is here"));
    PostRef moon = log.say(stored.add(5, "the moon"));
    days.pass(Duration.ZERO);
    assertThat(shown()).containsExactly(calm);
    assertThat(view().positions()).isEqualTo(Positions.EMPTY.with(LOG, 10));
    days.pass(Duration.ofMillis(10));
    assertThat(shown()).containsExactly(moon, sun, calm);
    assertThat(view().positions()).isEqualTo(log.applied());
    assertThat(told).extracting(FeedWatcher.Change::post).containsExactly(sun, moon);
    assertThat(stored.asked - asked).isEqualTo(1);
    assertThat(loads).isEqualTo(1);
  }

  @Test
  void nothing_overtakes_a_line_that_waits_for_what_it_says() {
    LiveTimeline timeline = awake("storm");
    days.pass(Duration.ofSeconds(5));
    PostRef sun = log.say(stored.add(3, "the sun"));
    PostRef moon = log.say(stored.add(4, "the moon"));
    stored.atHand = true;
    stored.unknown.add(sun.id());
    log.say(new PostRef(sun.idHi, sun.idLo, 9, BOB, LOG, log.next(), PostRef.DELETED));
    boolean[] settled = new boolean[1];
    timeline.whenSettled(() -> settled[0] = true, reason -> {});
    days.pass(Duration.ofSeconds(1));
    assertThat(shown()).as("not even the delete").containsExactly(calm);
    assertThat(settled[0]).isFalse();
    stored.unknown.clear();
    days.pass(Duration.ofMillis(10));
    assertThat(shown()).containsExactly(moon, calm);
    assertThat(settled[0]).isTrue();
  }

  @Test
  void a_line_whose_post_has_been_deleted_since_shows_nothing() {
    awake("storm");
    days.pass(Duration.ofSeconds(5));
    PostRef sun = log.say(stored.add(3, "the sun"));
    stored.posts.put(sun.id(), Post.getDefaultInstance());
    days.pass(Duration.ofSeconds(1));
    assertThat(shown()).containsExactly(calm);
    assertThat(view().positions()).isEqualTo(log.applied());
  }

  @Test
  void lines_do_not_wait_for_ever_for_what_cannot_be_read() {
    awake("storm");
    days.pass(Duration.ofSeconds(5));
    stored.away = true;
    PostRef gale = log.say(stored.add(3, "a storm at sea"));
    PostRef sun = log.say(stored.add(4, "the sun"));
    days.pass(Duration.ofSeconds(3));
    assertThat(shown()).containsExactly(sun, gale, calm);
    stored.away = false;
    days.pass(Duration.ofMinutes(1));
    assertThat(shown()).containsExactly(sun, calm);
    assertThat(loads).isEqualTo(1);
  }

  @Test
  void more_lines_than_an_inbox_holds_do_not_wait_but_all_is_loaded() {
    awake("storm");
    days.pass(Duration.ofSeconds(5));
    stored.unknown.add(new PostId(3, 1));
    List<PostRef> said = new ArrayList<>();
    for (int i = 3; i <= 14; i++) {
      said.add(log.say(stored.add(i, "line " + i)));
      log.lines = List.copyOf(said);
      days.pass(Duration.ZERO);
    }
    stored.unknown.clear();
    days.pass(Duration.ofMillis(20));
    assertThat(loads).isEqualTo(2);
    assertThat(shown()).hasSize(10).startsWith(said.get(11)).endsWith(said.get(2));
    assertThat(view().positions()).isEqualTo(log.applied());
  }

  @Test
  void the_posts_of_a_new_followee_are_shown_with_what_waits() {
    LiveTimeline timeline = awake("storm");
    days.pass(Duration.ofSeconds(5));
    stored.unknown.add(new PostId(3, 1));
    PostRef sun = log.say(stored.add(3, "the sun"));
    PostRef hers = new PostRef(4, 1, 4, CLEO, LOG, log.next(), 0);
    stored.posts.put(hers.id(), Post.newBuilder().setText("sails").setVersion(4).build());
    timeline.changed(followingCleo());
    log.say(hers);
    log.lines = List.of(hers);
    newest = List.of();
    days.pass(Duration.ofSeconds(1));
    assertThat(shown()).containsExactly(calm);
    stored.unknown.clear();
    days.pass(Duration.ofMillis(20));
    assertThat(shown()).containsExactly(hers, sun, calm);
    assertThat(view().positions()).isEqualTo(log.applied());
  }

  private TimelineView view() {
    return requireNonNull(requireNonNull(residents.get(ANN, ResidentTimelines.HOME)).view());
  }

  private Rules followingCleo() {
    IntentLine follow =
        IntentLine.newBuilder()
            .setAt(9)
            .setFollowsChanged(
                FollowsChanged.newBuilder().addTargetIds(CLEO.value()).setActive(true))
            .build();
    return new Rules(ANN, ResidentTimelines.HOME, GRAPH.merge(follow, 9), filters, 0, 1);
  }

  @Test
  void a_log_of_which_no_line_has_come_since_the_start_keeps_nobody_from_waking() {
    log.located = false;
    awake("sun");
    days.pass(Duration.ofSeconds(5));
    assertThat(shown()).containsExactly(storm, calm);
  }

  @Test
  void what_is_forgotten_while_a_timeline_loads_is_loaded_again_after_a_pause() {
    log.forgetful = true;
    awake("sun");
    days.pass(Duration.ofSeconds(5));
    assertThat(residents.get(ANN, ResidentTimelines.HOME)).isNull();
    assertThat(loads).isBetween(5, 20);
    log.forgetful = false;
    days.pass(Duration.ofSeconds(5));
    assertThat(shown()).containsExactly(storm, calm);
  }

  @Test
  void of_what_the_log_remembers_a_timeline_holds_no_copies() {
    log.lines = List.of(calm, storm);
    newest = List.of(copyOf(storm), copyOf(calm));
    LiveTimeline fromStore = awake("sun");
    days.pass(Duration.ofSeconds(5));
    assertThat(fromStore.candidate(storm.id())).isSameAs(storm);

    Checkpoint checkpoint = requireNonNull(fromStore.checkpoint());
    StoredCheckpoint stored = new StoredCheckpoint(checkpoint.encode());
    LiveTimeline fromCheckpoint = awake("sun", stored);
    days.pass(Duration.ofSeconds(5));
    assertThat(fromCheckpoint.candidate(storm.id())).isSameAs(storm);
    assertThat(stored.read()).isEqualTo(checkpoint);
    assertThat(stored.read().entries().get(1)).isSameAs(storm);
    assertThat(stored.encoded()).isEqualTo(checkpoint.encode());
    assertThat(shown()).containsExactly(storm, calm);
  }

  private static PostRef copyOf(PostRef ref) {
    return new PostRef(
        ref.idHi, ref.idLo, ref.version, ref.author, ref.partition, ref.offset, ref.flags);
  }

  private @Nullable TimelineView reading() {
    return requireNonNull(residents.get(ANN, ResidentTimelines.HOME)).read();
  }

  private LiveTimeline awake(String words) {
    return awake(words, null);
  }

  private LiveTimeline awake(String words, @Nullable StoredCheckpoint checkpoint) {
    LiveTimeline[] self = new LiveTimeline[1];
    LiveTimeline timeline =
        new LiveTimeline(
            ANN,
            ResidentTimelines.HOME,
            new LiveTimeline.Surroundings(
                log,
                (sources, olderThan, newerThan, limit, wanted) -> {
                  loads++;
                  return storeAway
                      ? CompletableFuture.failedFuture(new IllegalStateException("away"))
                      : CompletableFuture.completedFuture(new Newest(newest, false));
                },
                stored,
                residents,
                new TimelineStats(nanos -> {}, nanos -> {}),
                ids -> {},
                10,
                10),
            days,
            () -> days.execute(() -> self[0].drain()),
            () -> true,
            rules(words));
    self[0] = timeline;
    timeline.wake(checkpoint);
    return timeline;
  }

  private final List<String> sentAway = new ArrayList<>();
  private int loads;
  private boolean storeAway;
  private Filters filters = Filters.EMPTY;
  private long ruleAt = 1;

  private Rules rules(String words) {
    long at = ++ruleAt;
    IntentLine mute =
        IntentLine.newBuilder()
            .setAt(at)
            .setMuteRuleChanged(
                MuteRuleChanged.newBuilder()
                    .setRuleId("r")
                    .setContent(MuteRuleContent.newBuilder().setWords(words)))
            .build();
    filters = Filters.EMPTY.merge(mute, at);
    return new Rules(ANN, ResidentTimelines.HOME, GRAPH, filters, 0, 1);
  }

  private List<PostRef> shown() {
    return view().older(null, null, 10);
  }

  /** The floor has risen since the watch began. */
  private List<FeedWatcher.Change> watchUntilFull() {
    List<FeedWatcher.Change> told = watch();
    for (int i = 10; i < 22; i++) {
      log.say(stored.add(i, "line " + i));
      days.pass(Duration.ZERO);
    }
    return told;
  }

  private List<FeedWatcher.Change> watch() {
    List<FeedWatcher.Change> told = new ArrayList<>();
    requireNonNull(residents.get(ANN, ResidentTimelines.HOME)).watch(new Watcher(told, sentAway));
    days.pass(Duration.ZERO);
    return told;
  }

  /** Keeps what it is told, and why it was told no more. */
  record Watcher(List<Change> told, List<String> ends) implements FeedWatcher {
    @Override
    public @Nullable Cursor resumesFrom() {
      return null;
    }

    @Override
    public boolean offer(List<Change> changes, TimelineView after) {
      told.addAll(changes);
      return true;
    }

    @Override
    public void readTo(Watermark read, TimelineView now) {}

    @Override
    public boolean gone() {
      return false;
    }

    @Override
    public void close(String reason) {
      ends.add(reason);
    }
  }

  /** All has been applied. */
  private static final class Everything extends NoArrivals {
    List<PostRef> tagged = List.of();
    List<PostRef> lines = List.of();
    boolean located = true;
    boolean forgetful;
    long floor;
    long stored = Long.MAX_VALUE;
    long settled = Long.MAX_VALUE;
    private final Set<Inbox> inboxes = new HashSet<>();
    private long next = 10;

    long next() {
      return next;
    }

    PostRef say(PostRef post) {
      PostRef line =
          new PostRef(
              post.idHi, post.idLo, post.version, post.author, LOG, next, post.flags, post.facts);
      inboxes.forEach(inbox -> inbox.deliver(line));
      next++;
      return line;
    }

    @Override
    public void register(UserId author, Inbox inbox) {
      inboxes.add(inbox);
    }

    @Override
    public boolean reachesBack(Positions from) {
      return located && !forgetful;
    }

    @Override
    public boolean remembersSince(Positions applied) {
      return !forgetful && applied.next(LOG) >= floor;
    }

    @Override
    public Positions stored() {
      return Positions.EMPTY.with(LOG, Math.min(stored, next));
    }

    @Override
    public Positions settled(Positions reached) {
      return reached.atMost(Positions.EMPTY.with(LOG, settled));
    }

    @Override
    public List<PostRef> recentWithTag(String tag, Positions after) {
      return tagged;
    }

    @Override
    public List<PostRef> recent(UserId author, Positions after) {
      return lines.stream().filter(line -> line.author.equals(author)).toList();
    }

    @Override
    public PostRef remembered(PostRef ref) {
      int at = lines.indexOf(ref);
      return at < 0 ? ref : lines.get(at);
    }

    @Override
    public Positions applied() {
      return Positions.EMPTY.with(LOG, next);
    }
  }

  /** What posts say, unless it is away. */
  private static final class Stored implements LiveTimeline.Texts {
    private final Map<PostId, Post> posts = new HashMap<>();
    final Set<PostId> unknown = new HashSet<>();
    boolean away;
    boolean atHand;
    int asked;
    int wanted;

    PostRef add(long at, String text) {
      PostRef ref = new PostRef(at, 1, at, BOB, LOG, at, 0);
      posts.put(ref.id(), Post.newBuilder().setText(text).setVersion(at).build());
      return ref;
    }

    @Override
    public @Nullable Post postIfPresent(PostId id) {
      return atHand && !unknown.contains(id) ? posts.get(id) : null;
    }

    @Override
    public CompletionStage<Map<PostId, Post>> posts(Collection<PostId> ids) {
      asked++;
      wanted += ids.size();
      if (away) return CompletableFuture.failedFuture(new IllegalStateException("away"));
      Map<PostId, Post> found = new HashMap<>(posts);
      found.keySet().retainAll(ids);
      found.keySet().removeAll(unknown);
      return CompletableFuture.completedFuture(found);
    }
  }

  /** The owner's thread, and its clock. */
  private static final class Days implements LiveTimeline.Owner {
    private record Later(long atMillis, Runnable task) {}

    private final Deque<Runnable> tasks = new ArrayDeque<>();
    private final PriorityQueue<Later> later =
        new PriorityQueue<>(Comparator.comparingLong(Later::atMillis));
    private long nowMillis;
    boolean drops;

    @Override
    public void execute(Runnable task) {
      if (!drops) tasks.add(task);
    }

    @Override
    public void executeIn(Duration delay, Runnable task) {
      later.add(new Later(nowMillis + delay.toMillis(), task));
    }

    void pass(Duration span) {
      long end = nowMillis + span.toMillis();
      while (true) {
        Runnable task = tasks.poll();
        if (task != null) {
          task.run();
          continue;
        }
        Later next = later.peek();
        if (next == null || next.atMillis() > end) break;
        later.remove();
        nowMillis = next.atMillis();
        next.task().run();
      }
      nowMillis = end;
    }
  }
}
