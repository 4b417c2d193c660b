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
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Predicate;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

/** Pages below the floor, while the store is behind the log. */
class HistoryTest {
  private static final int CAPACITY = 4;

  /** What has been written of some lines, and what is remembered of them. */
  private record Behind(List<PostRef> stored, List<PostRef> remembered) {
    History history() {
      return new History(new Remembered(remembered), this::newest, new NoTexts(), 1_000);
    }

    private CompletionStage<Newest> newest(
        Sources sources, PostId olderThan, PostId newerThan, int limit, Predicate<PostRef> wanted) {
      TreeMap<PostId, PostRef> merged = new TreeMap<>();
      for (PostRef ref : stored) merged.merge(ref.id(), ref, PostRef::merge);
      List<PostRef> found = new ArrayList<>();
      int of = 0;
      for (PostRef ref :
          merged.subMap(newerThan, false, olderThan, false).descendingMap().values()) {
        if (of == limit) return CompletableFuture.completedStage(new Newest(found, true));
        found.add(ref);
        if (wanted.test(ref)) of++;
      }
      return CompletableFuture.completedStage(new Newest(found, false));
    }

    /** All that a walk finds below the floor, page by page. */
    List<PostId> walk(TimelineView view) {
      List<PostId> walked = new ArrayList<>();
      PostId olderThan = view.floor().next();
      History.Page page;
      do {
        page = done(history().older(view, olderThan, view.watermark(), 3));
        for (PostRef entry : page.entries()) walked.add(entry.id());
        if (!page.entries().isEmpty()) olderThan = walked.get(walked.size() - 1);
      } while (!page.end());
      return walked;
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
  void what_is_deleted_is_not_there_although_the_store_has_it_still() {
    List<PostRef> all = new ArrayList<>(posts(1, 20));
    PostRef delete = line(5, 200, 20, PostRef.DELETED);
    all.add(delete);
    TimelineView view = view(all, Positions.EMPTY.with(SomeLines.P0, 21));
    assertThat(new Behind(posts(1, 20), List.of(delete)).walk(view))
        .contains(id(4), id(6))
        .doesNotContain(id(5));
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
