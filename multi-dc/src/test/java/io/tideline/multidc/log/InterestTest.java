package io.tideline.multidc.log;

import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.persistence.timeline.Inbox;
import io.tideline.protocols.UserId;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

class InterestTest {
  private static final UserId ANN = new UserId("ann");

  private static Inbox inbox() {
    return new Inbox(8, () -> {});
  }

  @Property(tries = 200)
  void it_agrees_with_a_plain_map_of_sets(@ForAll Random random) {
    Interest interest = new Interest();
    Map<UserId, Set<Inbox>> model = new HashMap<>();
    List<Inbox> inboxes = IntStream.range(0, 12).mapToObj(i -> inbox()).toList();
    for (int step = 0; step < 300; step++) {
      UserId author = new UserId("author" + random.nextInt(3));
      Inbox inbox = inboxes.get(random.nextInt(inboxes.size()));
      if (random.nextInt(5) < 3) {
        interest.add(author, inbox);
        model.computeIfAbsent(author, key -> new HashSet<>()).add(inbox);
      } else {
        interest.remove(author, inbox);
        model.computeIfAbsent(author, key -> new HashSet<>()).remove(inbox);
      }
      assertThat(interest.of(author)).containsExactlyInAnyOrderElementsOf(model.get(author));
    }
    model.values().removeIf(Set::isEmpty);
    assertThat(interest.authors()).isEqualTo(model.size());
  }

  @Test
  void a_hundred_thousand_may_want_one_author_and_leave_again() {
    Interest interest = new Interest();
    List<Inbox> inboxes = IntStream.range(0, 100_000).mapToObj(i -> inbox()).toList();
    inboxes.forEach(inbox -> interest.add(ANN, inbox));
    assertThat(interest.of(ANN)).hasSize(100_000);
    inboxes.forEach(inbox -> interest.remove(ANN, inbox));
    assertThat(interest.of(ANN)).isEmpty();
    assertThat(interest.authors()).isZero();
  }
}
