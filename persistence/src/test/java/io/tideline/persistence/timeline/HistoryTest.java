package io.tideline.persistence.timeline;

import static io.tideline.persistence.timeline.SomeLines.id;
import static io.tideline.persistence.timeline.SomeLines.line;
import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.persistence.user.NoArrivals;
import io.tideline.persistence.user.NoTexts;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Queue;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

/** Pages below the floor, while the store is behind the log. */
class HistoryTest {
  private static final int CAPACITY = 4;
  private static final int PAGE = 3;

  /** What has been written of some lines, and what is remembered of them. */
  private static final class Behind {
    final List<Integer> reads = new ArrayList<>();
    private final NavigableMap<PostId, PostRef> stored = new TreeMap<>();
    private final History history;

    Behind(List<PostRef> stored, List<PostRef> remembered, int mostScanned) {
      stored.forEach(ref -> this.stored.merge(ref.id(), ref, PostRef::merge));
      history =
          new History(
              new Remembered(remembered), this::newest, new NoTexts(), Runnable::run, mostScanned);
    }

    Behind(List<PostRef> stored, List<PostRef> remembered) {
      this(stored, remembered, 20_000);
    }

    private CompletionStage<Newest> newest(
        Sources sources, PostId olderThan, PostId newerThan, int limit, Predicate<PostRef> wanted) {
      List<PostRef> found = new ArrayList<>();
      int of = 0;
      int live = 0;
      boolean cutOff = false;
      for (PostRef ref :
          stored.subMap(newerThan, false, olderThan, false).descendingMap().values()) {
        cutOff = of == limit || live == 4 * limit;
        if (cutOff) break;
        found.add(ref);
        if (!ref.deleted()) live++;
        if (wanted.test(ref)) of++;
      }
      reads.add(found.size());
      return CompletableFuture.completedStage(new Newest(found, cutOff));
    }

    /** All that a walk finds below the floor, page by page. */
    List<PostId> walk(TimelineView view) {
      return pages(view).stream().flatMap(List::stream).toList();
    }

    List<List<PostId>> pages(TimelineView view) {
      List<List<PostId>> pages = new ArrayList<>();
      PostId below = view.floor().next();
      while (!below.equals(PostId.MIN)) {
        List<PostId> page = new ArrayList<>();
        below =
            done(
                history.older(
                    view,
                    below,
                    view.watermark(),
                    PAGE,
                    (entry, why) -> page.size() < PAGE && page.add(entry.id())));
        pages.add(page);
      }
      return pages;
    }
  }

  private static final class Remembered extends NoArrivals {
    private final List<PostRef> lines;

    Remembered(List<PostRef> lines) {
      this.lines = lines;
    }

    @Override
    public List<PostRef> recent(UserId author, Positions after) {
      return lines.stream()
          .filter(ref -> ref.author.equals(author) && ref.offset >= after.next(ref.partition))
          .toList();
    }
  }

  private static <T> T done(CompletionStage<T> stage) {
    return stage.toCompletableFuture().join();
  }

  private static TimelineView view(List<PostRef> lines, Positions end) {
    return Timeline.of(CAPACITY, SomeRules.EVERYTHING, PostId.MIN, lines, Map.of()).publish(end);
  }

  private static List<PostRef> posts(long from, long to) {
    return LongStream.range(from, to).mapToObj(i -> line(i, 100 + i, i, 0)).toList();
  }

  @Test
  void what_is_not_stored_yet_is_in_its_place() {
    List<PostRef> all = posts(1, 20);
    TimelineView view = view(all, Positions.EMPTY.with(SomeLines.P0, 20));
    List<PostId> walked = new Behind(posts(1, 9), posts(7, 20)).walk(view);
    assertThat(walked).isEqualTo(LongStream.range(1, 16).mapToObj(i -> id(16 - i)).toList());
  }

  @Test
  void what_a_tag_brings_is_not_there_when_its_author_has_deleted_it_since() {
    Facts moon = new Facts(List.of("moon"), "", List.of(), false, null, null, null, null);
    UserId cleo = new UserId("cleo");
    List<PostRef> stored = new ArrayList<>(posts(1, 20));
    PostRef hers = new PostRef(5, 1, 105, cleo, SomeLines.P0, 21, 0, moon);
    PostRef later = new PostRef(14, 1, 114, cleo, SomeLines.P0, 22, 0, moon);
    stored.addAll(List.of(hers, later));
    PostRef delete = new PostRef(5, 1, 200, cleo, SomeLines.P0, 23, PostRef.DELETED);
    SomeRules withTag =
        new SomeRules(
            new Sources(Set.of(SomeLines.ANN, SomeLines.BEA), Set.of("moon")), ref -> true);
    TimelineView view =
        Timeline.of(CAPACITY, withTag, PostId.MIN, posts(1, 20), Map.of())
            .publish(Positions.EMPTY.with(SomeLines.P0, 24));
    assertThat(new Behind(stored, List.of(delete)).walk(view))
        .contains(later.id())
        .doesNotContain(hers.id());
  }

  @Test
  void what_is_deleted_is_not_there_although_the_store_has_it_still() {
    List<PostRef> all = new ArrayList<>(posts(1, 20));
    PostRef delete = line(5, 200, 20, PostRef.DELETED);
    all.add(delete);
    TimelineView view = view(all, Positions.EMPTY.with(SomeLines.P0, 21));
    assertThat(new Behind(posts(1, 20), List.of(delete)).walk(view))
        .contains(id(4), id(6))
        .doesNotContain(id(5));
  }

  /** A post of somebody who is muted, unless one of {@code shownEach} posts. */
  private static List<PostRef> mostlyMuted(int count, int shownEach) {
    return IntStream.rangeClosed(1, count)
        .mapToObj(i -> post(i, i % shownEach == 0 ? SomeLines.ANN : SomeLines.BEA, Facts.NONE))
        .toList();
  }

  private static PostRef post(int i, UserId author, Facts facts) {
    return new PostRef(i, 0, i, author, SomeLines.P0, i, 0, facts);
  }

  private static TimelineView view(List<PostRef> lines, SomeRules rules, int capacity) {
    Positions end = Positions.EMPTY.with(SomeLines.P0, lines.size() + 1);
    return Timeline.of(capacity, rules, PostId.MIN, lines, Map.of()).publish(end);
  }

  @Test
  void what_is_muted_is_read_in_few_steps_and_looked_at_a_few_times() {
    AtomicInteger looks = new AtomicInteger();
    SomeRules rules =
        SomeRules.of(ref -> looks.incrementAndGet() > 0 && ref.author.equals(SomeLines.ANN));
    List<PostRef> all = mostlyMuted(10_000, 9_000);
    TimelineView view = view(all, rules, CAPACITY);
    looks.set(0);
    Behind store = new Behind(all, List.of());
    assertThat(store.walk(view)).containsExactly(id(9_000));
    assertThat(store.reads).hasSizeLessThan(8);
    assertThat(looks).hasValueLessThan(5 * all.size());
  }

  @Test
  void a_page_ends_where_enough_has_been_read_and_the_next_one_goes_on() {
    SomeRules rules = SomeRules.of(ref -> ref.author.equals(SomeLines.ANN));
    List<PostRef> all = mostlyMuted(10_000, 1_500);
    Behind store = new Behind(all, List.of(), 1_000);
    List<List<PostId>> pages = store.pages(view(all, rules, CAPACITY));
    assertThat(pages.stream().flatMap(List::stream))
        .containsExactly(id(9_000), id(7_500), id(6_000), id(4_500), id(3_000), id(1_500));
    // Each of three reads: 256, 512 and 1,024 posts.
    assertThat(pages).hasSize(6);
    assertThat(store.reads).hasSize(18);
  }

  @Property(tries = 200)
  void a_walk_through_what_is_muted_shows_what_a_plain_feed_has(
      @ForAll Random random,
      @ForAll @IntRange(min = 1, max = 3_000) int count,
      @ForAll @IntRange(min = 100, max = 1_000) int mostScanned,
      @ForAll @IntRange(min = 1, max = 200) int shownEach) {
    SomeRules rules = SomeRules.of(ref -> ref.author.equals(SomeLines.ANN));
    List<PostRef> all = new ArrayList<>();
    for (int i = 1; i <= count; i++) {
      UserId author = random.nextInt(shownEach) == 0 ? SomeLines.ANN : SomeLines.BEA;
      all.add(post(i, author, random.nextInt(3) == 0 ? Facts.NONE : facts(all, random)));
    }
    TimelineView view = view(all, rules, CAPACITY);
    List<PostId> plain =
        view(all, rules, count + 1).older(view.floor().next(), null, count).stream()
            .map(PostRef::id)
            .toList();
    assertThat(new Behind(all, List.of(), mostScanned).walk(view)).isEqualTo(plain);
  }

  /** Of what passes on something near enough for a page that may read little to find out. */
  private static Facts facts(List<PostRef> all, Random random) {
    int near = all.size() - 1 - random.nextInt(20);
    if (near < 0 || all.get(near).facts.original() != null) return Facts.NONE;
    PostId original = all.get(near).id();
    return new Facts(List.of(), "", List.of(), false, null, null, original, null);
  }

  @Test
  void the_threads_of_the_store_are_not_kept() {
    List<PostRef> all = posts(1, 20);
    TimelineView view = view(all, Positions.EMPTY.with(SomeLines.P0, 20));
    CompletableFuture<Newest> read = new CompletableFuture<>();
    Queue<Runnable> tasks = new ArrayDeque<>();
    List<PostRef> taken = new ArrayList<>();
    new History(
            new NoArrivals(),
            (sources, olderThan, newerThan, limit, wanted) -> read,
            new NoTexts(),
            tasks::add,
            20_000)
        .older(view, id(9), view.watermark(), PAGE, (entry, why) -> taken.add(entry));
    read.complete(new Newest(List.of(all.get(1), all.get(0)), false));
    assertThat(taken).isEmpty();
    while (!tasks.isEmpty()) tasks.remove().run();
    assertThat(taken).containsExactly(all.get(1), all.get(0));
  }

  @Property(tries = 500)
  void pages_are_those_of_a_store_that_is_not_behind(
      @ForAll Random random, @ForAll @IntRange(min = 1, max = 80) int count) {
    SomeLines some = new SomeLines(random);
    List<PostRef> lines = Stream.generate(some::next).limit(count).toList();
    TimelineView view = view(lines, some.end());
    Positions stored = Positions.EMPTY;
    Positions forgotten = Positions.EMPTY;
    for (LogPartition partition : some.end().partitions()) {
      long to = random.nextLong(some.end().next(partition) + 1);
      stored = stored.with(partition, to);
      forgotten = forgotten.with(partition, random.nextLong(to + 1));
    }
    Positions isStored = stored;
    Positions isForgotten = forgotten;
    Behind behind =
        new Behind(
            lines.stream().filter(ref -> ref.offset < isStored.next(ref.partition)).toList(),
            lines.stream().filter(ref -> ref.offset >= isForgotten.next(ref.partition)).toList());
    assertThat(behind.walk(view)).isEqualTo(new Behind(lines, List.of()).walk(view));
  }
}
