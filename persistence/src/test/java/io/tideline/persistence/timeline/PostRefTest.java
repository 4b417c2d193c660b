package io.tideline.persistence.timeline;

import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.protocols.LogPartition;
import io.tideline.protocols.PostId;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

/** Lines of one post that come by the logs of several cells. */
class PostRefTest {
  private static final PostId POST = PostId.of(5 << 16, 2, SomeLines.ANN, "key");
  private static final LogPartition HOME = new LogPartition(2, 7, 1);
  private static final List<LogPartition> LOGS =
      List.of(new LogPartition(1, 7, 0), HOME, new LogPartition(3, 7, 1));

  @Property(tries = 500)
  void in_whatever_order_they_come_they_say_the_same(@ForAll Random random) {
    List<PostRef> lines = new ArrayList<>();
    for (int i = 1 + random.nextInt(5); i > 0; i--) {
      LogPartition log = LOGS.get(random.nextInt(LOGS.size()));
      int flags = random.nextInt(4) == 0 ? PostRef.DELETED : PostRef.EDITED;
      lines.add(line(1_000 + i, log, random.nextInt(4), flags));
    }
    PostRef expected = merged(lines);
    for (int i = 0; i < 5; i++) {
      Collections.shuffle(lines, random);
      assertThat(merged(lines)).isEqualTo(expected);
    }
    int half = random.nextInt(lines.size());
    if (half == 0) return;
    PostRef first = merged(lines.subList(0, half));
    assertThat(merged(lines.subList(half, lines.size())).merge(first).after(null))
        .isEqualTo(expected);
  }

  @Test
  void a_post_has_arrived_where_its_cell_has_written_it() {
    PostRef published = line(1, HOME, 40, 0);
    PostRef edited = line(2, LOGS.get(0), 3, PostRef.EDITED);

    for (PostRef post : List.of(published.merge(edited), edited.merge(published))) {
      assertThat(post.version).isEqualTo(2);
      assertThat(post.partition).isEqualTo(HOME);
      assertThat(post.offset).isEqualTo(40);
    }
  }

  private static PostRef line(long version, LogPartition log, long offset, int flags) {
    return new PostRef(POST.hi(), POST.lo(), version, SomeLines.ANN, log, offset, flags);
  }

  /** What they are together, but for what the post has been before. */
  private static PostRef merged(List<PostRef> lines) {
    return lines.stream().reduce(PostRef::merge).orElseThrow().after(null);
  }
}
