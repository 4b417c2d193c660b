package io.tideline.multidc.log;

import static io.tideline.multidc.log.TestLines.deleted;
import static io.tideline.multidc.log.TestLines.edited;
import static io.tideline.multidc.log.TestLines.published;
import static io.tideline.multidc.log.TestLines.record;
import static io.tideline.multidc.log.TestLines.tagged;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import com.typesafe.config.ConfigFactory;
import io.tideline.persistence.posts.ErasedAuthors;
import io.tideline.persistence.timeline.Inbox;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.Positions;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.PostFacts;
import io.tideline.protocols.log.v1.PostLine;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.pekko.Done;
import org.junit.jupiter.api.Test;

class LineApplierTest {
  private static final UserId ANN = new UserId("ann");
  private static final UserId BOB = new UserId("bob");
  private static final LogSettings SETTINGS = settings();

  private final Queue<Runnable> thread = new ArrayDeque<>();
  private final Queue<Runnable> afterAMoment = new ArrayDeque<>();
  private final List<String> told = new ArrayList<>();
  private final RecentPosts recent = new RecentPosts(1_000);
  private final Interest interest = new Interest();
  private final HybridClock clock = new HybridClock(InstantSource.system());
  private final ErasedAuthors erased = new ErasedAuthors();
  private LineApplier applier = applier(recent);

  private static LogSettings settings() {
    LogSettings defaults = LogSettings.from(ConfigFactory.load());
    return new LogSettings(
        "nowhere:1",
        Map.of(),
        2,
        0,
        defaults.retention(),
        10,
        defaults.deliveryTimeout(),
        100,
        10,
        50,
        1,
        1);
  }

  private LineApplier applier(RecentPosts window) {
    return applier(window, 1, new LogTopics(SETTINGS, "east"));
  }

  private LineApplier applier(RecentPosts window, int cell, LogTopics topics) {
    return new LineApplier(
        SETTINGS,
        cell,
        1,
        topics,
        100,
        window,
        interest,
        clock,
        (line, ref) -> told.add(line.getAuthorId() + ":" + ref.offset),
        erased,
        thread::add,
        afterAMoment::add,
        () -> {});
  }

  private static LogBounds bounds(int incarnation, long begin, long end, long stored) {
    Map<Integer, LogBounds.Partition> partitions = new HashMap<>();
    partitions.put(0, new LogBounds.Partition(begin, end, stored));
    partitions.put(1, new LogBounds.Partition(begin, end, stored));
    return new LogBounds(incarnation, partitions);
  }

  private static LogPartition partition(int number) {
    return new LogPartition(1, 7, number);
  }

  @SafeVarargs
  private void take(ConsumerRecord<byte[], byte[]>... records) {
    List<ConsumerRecord<byte[], byte[]>> batch = new ArrayList<>();
    for (ConsumerRecord<byte[], byte[]> record : records) {
      batch.add(record);
    }
    applier.take(batch, new CompletableFuture<>());
  }

  private void runAll() {
    for (Runnable task = thread.poll(); task != null; task = thread.poll()) {
      task.run();
    }
  }

  private List<Inbox> inboxes(UserId author, int count) {
    List<Inbox> inboxes =
        IntStream.range(0, count).mapToObj(i -> new Inbox(1_000, () -> {})).toList();
    inboxes.forEach(inbox -> interest.add(author, inbox));
    return inboxes;
  }

  private static List<Long> offsets(Inbox inbox) {
    return inbox.drain().stream().map(ref -> ref.offset).toList();
  }

  @Test
  void an_erased_author_is_told_to_those_who_listen_and_later_lines_to_nobody() {
    applier.resumeAt(bounds(7, 0, 0, 0));
    Inbox inbox = inboxes(ANN, 1).get(0);
    take(
        record(published("ann", 1), 0, 0),
        record(TestLines.erased("ann", 2), 0, 1),
        record(published("ann", 1), 0, 2),
        record(published("ann", 3), 1, 0));
    runAll();
    assertThat(offsets(inbox)).containsExactly(0L, 1L);
    assertThat(told).containsExactly("ann:0", "ann:1");
    assertThat(erased.contains(ANN)).isTrue();
    assertThat(applier.applied())
        .isEqualTo(Positions.EMPTY.with(partition(0), 3).with(partition(1), 1));
  }

  @Test
  void it_begins_far_enough_back_to_fill_its_memory() {
    assertThat(applier.resumeAt(bounds(7, 0, 200, 200))).containsEntry(0, 150L);
  }

  @Test
  void it_begins_no_later_than_the_post_store_has_come() {
    assertThat(applier.resumeAt(bounds(7, 0, 200, 20))).containsEntry(0, 20L);
  }

  @Test
  void it_begins_no_earlier_than_the_log() {
    assertThat(applier.resumeAt(bounds(7, 190, 200, 0))).containsEntry(0, 190L);
  }

  @Test
  void a_line_is_remembered_told_delivered_and_only_then_applied() {
    applier.resumeAt(bounds(7, 0, 0, 0));
    List<Positions> appliedWhenOffered = new ArrayList<>();
    interest.add(
        ANN,
        new Inbox(
            10,
            () -> {
              told.add("woken");
              appliedWhenOffered.add(applier.applied());
              assertThat(recent.recent(ANN, Positions.EMPTY)).hasSize(1);
            }));
    take(record(published("ann", 1), 0, 0));
    assertThat(told).containsExactly("ann:0", "woken");
    assertThat(appliedWhenOffered.get(0).next(partition(0))).isZero();
    assertThat(applier.applied().next(partition(0))).isEqualTo(1);
    assertThat(applier.deliveries()).isEqualTo(1);
  }

  @Test
  void the_clock_follows_what_others_write() {
    applier.resumeAt(bounds(7, 0, 0, 0));
    long ahead = HybridClock.ofMillis(System.currentTimeMillis() + 30_000);
    take(record(published("ann", 1).toBuilder().setVersion(ahead).build(), 0, 0));
    assertThat(clock.next()).isGreaterThan(ahead);
  }

  @Test
  void a_post_that_many_want_takes_turns_and_only_its_own_partition_waits() {
    applier.resumeAt(bounds(7, 0, 0, 0));
    List<Inbox> ofAnn = inboxes(ANN, 35);
    Inbox ofBob = inboxes(BOB, 1).get(0);
    Inbox ofBoth = ofAnn.get(34);
    interest.add(BOB, ofBoth);
    take(
        record(published("ann", 1), 0, 0),
        record(published("ann", 2), 0, 1),
        record(published("bob", 1), 1, 0));
    assertThat(offsets(ofBob)).containsExactly(0L);
    assertThat(applier.applied().next(partition(1))).isEqualTo(1);
    assertThat(applier.applied().next(partition(0))).as("not all have it").isZero();
    assertThat(applier.deliveries()).isLessThan(35);
    runAll();
    assertThat(applier.applied().next(partition(0))).isEqualTo(2);
    assertThat(applier.deliveries()).isEqualTo(72);
    assertThat(ofAnn.subList(0, 34))
        .allSatisfy(i -> assertThat(offsets(i)).containsExactly(0L, 1L));
    assertThat(ofBoth.drain())
        .filteredOn(ref -> ref.author.equals(ANN))
        .extracting(ref -> ref.offset)
        .containsExactly(0L, 1L);
  }

  @Test
  void a_line_reaches_who_wants_its_author_or_a_tag_of_it_once() {
    applier.resumeAt(bounds(7, 0, 0, 0));
    Inbox ofAnn = inboxes(ANN, 1).get(0);
    Inbox ofBoth = inboxes(ANN, 1).get(0);
    interest.addTag("tide", ofBoth);
    interest.addTag("sea", ofBoth);
    Inbox ofTide = new Inbox(1_000, () -> {});
    interest.addTag("tide", ofTide);
    take(
        record(tagged(published("ann", 1), "Tide", "sea"), 0, 0),
        record(published("ann", 2), 0, 1),
        record(tagged(published("bob", 1), "TIDE"), 1, 0),
        record(tagged(edited("ann", 3, 1), "moon"), 0, 2),
        record(tagged(edited("ann", 4, 2), "tide"), 0, 3),
        record(deleted("ann", 5, 1), 0, 4));
    runAll();
    assertThat(offsets(ofAnn)).containsExactly(0L, 1L, 2L, 3L, 4L);
    List<PostRef> both = ofBoth.drain();
    assertThat(both).hasSize(6);
    assertThat(both)
        .filteredOn(ref -> ref.author.equals(ANN))
        .extracting(ref -> ref.offset)
        .containsExactly(0L, 1L, 2L, 3L, 4L);
    assertThat(ofTide.drain())
        .extracting(ref -> ref.author, ref -> ref.offset)
        .containsExactlyInAnyOrder(tuple(ANN, 0L), tuple(ANN, 3L), tuple(BOB, 0L));
    interest.removeTag("tide", ofTide);
    take(record(tagged(published("bob", 2), "tide"), 1, 1));
    runAll();
    assertThat(ofTide.drain()).isEmpty();
    assertThat(offsets(ofBoth)).containsExactly(1L);
  }

  @Test
  void a_post_whose_tag_many_want_takes_turns_too() {
    applier.resumeAt(bounds(7, 0, 0, 0));
    List<Inbox> ofAnn = inboxes(ANN, 20);
    List<Inbox> ofTide = IntStream.range(0, 20).mapToObj(i -> new Inbox(1_000, () -> {})).toList();
    ofAnn.subList(0, 5).forEach(inbox -> interest.addTag("tide", inbox));
    ofTide.forEach(inbox -> interest.addTag("tide", inbox));
    take(record(tagged(published("ann", 1), "tide"), 0, 0));
    assertThat(applier.deliveries()).isLessThanOrEqualTo(10);
    assertThat(applier.applied().next(partition(0))).as("not all have it").isZero();
    runAll();
    assertThat(applier.deliveries()).isEqualTo(40);
    assertThat(applier.applied().next(partition(0))).isEqualTo(1);
    assertThat(ofTide).allSatisfy(inbox -> assertThat(offsets(inbox)).containsExactly(0L));
  }

  @Test
  void a_hundred_thousand_inboxes_get_a_post_within_a_second() {
    applier.resumeAt(bounds(7, 0, 0, 0));
    List<Inbox> ofAnn = inboxes(ANN, 100_000);
    long begin = System.nanoTime();
    take(record(published("ann", 1), 0, 0));
    runAll();
    assertThat(System.nanoTime() - begin).isLessThan(1_000_000_000L);
    assertThat(applier.deliveries()).isEqualTo(100_000);
    assertThat(ofAnn.get(99_999).drain()).hasSize(1);
  }

  @Test
  void a_line_that_cannot_be_read_is_skipped_and_counted() {
    applier.resumeAt(bounds(7, 0, 0, 0));
    PostLine good = published("ann", 1);
    take(
        new ConsumerRecord<>(TestLines.TOPIC, 0, 0, null, new byte[] {1, 2, 3}),
        new ConsumerRecord<>(TestLines.TOPIC, 0, 1, null, null),
        record(good.toBuilder().setAuthorId("no body").build(), 0, 2),
        record(good.toBuilder().clearPostId().build(), 0, 3),
        record(good.toBuilder().setKindValue(99).build(), 0, 4),
        record(good.toBuilder().setVersion(0).build(), 0, 5),
        record(
            good.toBuilder().setFacts(PostFacts.newBuilder().addMentions("no body")).build(), 0, 6),
        record(good, 0, 7));
    runAll();
    assertThat(applier.poison()).isEqualTo(7);
    assertThat(applier.applied().next(partition(0))).isEqualTo(8);
    assertThat(told).containsExactly("ann:7");
  }

  @Test
  void a_line_that_brings_out_a_fault_is_skipped_and_counted() {
    applier.resumeAt(bounds(7, 0, 0, 0));
    ConsumerRecord<byte[], byte[]> faulty =
        new ConsumerRecord<byte[], byte[]>(TestLines.TOPIC, 0, 0, null, null) {
          @Override
          public byte[] value() {
            throw new IllegalStateException("a fault");
          }
        };
    take(faulty, record(published("ann", 1), 0, 1));
    take(record(published("ann", 2), 0, 2));
    assertThat(applier.poison()).isOne();
    assertThat(applier.applied().next(partition(0))).isEqualTo(3);
    assertThat(told).containsExactly("ann:1", "ann:2");
  }

  @Test
  void the_same_line_twice_is_delivered_once() {
    applier.resumeAt(bounds(7, 0, 0, 0));
    Inbox inbox = inboxes(ANN, 1).get(0);
    take(
        record(published("ann", 1), 0, 0),
        record(deleted("ann", 2, 1), 0, 1),
        record(published("ann", 1), 0, 2),
        record(deleted("ann", 2, 1), 0, 3));
    assertThat(inbox.drain()).extracting(PostRef::deleted).containsExactly(false, true);
    assertThat(applier.applied().next(partition(0))).isEqualTo(4);
  }

  @Test
  void a_post_that_comes_long_after_its_delete_reaches_nobody() {
    RecentPosts small = new RecentPosts(4);
    applier = applier(small);
    applier.resumeAt(bounds(7, 0, 0, 0));
    Inbox inbox = inboxes(ANN, 1).get(0);
    take(record(deleted("ann", 2, 1), 0, 0));
    for (int i = 0; i < 6; i++) {
      take(record(published("bob", i + 1), 0, i + 1));
    }
    applier.stored(bounds(7, 0, 7, 7));
    assertThat(small.recent(ANN, Positions.EMPTY)).as("the delete is forgotten").isEmpty();
    inbox.drain();

    take(record(published("ann", 1), 0, 7), record(edited("ann", 3, 1), 0, 8));
    take(record(published("ann", 4), 0, 9));
    runAll();

    assertThat(offsets(inbox)).as("only another post of the author").containsExactly(9L);
    assertThat(small.recent(ANN, Positions.EMPTY)).hasSize(1);
    assertThat(applier.applied().next(partition(0))).isEqualTo(10);
  }

  @Test
  void lines_read_again_after_a_restart_are_not_applied_again() {
    applier.resumeAt(bounds(7, 0, 0, 0));
    Inbox inbox = inboxes(ANN, 1).get(0);
    take(record(published("ann", 1), 0, 0), record(published("ann", 2), 0, 1));
    assertThat(applier.resumeAt(bounds(7, 0, 3, 0))).containsEntry(0, 2L).containsEntry(1, 0L);
    take(record(published("ann", 2), 0, 1), record(published("ann", 3), 0, 2));
    assertThat(offsets(inbox)).containsExactly(0L, 1L, 2L);
    assertThat(recent.duplicates()).isZero();
  }

  @Test
  void nothing_is_applied_while_paused_and_reading_ends_when_enough_waits() {
    applier.resumeAt(bounds(7, 0, 0, 0));
    applier.pause();
    CompletableFuture<Done> first = new CompletableFuture<>();
    applier.take(List.of(record(published("ann", 1), 0, 0)), first);
    assertThat(first).isCompleted();
    CompletableFuture<Done> second = new CompletableFuture<>();
    applier.take(
        IntStream.range(1, 60).mapToObj(i -> record(published("ann", i + 1), 0, i)).toList(),
        second);
    assertThat(second).isNotDone();
    assertThat(applier.lines()).isZero();
    applier.resume();
    thread.addAll(afterAMoment);
    runAll();
    assertThat(second).isCompleted();
    assertThat(applier.applied().next(partition(0))).isEqualTo(60);
  }

  @Test
  void it_stands_still_at_twice_its_memory_until_the_post_store_has_caught_up() {
    RecentPosts small = new RecentPosts(10);
    applier = applier(small);
    applier.resumeAt(bounds(7, 0, 0, 0));
    for (int i = 0; i < 40; i++) {
      take(record(published("ann", i + 1), 0, i));
    }
    runAll();
    assertThat(applier.heldBack()).isTrue();
    assertThat(small.size()).isEqualTo(20);
    applier.stored(bounds(7, 0, 40, 40));
    thread.addAll(afterAMoment);
    runAll();
    assertThat(applier.heldBack()).isFalse();
    assertThat(applier.applied().next(partition(0))).isEqualTo(40);
    assertThat(small.size()).isEqualTo(10);
  }

  @Test
  void it_has_caught_up_when_it_has_applied_what_was_there_when_it_began() {
    applier.resumeAt(bounds(7, 0, 1, 0));
    assertThat(applier.caughtUp()).isFalse();
    take(record(published("ann", 1), 0, 0));
    assertThat(applier.caughtUp()).isFalse();
    take(record(published("bob", 1), 1, 0));
    assertThat(applier.caughtUp()).isTrue();
  }

  @Test
  void lines_that_are_gone_are_said_to_be_and_their_timelines_start_cold() {
    applier.resumeAt(bounds(7, 0, 5, 5));
    take(record(published("ann", 1), 0, 0));
    Positions before = applier.applied();
    assertThat(applier.resumeAt(bounds(7, 100, 120, 120))).containsEntry(0, 100L);
    assertThat(applier.outOfRange()).isEqualTo(2);
    assertThat(recent.reachesBack(before)).isFalse();
    assertThat(applier.applied().next(partition(0))).isEqualTo(100);
  }

  @Test
  void partitions_that_are_added_are_read_from_their_beginning_and_those_that_are_gone_forgotten() {
    applier.resumeAt(bounds(7, 0, 0, 0));
    take(record(published("ann", 1), 0, 0), record(published("bob", 1), 1, 0));
    runAll();
    Map<Integer, LogBounds.Partition> three = new HashMap<>(bounds(7, 0, 1, 1).partitions());
    three.put(2, new LogBounds.Partition(0, 900, 900));
    LogBounds more = new LogBounds(7, three);
    assertThat(applier.isOf(more)).isFalse();
    assertThat(applier.resumeAt(more)).isEqualTo(Map.of(0, 1L, 1, 1L, 2, 0L));
    assertThat(applier.isOf(more)).isTrue();
    assertThat(recent.floor(partition(2))).isZero();

    LogBounds one = new LogBounds(8, Map.of(0, new LogBounds.Partition(0, 0, 0)));
    assertThat(applier.isOf(one)).isFalse();
    assertThat(applier.resumeAt(one)).isEqualTo(Map.of(0, 0L));
    assertThat(applier.isOf(one)).isTrue();
    assertThat(recent.recent(BOB, Positions.EMPTY)).isEmpty();
    assertThat(recent.reachesBack(Positions.EMPTY.with(new LogPartition(1, 8, 0), 0))).isTrue();
  }

  @Test
  void a_log_made_anew_is_read_from_its_beginning() {
    applier.resumeAt(bounds(7, 0, 0, 0));
    take(record(published("ann", 1), 0, 0));
    LogBounds anew = bounds(8, 0, 1, 0);
    assertThat(applier.isOf(anew)).isFalse();
    assertThat(applier.resumeAt(anew)).containsEntry(0, 0L);
    take(record(published("bob", 1), 0, 0));
    assertThat(applier.applied().partitions())
        .containsExactly(new LogPartition(1, 8, 0), new LogPartition(1, 8, 1));
    assertThat(recent.recent(ANN, Positions.EMPTY)).isEmpty();
    assertThat(recent.recent(BOB, Positions.EMPTY)).hasSize(1);
  }
}
