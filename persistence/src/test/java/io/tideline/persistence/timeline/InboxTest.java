package io.tideline.persistence.timeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tideline.protocols.LogPartition;
import io.tideline.protocols.UserId;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class InboxTest {
  private static final UserId AUTHOR = new UserId("ann");
  private static final LogPartition PARTITION = new LogPartition(1, 2, 3);

  private final AtomicInteger wakeUps = new AtomicInteger();

  @Test
  void many_offers_cost_one_wake_up_per_drain() {
    Inbox inbox = new Inbox(10, wakeUps::incrementAndGet);
    inbox.offer(ref(1));
    inbox.offer(ref(2));
    assertThat(wakeUps).hasValue(1);
    assertThat(inbox.drain()).extracting(ref -> ref.offset).containsExactly(1L, 2L);
    assertThat(inbox.drain()).isEmpty();
    assertThat(wakeUps).hasValue(1);
    inbox.offer(ref(3));
    assertThat(wakeUps).hasValue(2);
  }

  @Test
  void a_full_inbox_drops_and_the_drain_tells() {
    Inbox inbox = new Inbox(2, wakeUps::incrementAndGet);
    inbox.offer(ref(1));
    inbox.offer(ref(2));
    assertThat(inbox.overflowed()).isFalse();
    inbox.offer(ref(3));
    assertThat(inbox.overflowed()).isTrue();
    assertThat(inbox.drain()).hasSize(2);
    assertThat(inbox.overflowed()).isTrue();
    inbox.offer(ref(4));
    assertThat(inbox.drain()).hasSize(1);
    assertThat(inbox.overflowed()).isFalse();
  }

  @Test
  void no_capacity_is_refused() {
    assertThatThrownBy(() -> new Inbox(0, () -> {}))
        .hasMessage("inbox capacity is 0, expected at least 1");
  }

  @Test
  void nothing_is_lost_between_a_writer_and_a_drain_that_waits_for_wake_ups()
      throws InterruptedException {
    Semaphore woken = new Semaphore(0);
    int offers = 200_000;
    Inbox inbox = new Inbox(offers, woken::release);
    Thread writer = new Thread(() -> LongStream.range(0, offers).forEach(n -> inbox.offer(ref(n))));
    writer.start();
    List<PostRef> taken = new ArrayList<>();
    while (taken.size() < offers) {
      woken.acquire();
      taken.addAll(inbox.drain());
    }
    writer.join();
    assertThat(taken).extracting(ref -> ref.offset).isSorted().hasSize(offers);
  }

  private static PostRef ref(long offset) {
    return new PostRef(offset, 1, 1, AUTHOR, PARTITION, offset, 0);
  }
}
