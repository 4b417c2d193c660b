package io.tideline.multidc.log;

import static io.tideline.multidc.log.TestLines.published;
import static io.tideline.multidc.log.TestLines.record;
import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import io.tideline.persistence.posts.ErasedAuthors;
import io.tideline.persistence.timeline.Inbox;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.Positions;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.PostLine;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;

/** What a node makes of the copy of another cell's log: one partition, its offsets those here. */
class CopyApplierTest {
  private static final int EAST = 1;
  private static final int WEST = 2;
  private static final int NORTH = 3;
  private static final int BEFORE = 6;
  private static final int NOW = 7;
  private static final UserId ANN = new UserId("ann");
  private static final LogSettings SETTINGS = LogSettings.from(ConfigFactory.load());
  private static final LogPartition ORIGIN = new LogPartition(WEST, NOW, 0);

  private final Queue<Runnable> thread = new ArrayDeque<>();
  private final RecentPosts recent = new RecentPosts(10);
  private final Interest interest = new Interest();
  private final Inbox inbox = new Inbox(10_000, () -> {});
  private final LineApplier applier = applier(recent, 100);

  CopyApplierTest() {
    interest.add(ANN, inbox);
  }

  private LineApplier applier(RecentPosts window, long maxReferences) {
    return new LineApplier(
        SETTINGS,
        WEST,
        EAST,
        LogTopics.copiesOf(new OtherCell("west", WEST, "nowhere:1", Map.of()), SETTINGS),
        maxReferences,
        window,
        interest,
        new HybridClock(InstantSource.system()),
        (line, ref) -> {},
        new ErasedAuthors(),
        thread::add,
        task -> {},
        () -> {});
  }

  private static LogBounds bounds(long begin, long end, long stored) {
    return bounds(1, begin, end, stored);
  }

  private static LogBounds bounds(int incarnation, long begin, long end, long stored) {
    return new LogBounds(incarnation, Map.of(0, new LogBounds.Partition(begin, end, stored)));
  }

  /** Line {@code origin} of the other cell's log, as line {@code here} of its copy. */
  private static ConsumerRecord<byte[], byte[]> copy(long here, long origin) {
    return copy(here, NOW, origin);
  }

  private static ConsumerRecord<byte[], byte[]> copy(long here, int incarnation, long origin) {
    PostLine line = published("ann", origin + 1).toBuilder().setOriginCell(WEST).build();
    ConsumerRecord<byte[], byte[]> copy = record(line, 0, here);
    new Stamp(new LogPartition(WEST, incarnation, 0), origin).addTo(copy.headers());
    return copy;
  }

  /** Copies one after the other. */
  private void take(long here, long... origins) {
    List<ConsumerRecord<byte[], byte[]>> batch = new ArrayList<>();
    for (long origin : origins) {
      batch.add(copy(here + batch.size(), origin));
    }
    take(batch);
  }

  private void take(List<ConsumerRecord<byte[], byte[]>> batch) {
    applier.take(batch, new CompletableFuture<>());
    for (Runnable task = thread.poll(); task != null; task = thread.poll()) {
      task.run();
    }
  }

  private List<Long> delivered() {
    return inbox.drain().stream().map(ref -> ref.offset).toList();
  }

  private static Positions at(long next) {
    return Positions.EMPTY.with(ORIGIN, next);
  }

  @Test
  void places_are_those_in_the_log_of_origin() {
    applier.resumeAt(bounds(0, 0, 0));
    take(0, 40, 41);
    List<PostRef> refs = inbox.drain();
    assertThat(refs).extracting(ref -> ref.offset).containsExactly(40L, 41L);
    assertThat(refs).extracting(ref -> ref.partition).containsOnly(ORIGIN);
    assertThat(applier.applied()).isEqualTo(at(42));
    assertThat(applier.read()).isEqualTo(Positions.EMPTY.with(new LogPartition(WEST, 1, 0), 2));
    assertThat(recent.floor(ORIGIN)).isEqualTo(40);
    assertThat(recent.lastSequence(ANN, WEST)).isEqualTo(42);
  }

  @Test
  void what_was_copied_again_moves_nothing_back_and_is_not_delivered() {
    applier.resumeAt(bounds(0, 0, 100));
    take(0, 0, 1, 2, 3, 4);
    take(5, LongStream.range(5, 30).toArray());
    applier.stored(bounds(0, 100, 100));
    assertThat(recent.floor(ORIGIN)).as("the first ones are forgotten").isEqualTo(20);
    delivered();
    take(30, 2, 3, 4, 29, 30);
    assertThat(delivered()).containsExactly(30L);
    assertThat(applier.applied()).isEqualTo(at(31));
    assertThat(recent.recent(ANN, at(2))).extracting(ref -> ref.offset).isSorted();
  }

  @Test
  void nothing_is_forgotten_before_its_copy_is_stored() {
    applier.resumeAt(bounds(0, 0, 0));
    take(0, 50, 51, 52, 53, 54);
    take(5, 50, 51, 52);
    take(8, LongStream.range(55, 64).toArray());
    assertThat(recent.size()).isEqualTo(14);
    applier.stored(bounds(0, 17, 2));
    assertThat(recent.floor(ORIGIN)).isEqualTo(52);
    applier.stored(bounds(0, 17, 7));
    assertThat(recent.size()).as("no more than too much").isEqualTo(10);
    take(17, LongStream.range(64, 68).toArray());
    assertThat(recent.floor(ORIGIN)).as("line 54 is stored, line 55 is not").isEqualTo(55);
    applier.stored(bounds(0, 21, 9));
    assertThat(recent.floor(ORIGIN)).isEqualTo(56);
  }

  @Test
  void a_log_made_anew_is_followed_and_its_former_life_is_over() {
    applier.resumeAt(bounds(0, 0, 0));
    take(List.of(copy(0, BEFORE, 7), copy(1, BEFORE, 8), copy(2, NOW, 0), copy(3, BEFORE, 9)));
    assertThat(delivered()).containsExactly(7L, 8L, 0L);
    assertThat(applier.applied()).isEqualTo(at(1));
    assertThat(recent.reachesBack(at(0))).isTrue();
    assertThat(recent.floor(new LogPartition(WEST, BEFORE, 0))).isEqualTo(-1);
  }

  @Test
  void older_lines_that_were_copied_last_are_no_place_to_begin() {
    // 7 and 8 were there before a late copier wrote 3 to 5 again.
    RecentPosts window = new RecentPosts(1_000);
    LineApplier late = applier(window, 4);
    assertThat(late.resumeAt(bounds(0, 8, 4))).containsEntry(0, 0L);
    List<ConsumerRecord<byte[], byte[]>> lines =
        List.of(
            copy(0, 6),
            copy(1, 7),
            copy(2, 8),
            copy(3, 3),
            copy(4, 4),
            copy(5, 5),
            copy(6, 9),
            copy(7, 10));
    assertThat(late.located()).isFalse();
    late.take(lines, new CompletableFuture<>());
    assertThat(late.located()).isTrue();
    assertThat(window.floor(ORIGIN)).isEqualTo(9);
    assertThat(delivered()).containsExactly(9L, 10L);
    assertThat(late.applied()).isEqualTo(at(11));
  }

  @Test
  void where_the_lines_are_that_are_stored_already_is_known_before_anything_new_comes() {
    assertThat(applier.resumeAt(bounds(5_000, 9_000, 9_000))).containsEntry(0, 6_900L);
    take(IntStream.range(6_900, 9_000).mapToObj(here -> copy(here, here - 4_000)).toList());
    assertThat(applier.located()).isTrue();
    assertThat(applier.applied()).isEqualTo(at(5_000));
    assertThat(delivered()).hasSize(100).startsWith(4_900L);
  }

  @Test
  void a_copy_made_anew_goes_on_where_the_log_of_origin_was() {
    applier.resumeAt(bounds(1, 0, 0, 0));
    take(0, 0, 1, 2);
    LogBounds anew = bounds(2, 0, 0, 0);
    assertThat(applier.isOf(anew)).isFalse();
    assertThat(applier.resumeAt(anew)).containsEntry(0, 0L);
    assertThat(recent.reachesBack(at(2))).as("line 2 is remembered no more").isFalse();
    delivered();
    take(0, 0, 1, 2, 3);
    assertThat(delivered()).containsExactly(3L);
    assertThat(applier.applied()).isEqualTo(at(4));
  }

  @Test
  void a_copy_that_does_not_say_where_it_is_from_is_skipped_and_counted() {
    applier.resumeAt(bounds(0, 0, 0));
    take(List.of(record(published("ann", 1), 0, 0), copy(1, 5)));
    assertThat(applier.poison()).isEqualTo(1);
    assertThat(delivered()).containsExactly(5L);
    assertThat(applier.applied()).isEqualTo(at(6));
  }

  /** A line that the other cell says again of a post that has arrived there long ago. */
  private static ConsumerRecord<byte[], byte[]> again(long here, long origin, int forCell) {
    ConsumerRecord<byte[], byte[]> copy = copy(here, origin);
    new SaidAgain(Set.of(forCell), new Stamp(new LogPartition(WEST, BEFORE, 0), 3))
        .addTo(copy.headers());
    return copy;
  }

  @Test
  void what_is_said_again_for_another_cell_is_passed_over() {
    applier.resumeAt(bounds(0, 0, 0));
    take(List.of(copy(0, 40), again(1, 41, NORTH), copy(2, 42)));
    applier.stored(bounds(0, 3, 3));
    assertThat(inbox.lacked()).isFalse();
    assertThat(delivered()).containsExactly(40L, 42L);
    assertThat(applier.applied()).isEqualTo(at(43));
    assertThat(recent.floor(ORIGIN)).isEqualTo(40);
  }

  @Test
  void
      what_is_said_again_for_this_cell_is_no_news_but_feeds_look_into_the_store_once_it_is_there() {
    applier.resumeAt(bounds(0, 0, 0));
    take(List.of(copy(0, 40), again(1, 41, EAST), copy(2, 42)));
    assertThat(delivered()).containsExactly(40L, 42L);
    applier.stored(bounds(0, 3, 1));
    assertThat(inbox.lacked()).as("it is not stored yet").isFalse();
    assertThat(recent.reachesBack(at(41))).isTrue();
    assertThat(applier.unsettled()).as("what who falls asleep may say").isEqualTo(at(41));

    applier.stored(bounds(0, 3, 2));
    assertThat(inbox.lacked()).as("who wakes up is not sent to the store yet").isFalse();
    applier.stored(bounds(0, 3, 3));
    assertThat(inbox.lacked()).isTrue();
    assertThat(applier.unsettled()).as("until it has looked").isEqualTo(at(41));
    assertThat(recent.reachesBack(at(42))).as("from a checkpoint of before").isFalse();
    assertThat(recent.reachesBack(at(43))).isTrue();

    take(List.of(copy(3, 43)));
    applier.stored(bounds(0, 4, 4));
    assertThat(inbox.lacked()).as("once only").isFalse();
    assertThat(applier.unsettled()).isEqualTo(Positions.EMPTY);
  }

  @Test
  void what_the_last_line_left_behind_when_it_was_taken_is_a_place() {
    applier.resumeAt(bounds(7, 8, 7));
    assertThat(applier.located()).isFalse();
    ConsumerRecord<byte[], byte[]> mark =
        new ConsumerRecord<>("tideline.posts.west", 0, 7, null, new byte[8]);
    new Stamp(ORIGIN, 41).addTo(mark.headers());
    new SaidAgain(Set.of(), null).addTo(mark.headers());
    take(List.of(mark));
    assertThat(applier.located()).isTrue();
    assertThat(applier.poison()).isZero();
    assertThat(applier.applied()).isEqualTo(at(42));
    assertThat(recent.reachesBack(at(42))).isTrue();
    assertThat(recent.reachesBack(at(40))).as("what came after it may have gone").isFalse();
  }

  @Test
  void an_empty_copy_is_a_place_too() {
    applier.resumeAt(bounds(0, 0, 0));
    assertThat(applier.located()).isTrue();
    assertThat(applier.applied()).isEqualTo(Positions.EMPTY);
  }
}
