package io.tideline.multidc.log;

import static io.tideline.multidc.log.TestLines.published;
import static io.tideline.multidc.log.TestLines.ref;
import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.persistence.timeline.Inbox;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.UserId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class RefillTest {
  private static final LogPartition PARTITION = new LogPartition(2, 7, 0);

  private final RecentPosts recent = new RecentPosts(10);
  private final Interest interest = new Interest();
  private final Refill refill = new Refill(recent, interest, Duration.ZERO);

  private void bring(String author, long offset) {
    refill.add(ref(published(author, offset + 1), PARTITION, offset), offset, offset);
  }

  private Inbox inbox(String author) {
    Inbox inbox = new Inbox(10, () -> {});
    interest.add(new UserId(author), inbox);
    return inbox;
  }

  @Test
  void while_lines_come_each_author_is_told_of_once() {
    recent.open(PARTITION, 0);
    List<Inbox> inboxes = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      inboxes.add(inbox("author" + i));
    }
    bring("author0", 0);
    for (int round = 0; round < 9; round++) {
      int stored = round + 1;
      refill.go(PARTITION, stored, stored);
      assertThat(told(inboxes)).as("before what came before is forgotten").isEmpty();
      bring("author" + stored, stored);
      recent.stored(PARTITION, stored);
      refill.go(PARTITION, stored, stored);
      assertThat(told(inboxes)).containsExactly(round);
      refill.go(PARTITION, stored, stored);
    }
  }

  @Test
  void when_more_authors_come_than_are_gathered_everybody_is_told() {
    recent.open(PARTITION, 0);
    List<Inbox> inboxes = List.of(inbox("author7"), inbox("silent"));
    int lines = Refill.MOST + 2;
    for (int i = 0; i < lines; i++) {
      bring("author" + i, i);
    }
    recent.stored(PARTITION, lines);
    refill.go(PARTITION, lines, lines);
    assertThat(told(inboxes)).containsExactly(0, 1);
    refill.go(PARTITION, lines, lines);

    bring("author7", lines);
    recent.stored(PARTITION, lines + 1);
    refill.go(PARTITION, lines + 1, lines + 1);
    assertThat(told(inboxes)).as("afterwards those of what came").containsExactly(0);
  }

  private static List<Integer> told(List<Inbox> inboxes) {
    List<Integer> told = new ArrayList<>();
    for (int i = 0; i < inboxes.size(); i++) {
      if (inboxes.get(i).lacked()) {
        told.add(i);
      }
    }
    return told;
  }
}
