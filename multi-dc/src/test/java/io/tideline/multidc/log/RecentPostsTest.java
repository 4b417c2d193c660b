package io.tideline.multidc.log;

import static io.tideline.multidc.log.TestLines.deleted;
import static io.tideline.multidc.log.TestLines.edited;
import static io.tideline.multidc.log.TestLines.erased;
import static io.tideline.multidc.log.TestLines.published;
import static io.tideline.multidc.log.TestLines.ref;
import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.persistence.timeline.PostRef;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.PostLine;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class RecentPostsTest {
  private static final LogPartition P0 = new LogPartition(1, 7, 0);
  private static final LogPartition P1 = new LogPartition(1, 7, 1);
  private static final LogPartition ELSEWHERE = new LogPartition(2, 9, 0);
  private static final UserId ANN = new UserId("ann");
  private static final List<String> TAGS = List.of("tide", "sea", "moon");
  private static final Positions START = Positions.EMPTY.with(P0, 0).with(P1, 0);

  private final RecentPosts recent = new RecentPosts(4);

  @BeforeEach
  void open() {
    recent.open(P0, 0);
    recent.open(P1, 0);
  }

  private boolean add(PostLine line, LogPartition partition, long offset) {
    return recent.add(ref(line, partition, offset), line.getSequence());
  }

  /** The same of a post whose id is that of an import. */
  private static PostLine imported(PostLine line) {
    return line.toBuilder().setPostId(new PostId(1L << 60, 17).toByteString()).build();
  }

  private List<Long> offsetsOfAnn(Positions after) {
    return recent.recent(ANN, after).stream().map(ref -> ref.offset).toList();
  }

  @Test
  void lines_come_back_in_log_order_from_the_positions_on() {
    add(published("ann", 1), P0, 10);
    add(published("bob", 1), P0, 11);
    add(published("ann", 2), P0, 12);
    add(deleted("ann", 3, 1), P0, 13);
    assertThat(offsetsOfAnn(START)).containsExactly(10L, 12L, 13L);
    assertThat(offsetsOfAnn(START.with(P0, 12))).containsExactly(12L, 13L);
    assertThat(offsetsOfAnn(START.with(P0, 14))).isEmpty();
    assertThat(recent.recent(new UserId("nobody"), START)).isEmpty();
  }

  private List<String> tagged(String tag, Positions after) {
    return recent.recentWithTag(tag, after).stream().map(r -> r.author + ":" + r.offset).toList();
  }

  @Test
  void lines_with_a_tag_come_back_whoever_wrote_them() {
    add(TestLines.tagged(published("ann", 1), "Tide", "sea"), P0, 10);
    add(published("ann", 2), P0, 11);
    add(TestLines.tagged(published("bob", 1), "tide"), P0, 12);
    add(TestLines.tagged(published("cid", 1), "TIDE"), P1, 3);
    assertThat(tagged("tide", START))
        .containsExactlyInAnyOrder("ann:10", "bob:12", "cid:3")
        .containsSubsequence("ann:10", "bob:12");
    assertThat(tagged("tide", START.with(P0, 11).with(P1, 4))).containsExactly("bob:12");
    assertThat(tagged("sea", START)).containsExactly("ann:10");
    assertThat(tagged("moon", START)).isEmpty();
    assertThat(recent.recentWithTag("sea", START).get(0))
        .isSameAs(recent.recent(ANN, START).get(0));
  }

  @Test
  void a_tag_is_forgotten_with_its_lines() {
    add(TestLines.tagged(published("ann", 1), "tide"), P0, 0);
    add(TestLines.tagged(edited("ann", 2, 1), "tide", "sea"), P0, 1);
    for (int i = 2; i < 5; i++) {
      add(published("ann", i + 1), P0, i);
    }
    recent.stored(P0, 5);
    recent.evict();
    assertThat(tagged("tide", START)).containsExactly("ann:1");
    add(published("ann", 6), P0, 5);
    recent.stored(P0, 6);
    recent.evict();
    assertThat(tagged("tide", START)).isEmpty();
    assertThat(tagged("sea", START)).isEmpty();
  }

  @Test
  void the_same_line_again_is_not_taken() {
    assertThat(add(published("ann", 1), P0, 0)).isTrue();
    assertThat(add(published("ann", 1), P0, 1)).isFalse();
    assertThat(offsetsOfAnn(START)).containsExactly(0L);
    assertThat(recent.duplicates()).isEqualTo(1);
  }

  @Test
  void a_publish_appended_again_after_its_delete_does_not_come_back() {
    add(published("ann", 1), P0, 0);
    add(deleted("ann", 2, 1), P0, 1);
    assertThat(add(published("ann", 1), P0, 2)).isFalse();
    assertThat(add(deleted("ann", 2, 1), P0, 3)).isFalse();
    assertThat(offsetsOfAnn(START)).containsExactly(0L, 1L);
  }

  @Test
  void a_deleted_post_that_is_imported_again_does_not_come_back() {
    assertThat(add(imported(published("ann", 1)), P0, 0)).isTrue();
    assertThat(add(imported(deleted("ann", 2, 1)), P0, 1)).isTrue();
    assertThat(add(imported(published("ann", 3)), P0, 2)).isFalse();
  }

  @Test
  void a_publish_that_comes_after_its_edit_says_nothing_new() {
    add(edited("ann", 2, 1), P0, 0);
    assertThat(add(published("ann", 1), P0, 1)).isFalse();
  }

  @Test
  void an_edit_of_a_deleted_post_says_nothing_new() {
    add(deleted("ann", 2, 1), P0, 0);
    assertThat(add(edited("ann", 3, 1), P0, 1)).isFalse();
    assertThat(recent.lastSequence(ANN, 1)).isEqualTo(3);
  }

  @Test
  void a_late_line_of_another_post_is_taken() {
    add(published("ann", 3), P0, 0);
    assertThat(add(published("ann", 1), P0, 1)).isTrue();
    assertThat(recent.lastSequence(ANN, 1)).isEqualTo(3);
  }

  @Test
  void a_delete_in_one_cell_holds_for_a_publish_that_comes_from_another() {
    recent.open(ELSEWHERE, 0);
    add(deleted("ann", 5, 1), ELSEWHERE, 0);
    assertThat(add(published("ann", 1), P0, 0)).isFalse();
  }

  @Test
  void where_a_post_has_arrived_its_own_cell_may_tell_after_the_edit_of_another() {
    recent.open(ELSEWHERE, 0);
    add(edited("ann", 2, 1), ELSEWHERE, 0);
    assertThat(add(published("ann", 1), P0, 5)).isTrue();
    assertThat(add(published("ann", 1), P0, 6)).as("said before").isFalse();
    PostRef post = recent.recent(ANN, START).stream().reduce(PostRef::merge).orElseThrow();
    assertThat(post.partition).isEqualTo(P0);
    assertThat(post.offset).isEqualTo(5);
    assertThat(post.flags).isEqualTo(PostRef.EDITED);
  }

  @Test
  void missing_numbers_are_counted() {
    add(published("ann", 4), P0, 0);
    add(published("ann", 5), P0, 1);
    add(published("ann", 9), P0, 2);
    assertThat(recent.gaps()).isEqualTo(3);
    assertThat(recent.lastSequence(ANN, 1)).isEqualTo(9);
    assertThat(recent.lastSequence(ANN, 2)).isZero();
  }

  @Test
  void nothing_is_forgotten_before_the_post_store_has_it() {
    for (int i = 0; i < 8; i++) {
      add(published("ann", i + 1), P0, i);
    }
    recent.evict();
    assertThat(recent.size()).isEqualTo(8);
    assertThat(recent.full()).isTrue();
    recent.stored(P0, 2);
    recent.evict();
    assertThat(offsetsOfAnn(START)).containsExactly(2L, 3L, 4L, 5L, 6L, 7L);
    assertThat(recent.full()).isFalse();
    recent.stored(P0, 8);
    recent.evict();
    assertThat(offsetsOfAnn(START)).containsExactly(4L, 5L, 6L, 7L);
    assertThat(recent.floor(P0)).isEqualTo(4);
  }

  @Test
  void it_reaches_back_to_its_floors_and_no_further() {
    for (int i = 0; i < 6; i++) {
      add(published("ann", i + 1), P0, i);
    }
    recent.stored(P0, 6);
    recent.evict();
    assertThat(recent.floor(P0)).isEqualTo(2);
    assertThat(recent.reachesBack(START.with(P0, 2))).isTrue();
    assertThat(recent.reachesBack(START.with(P0, 1))).isFalse();
    assertThat(recent.reachesBack(Positions.EMPTY.with(P0, 6))).as("P1 is unknown").isFalse();
    assertThat(new RecentPosts(4).reachesBack(START)).as("nothing is read yet").isFalse();
  }

  @Test
  void a_log_made_anew_takes_the_place_of_the_old_one() {
    add(TestLines.tagged(published("ann", 1), "tide"), P0, 100);
    recent.close(P0);
    LogPartition anew = new LogPartition(1, 8, 0);
    recent.open(anew, 0);
    assertThat(offsetsOfAnn(START)).isEmpty();
    assertThat(tagged("tide", START)).isEmpty();
    assertThat(recent.size()).isZero();
    assertThat(recent.authors()).isZero();
    assertThat(recent.reachesBack(START)).isFalse();
    assertThat(recent.reachesBack(Positions.EMPTY.with(anew, 0).with(P1, 0))).isTrue();
  }

  /** What is remembered, as a list from which nothing is ever removed but by its floor. */
  private static final class Model {
    final List<PostRef> taken = new ArrayList<>();
    final Map<LogPartition, Long> stored = new HashMap<>();
    private final Set<PostId> deletedAhead = new HashSet<>();

    boolean alreadyTold(PostRef ref, RecentPosts recent) {
      return deletedAhead.contains(ref.id())
          || remembered(recent).stream()
              .filter(known -> known.id().equals(ref.id()))
              .anyMatch(known -> known.deleted() || tellsAsMuch(known, ref));
    }

    void take(PostRef ref, RecentPosts recent) {
      boolean unheardOf =
          remembered(recent).stream().noneMatch(known -> known.id().equals(ref.id()));
      if (ref.deleted() && unheardOf) {
        deletedAhead.add(ref.id());
      }
      taken.add(ref);
    }

    private static boolean tellsAsMuch(PostRef known, PostRef ref) {
      boolean knowsWhere = known.partition.equals(ref.partition) || !ref.arrivesBefore(known);
      return !ref.deleted() && known.version >= ref.version && knowsWhere;
    }

    List<PostRef> remembered(RecentPosts recent) {
      return taken.stream().filter(ref -> ref.offset >= recent.floor(ref.partition)).toList();
    }
  }

  @Property(tries = 60)
  void it_agrees_with_a_plain_list(
      @ForAll Random random, @ForAll @IntRange(min = 1, max = 30) int most) {
    RecentPosts recent = new RecentPosts(most);
    List<LogPartition> partitions = List.of(P0, P1, ELSEWHERE);
    Map<LogPartition, Long> ends = new HashMap<>();
    for (LogPartition partition : partitions) {
      long start = random.nextInt(1_000);
      recent.open(partition, start);
      ends.put(partition, start);
    }
    Model model = new Model();
    Map<LogPartition, List<PostLine>> written = new HashMap<>();
    for (int step = 0; step < 100; step++) {
      LogPartition partition = partitions.get(random.nextInt(3));
      long offset = ends.merge(partition, 1L + random.nextInt(2), Long::sum) - 1;
      // An author's lines are all in one partition of a cell's log.
      String author = "author" + ((partition.equals(P1) ? 2 : 0) + random.nextInt(2));
      PostLine line =
          nextLine(random, author, written.computeIfAbsent(partition, p -> new ArrayList<>()));
      PostRef ref = ref(line, partition, offset);
      boolean expected = !model.alreadyTold(ref, recent);
      assertThat(recent.add(ref, line.getSequence())).isEqualTo(expected);
      if (expected) {
        model.take(ref, recent);
      }
      if (random.nextInt(4) == 0) {
        long stored = random.nextLong(offset + 2);
        model.stored.merge(partition, stored, Math::max);
        recent.stored(partition, stored);
      }
      recent.evict();
      check(recent, model, partitions, most);
    }
  }

  @Test
  void of_an_erased_author_only_that_is_told_until_it_is_forgotten() {
    recent.stored(P0, 100);
    add(TestLines.tagged(published("ann", 1), "tide"), P0, 10);
    add(TestLines.tagged(published("bob", 1), "tide"), P0, 11);
    add(TestLines.tagged(published("ann", 2), "tide", "sea"), P0, 12);
    assertThat(add(erased("ann", 3), P0, 13)).isTrue();
    assertThat(add(erased("ann", 3), P0, 14)).as("said before").isFalse();
    assertThat(offsetsOfAnn(START)).containsExactly(13L);
    assertThat(tagged("tide", START)).containsExactly("bob:11");
    assertThat(tagged("sea", START)).isEmpty();
    assertThat(recent.lastSequence(ANN, 1)).isEqualTo(3);

    for (int i = 2; i < 6; i++) {
      add(TestLines.tagged(published("bob", i), "tide"), P0, 20 + i);
      recent.evict();
    }
    assertThat(recent.size()).isEqualTo(4);
    assertThat(recent.floor(P0)).isEqualTo(14);
    assertThat(recent.recent(ANN, START)).isEmpty();
    assertThat(tagged("tide", START)).hasSize(4);
  }

  private static PostLine nextLine(Random random, String author, List<PostLine> written) {
    if (!written.isEmpty() && random.nextInt(4) == 0) {
      return written.get(random.nextInt(written.size()));
    }
    List<PostLine> own =
        written.stream().filter(line -> line.getAuthorId().equals(author)).toList();
    long sequence = own.size() + 1L;
    long of = 1L + random.nextInt((int) sequence);
    PostLine line =
        switch (random.nextInt(4)) {
          case 0 -> TestLines.tagged(edited(author, sequence, of), someTags(random));
          case 1 -> deleted(author, sequence, of);
          default -> TestLines.tagged(published(author, sequence), someTags(random));
        };
    written.add(line);
    return line;
  }

  private static String[] someTags(Random random) {
    return TAGS.stream().filter(tag -> random.nextInt(4) == 0).toArray(String[]::new);
  }

  private static void check(
      RecentPosts recent, Model model, List<LogPartition> partitions, int most) {
    List<PostRef> remembered = model.remembered(recent);
    assertThat(recent.size()).isEqualTo(remembered.size());
    for (LogPartition partition : partitions) {
      boolean couldSpareMore =
          remembered.stream()
              .anyMatch(
                  ref ->
                      ref.partition.equals(partition)
                          && ref.offset < model.stored.getOrDefault(partition, 0L));
      assertThat(recent.size() <= most || !couldSpareMore).isTrue();
    }
    for (int i = 0; i < 4; i++) {
      UserId author = new UserId("author" + i);
      for (LogPartition partition : partitions) {
        Positions from = Positions.EMPTY.with(partition, recent.floor(partition));
        assertThat(recent.recent(author, from))
            .filteredOn(ref -> ref.partition.equals(partition))
            .containsExactlyElementsOf(
                remembered.stream()
                    .filter(ref -> ref.author.equals(author) && ref.partition.equals(partition))
                    .toList());
      }
    }
    for (String tag : TAGS) {
      for (LogPartition partition : partitions) {
        assertThat(recent.recentWithTag(tag, Positions.EMPTY))
            .filteredOn(ref -> ref.partition.equals(partition))
            .containsExactlyElementsOf(
                remembered.stream()
                    .filter(ref -> ref.facts.tags().contains(tag))
                    .filter(ref -> ref.partition.equals(partition))
                    .toList());
      }
    }
  }
}
