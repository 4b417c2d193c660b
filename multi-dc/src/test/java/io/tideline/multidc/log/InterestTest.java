package io.tideline.multidc.log;

import static io.tideline.multidc.log.TestLines.published;
import static io.tideline.multidc.log.TestLines.ref;
import static io.tideline.multidc.log.TestLines.tagged;
import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.persistence.timeline.Inbox;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.protocols.LogPartition;
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
    Map<String, Set<Inbox>> tagModel = new HashMap<>();
    int many = random.nextInt(3) == 0 ? 300 : 12;
    List<Inbox> inboxes = IntStream.range(0, many).mapToObj(i -> inbox()).toList();
    int steps = many == 12 ? 300 : 3_000;
    for (int step = 0; step < steps; step++) {
      UserId author = new UserId("author" + random.nextInt(3));
      String tag = "tag" + random.nextInt(3);
      Inbox inbox = inboxes.get(random.nextInt(inboxes.size()));
      // More come at first, more go in the end.
      switch (random.nextInt(step < steps * 2 / 3 ? 6 : 12)) {
        case 0, 1 -> {
          interest.add(author, inbox);
          model.computeIfAbsent(author, key -> new HashSet<>()).add(inbox);
        }
        case 2, 3 -> {
          interest.addTag(tag, inbox);
          tagModel.computeIfAbsent(tag, key -> new HashSet<>()).add(inbox);
        }
        case 4, 6, 7, 8 -> {
          interest.remove(author, inbox);
          model.computeIfAbsent(author, key -> new HashSet<>()).remove(inbox);
        }
        default -> {
          interest.removeTag(tag, inbox);
          tagModel.computeIfAbsent(tag, key -> new HashSet<>()).remove(inbox);
        }
      }
      if (step % (many / 12) != 0) continue;
      Set<Inbox> expected = new HashSet<>(model.getOrDefault(author, Set.of()));
      assertThat(interest.in(line(author))).containsExactlyInAnyOrderElementsOf(expected);
      expected.addAll(tagModel.getOrDefault("tag0", Set.of()));
      expected.addAll(tagModel.getOrDefault("tag1", Set.of()));
      assertThat(interest.in(line(author, "tag0", "tag1")))
          .containsExactlyInAnyOrderElementsOf(expected);
    }
    model.values().removeIf(Set::isEmpty);
    tagModel.values().removeIf(Set::isEmpty);
    assertThat(interest.authors()).isEqualTo(model.size());
    assertThat(interest.tags()).isEqualTo(tagModel.size());
  }

  private static PostRef line(UserId author, String... tags) {
    return ref(tagged(published(author.value(), 1), tags), new LogPartition(1, 7, 0), 0);
  }

  @Test
  void a_hundred_thousand_may_want_one_author_and_leave_again() {
    Interest interest = new Interest();
    List<Inbox> inboxes = IntStream.range(0, 100_000).mapToObj(i -> inbox()).toList();
    inboxes.forEach(inbox -> interest.add(ANN, inbox));
    assertThat(interest.in(line(ANN))).hasSize(100_000);
    inboxes.forEach(inbox -> interest.remove(ANN, inbox));
    assertThat(interest.in(line(ANN))).isEmpty();
    assertThat(interest.authors()).isZero();
  }

  @Test
  void who_wants_author_and_tags_is_there_once() {
    Interest interest = new Interest();
    Inbox inbox = inbox();
    interest.add(ANN, inbox);
    interest.addTag("tide", inbox);
    interest.addTag("sea", inbox);
    assertThat(interest.in(line(ANN, "Tide", "sea"))).containsExactly(inbox);
    assertThat(interest.in(line(new UserId("bob"), "Tide", "sea"))).containsExactly(inbox);
    assertThat(interest.in(line(new UserId("bob"), "moon"))).isEmpty();
  }
}
