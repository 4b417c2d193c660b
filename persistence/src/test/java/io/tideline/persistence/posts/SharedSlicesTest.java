package io.tideline.persistence.posts;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tideline.persistence.timeline.PostRef;
import io.tideline.persistence.user.NoArrivals;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.ShrinkingMode;
import org.junit.jupiter.api.Test;

class SharedSlicesTest {
  private static final LogPartition PARTITION = new LogPartition(1, 7, 0);
  private static final List<UserId> AUTHORS =
      List.of(new UserId("ann"), new UserId("bob"), new UserId("cid"));
  private static final int STEPS = 120;

  /** A log, a store that follows it, and a node that applies it and forgets what is stored. */
  private static final class Cell extends NoArrivals {
    final Random random;
    final List<PostRef> log = new ArrayList<>();
    final List<Runnable> reads = new ArrayList<>();
    final ErasedAuthors erased = new ErasedAuthors();
    final SharedSlices slices;
    int stored;
    int applied;
    int floor;
    int asked;

    Cell(Random random, int maxReferences) {
      this.random = random;
      this.slices = new SharedSlices(this::read, erased, this, maxReferences);
    }

    void step() {
      switch (random.nextInt(5)) {
        case 0 -> write();
        case 1 -> stored = Math.min(log.size(), stored + 1);
        case 2 -> applied = Math.min(log.size(), applied + 1);
        case 3 -> floor = Math.min(Math.min(stored, applied), floor + 1);
        default -> answer();
      }
    }

    void answer() {
      if (!reads.isEmpty()) reads.remove(random.nextInt(reads.size())).run();
    }

    PostRef write() {
      UserId author = AUTHORS.get(random.nextInt(AUTHORS.size()));
      List<PostRef> own = log.stream().filter(line -> line.author.equals(author)).toList();
      int at = log.size() + 1;
      PostRef old = own.isEmpty() ? null : own.get(random.nextInt(own.size()));
      boolean isNew = old == null || random.nextBoolean();
      // Some have been written long before they come.
      long id = random.nextInt(4) == 0 ? 1 + random.nextInt(at) : at;
      PostRef line =
          new PostRef(
              old == null || isNew ? id << 16 : old.idHi,
              old == null || isNew ? 1L << 56 | at : old.idLo,
              at,
              author,
              PARTITION,
              at - 1,
              isNew ? 0 : random.nextInt(3) == 0 ? PostRef.DELETED : PostRef.EDITED);
      log.add(line);
      return line;
    }

    private CompletionStage<Map<UserId, List<PostRef>>> read(
        Collection<UserId> some, PostId olderThan, PostId newerThan, int limit) {
      asked += some.size();
      CompletableFuture<Map<UserId, List<PostRef>>> answer = new CompletableFuture<>();
      List<UserId> authors = List.copyOf(some);
      // The store is read at some time between question and answer.
      reads.add(
          () -> {
            Map<UserId, List<PostRef>> rows = new HashMap<>();
            for (UserId author : authors) {
              List<PostRef> refs =
                  folded(author, log.subList(0, stored)).values().stream()
                      .filter(ref -> ref.id().compareTo(olderThan) < 0)
                      .filter(ref -> ref.id().compareTo(newerThan) > 0)
                      .limit(limit)
                      .toList();
              if (!refs.isEmpty()) rows.put(author, refs);
            }
            if (random.nextInt(4) == 0) answer.complete(rows);
            else reads.add(() -> answer.complete(rows));
          });
      return answer;
    }

    /** Newest first. */
    static Map<PostId, PostRef> folded(UserId author, List<PostRef> lines) {
      Map<PostId, PostRef> posts = new TreeMap<>(Comparator.reverseOrder());
      for (PostRef line : lines) {
        if (line.author.equals(author)) posts.merge(line.id(), line, PostRef::merge);
      }
      return posts;
    }

    @Override
    public Positions applied() {
      return Positions.EMPTY.with(PARTITION, applied);
    }

    @Override
    public boolean reachesBack(Positions from) {
      return from.next(PARTITION) >= floor;
    }

    @Override
    public List<PostRef> recent(UserId author, Positions after) {
      return log.subList(Math.min(floor, applied), applied).stream()
          .filter(line -> line.author.equals(author) && line.offset >= after.next(PARTITION))
          .toList();
    }
  }

  /** A timeline that is being loaded. */
  private static final class Load {
    final Cell cell;
    final List<UserId> authors;
    final Positions since;
    final Map<UserId, List<PostRef>> before = new HashMap<>();
    final PostId newerThan;
    final int limit;
    CompletableFuture<Map<UserId, List<PostRef>>> answer = new CompletableFuture<>();

    Load(Cell cell) {
      this.cell = cell;
      Random random = cell.random;
      authors = AUTHORS.stream().filter(author -> random.nextInt(4) > 0).toList();
      newerThan =
          random.nextBoolean() || cell.log.isEmpty()
              ? PostId.MIN
              : cell.log.get(random.nextInt(cell.log.size())).id();
      limit = 1 + random.nextInt(5);
      since = cell.applied();
      authors.forEach(author -> before.put(author, cell.recent(author, Positions.EMPTY)));
    }

    void ask() {
      answer =
          cell.slices.newestOfEach(authors, PostId.MAX, newerThan, limit).toCompletableFuture();
    }

    void check() {
      Map<UserId, List<PostRef>> slices = answer.join();
      Map<UserId, List<PostRef>> after = new HashMap<>();
      authors.forEach(author -> after.put(author, cell.recent(author, Positions.EMPTY)));
      if (!cell.reachesBack(since)) return;
      for (UserId author : authors) {
        List<PostRef> slice = slices.getOrDefault(author, List.of());
        List<PostId> ids = slice.stream().map(PostRef::id).toList();
        assertThat(ids).doesNotHaveDuplicates().isSortedAccordingTo(Comparator.reverseOrder());
        assertThat(ids).hasSizeLessThanOrEqualTo(limit).allMatch(id -> id.compareTo(newerThan) > 0);
        PostId lowest = ids.size() < limit ? newerThan : ids.get(limit - 1);
        List<PostRef> lines = new ArrayList<>(before.getOrDefault(author, List.of()));
        lines.addAll(slice);
        lines.addAll(after.getOrDefault(author, List.of()));
        Map<PostId, PostRef> found = Cell.folded(author, lines);
        Cell.folded(author, cell.log.subList(0, cell.applied))
            .forEach(
                (id, ref) -> {
                  boolean asked = id.compareTo(newerThan) > 0 && id.compareTo(lowest) >= 0;
                  if (asked) assertSays(requireLine(found, id), ref);
                });
      }
    }

    private static PostRef requireLine(Map<PostId, PostRef> lines, PostId id) {
      return requireNonNull(lines.get(id), () -> id + " is missing");
    }

    private static void assertSays(PostRef found, PostRef applied) {
      assertThat(found.version).isGreaterThanOrEqualTo(applied.version);
      assertThat(found.offset).isEqualTo(applied.offset);
      if (applied.deleted()) assertThat(found.deleted()).isTrue();
    }
  }

  @Property(
      tries = 10_000,
      seed = "4711",
      shrinking = ShrinkingMode.OFF,
      edgeCases = EdgeCasesMode.NONE)
  void a_slice_and_what_is_remembered_say_all_that_has_been_applied(@ForAll long seed) {
    Random random = new Random(seed);
    Cell cell = new Cell(random, random.nextBoolean() ? 1_000 : 10);
    List<Load> loads = new ArrayList<>();
    for (int i = random.nextInt(STEPS); i > 0; i--) {
      if (random.nextInt(5) > 0) {
        cell.step();
        continue;
      }
      Load load = new Load(cell);
      while (random.nextBoolean()) cell.step();
      load.ask();
      loads.add(load);
      if (!load.answer.isDone()) continue;
      while (random.nextBoolean()) cell.step();
      load.check();
      loads.remove(load);
    }
    while (!cell.reads.isEmpty()) {
      cell.answer();
      if (random.nextBoolean()) cell.step();
      loads.removeIf(
          load -> {
            if (!load.answer.isDone()) return false;
            load.check();
            return true;
          });
    }
    assertThat(loads).allMatch(load -> load.answer.isDone());
  }

  private static Cell written() {
    Cell cell = new Cell(new Random(1), 1_000);
    for (int i = 0; i < 60; i++) cell.write();
    cell.stored = 60;
    cell.applied = 60;
    cell.floor = 30;
    return cell;
  }

  private static CompletableFuture<Map<UserId, List<PostRef>>> newest(
      Cell cell, List<UserId> authors, int limit) {
    return cell.slices.newestOfEach(authors, PostId.MAX, PostId.MIN, limit).toCompletableFuture();
  }

  private static void answerAll(Cell cell) {
    while (!cell.reads.isEmpty()) cell.answer();
  }

  @Test
  void of_an_author_whom_many_follow_the_store_is_asked_once() {
    Cell cell = written();
    var first = newest(cell, AUTHORS.subList(0, 2), 5);
    var second = newest(cell, AUTHORS, 5);
    assertThat(cell.asked).isEqualTo(3);
    answerAll(cell);
    var third = newest(cell, AUTHORS, 4);
    assertThat(cell.asked).isEqualTo(3);
    for (UserId author : AUTHORS.subList(0, 2)) {
      List<PostRef> read = requireNonNull(first.join().get(author));
      assertThat(requireNonNull(second.join().get(author)).get(0)).isSameAs(read.get(0));
      assertThat(third.join().get(author)).isEqualTo(read.subList(0, 4));
    }
    assertThat(cell.slices.hitRate()).isBetween(0.5, 0.7);
  }

  @Test
  void what_says_too_little_or_is_too_old_is_read_again() {
    Cell cell = written();
    var unused = newest(cell, AUTHORS, 3);
    answerAll(cell);
    var more = newest(cell, AUTHORS, 4);
    assertThat(cell.asked).isEqualTo(6);
    answerAll(cell);
    assertThat(more.join().get(AUTHORS.get(0))).hasSize(4);
    for (int i = 0; i < 40; i++) cell.write();
    cell.stored = 100;
    cell.applied = 100;
    cell.floor = 60;
    assertThat(newest(cell, AUTHORS, 3)).isDone();
    cell.floor = 61;
    assertThat(newest(cell, AUTHORS, 3)).isNotDone();
    assertThat(cell.asked).isEqualTo(9);
  }

  @Test
  void without_a_log_all_is_read_by_everybody_and_nothing_twice() {
    Cell cell = written();
    cell.floor = 61;
    for (int times = 1; times <= 2; times++) {
      var read = newest(cell, AUTHORS, 3);
      answerAll(cell);
      assertThat(read.join()).hasSize(3);
      assertThat(cell.asked).isEqualTo(3 * times);
    }
  }

  @Test
  void of_the_erased_there_is_nothing() {
    Cell cell = written();
    var unused = newest(cell, AUTHORS, 3);
    answerAll(cell);
    assertThat(cell.slices.authors()).isEqualTo(3);
    cell.erased.add(AUTHORS.get(1), 1);
    assertThat(cell.slices.authors()).isEqualTo(2);
    assertThat(newest(cell, AUTHORS, 3).join()).containsOnlyKeys(AUTHORS.get(0), AUTHORS.get(2));
  }

  @Test
  void a_read_that_fails_fails_all_who_wait_for_it_and_is_forgotten() {
    boolean[] fails = {true};
    Cell cell = written();
    SharedSlices slices =
        new SharedSlices(
            (some, olderThan, newerThan, limit) -> {
              return fails[0]
                  ? CompletableFuture.failedStage(new IllegalStateException("the store is away"))
                  : cell.read(some, olderThan, newerThan, limit);
            },
            new ErasedAuthors(),
            cell,
            1_000);
    assertThatThrownBy(
            () ->
                slices
                    .newestOfEach(AUTHORS, PostId.MAX, PostId.MIN, 3)
                    .toCompletableFuture()
                    .join())
        .hasRootCauseMessage("the store is away");
    fails[0] = false;
    var again = slices.newestOfEach(AUTHORS, PostId.MAX, PostId.MIN, 3).toCompletableFuture();
    answerAll(cell);
    assertThat(again.join()).hasSize(3);
  }
}
