package io.tideline.multidc.log;

import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.persistence.timeline.PostRef;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.Positions;
import io.tideline.protocols.UserId;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

class AuthorLinesTest {
  private static final UserId ANN = new UserId("ann");
  private static final List<LogPartition> PARTITIONS =
      List.of(new LogPartition(1, 7, 0), new LogPartition(1, 8, 0), new LogPartition(2, 9, 0));
  private static final List<Integer> FLAGS = List.of(0, 0, PostRef.EDITED, PostRef.DELETED);

  /** The same, looking through a list. */
  private static final class Model {
    final List<PostRef> lines = new ArrayList<>();

    boolean remove(PostRef ref) {
      lines.remove(ref);
      return lines.isEmpty();
    }

    List<PostRef> replace(PostRef erased) {
      List<PostRef> before = List.copyOf(lines);
      lines.clear();
      lines.add(erased);
      return before;
    }

    List<PostRef> notIn(Positions positions) {
      return lines.stream()
          .filter(known -> !positions.contains(known.partition, known.offset))
          .toList();
    }

    boolean tellOf(PostRef ref) {
      return lines.stream().anyMatch(known -> known.id().equals(ref.id()));
    }

    boolean alreadyTell(PostRef ref) {
      return lines.stream()
          .filter(known -> known.id().equals(ref.id()))
          .anyMatch(known -> known.deleted() || tellsAsMuch(known, ref));
    }

    private static boolean tellsAsMuch(PostRef known, PostRef ref) {
      boolean knowsWhere = known.partition.equals(ref.partition) || !ref.arrivesBefore(known);
      return !ref.deleted() && known.version >= ref.version && knowsWhere;
    }
  }

  @Property(tries = 200)
  void few_lines_or_many_they_are_those_of_a_plain_list(
      @ForAll Random random,
      @ForAll @IntRange(min = 1, max = 300) int posts,
      @ForAll boolean inOrder) {
    AuthorLines lines = new AuthorLines(ANN);
    Model model = new Model();
    int most = 0;
    for (int step = 0; step < 1_000; step++) {
      // By turns more are added and more are removed.
      boolean adds = random.nextInt(10) < (step / 200 % 2 == 0 ? 8 : 2);
      if (random.nextInt(400) == 0) {
        PostRef erased = line(0, 0, random, PostRef.DELETED | PostRef.ERASED);
        assertThat(lines.replace(erased)).isEqualTo(model.replace(erased));
      } else if (adds) {
        PostRef line = random.nextInt(10) == 0 ? some(model, random) : line(random, posts);
        if (inOrder) line = at(PARTITIONS.get(0), step, line);
        lines.add(line);
        model.lines.add(line);
      } else {
        PostRef line = removable(model, random, posts);
        assertThat(lines.remove(line)).isEqualTo(model.remove(line));
      }
      PostRef asked = line(random, posts);
      assertThat(lines.alreadyTell(asked)).isEqualTo(model.alreadyTell(asked));
      assertThat(lines.tellOf(asked)).isEqualTo(model.tellOf(asked));
      assertThat(lines.isEmpty()).isEqualTo(model.lines.isEmpty());
      assertThat(lines.notIn(Positions.EMPTY)).isEqualTo(model.lines);
      Positions some = Positions.EMPTY;
      for (LogPartition partition : PARTITIONS) some = some.with(partition, random.nextInt(1_000));
      assertThat(lines.notIn(some)).isEqualTo(model.notIn(some));
      PostRef same = some(model, random);
      assertThat(lines.same(same)).isEqualTo(model.lines.contains(same) ? same : null);
      assertThat(lines.same(asked)).isEqualTo(model.lines.contains(asked) ? asked : null);
      most = Math.max(most, model.lines.size());
    }
    assertThat(most).as("so many that they have an index").isGreaterThan(50);
  }

  /** Mostly the oldest, as in a window; now and then one that is not there. */
  private static PostRef removable(Model model, Random random, int posts) {
    int which = random.nextInt(10);
    if (which == 0 || model.lines.isEmpty()) {
      return line(random, posts);
    }
    return which < 6 ? model.lines.get(0) : some(model, random);
  }

  private static PostRef some(Model model, Random random) {
    return model.lines.isEmpty()
        ? line(random, 1)
        : model.lines.get(random.nextInt(model.lines.size()));
  }

  private static PostRef at(LogPartition partition, long offset, PostRef line) {
    return new PostRef(
        line.idHi, line.idLo, line.version, line.author, partition, offset, line.flags);
  }

  private static PostRef line(Random random, int posts) {
    int post = random.nextInt(posts);
    return line(post + 1L, 1L + post % 2, random, FLAGS.get(random.nextInt(FLAGS.size())));
  }

  private static PostRef line(long id, long cell, Random random, int flags) {
    return new PostRef(
        id,
        cell << 56 | id,
        1 + random.nextInt(4),
        ANN,
        PARTITIONS.get(random.nextInt(PARTITIONS.size())),
        random.nextInt(1_000),
        flags);
  }
}
