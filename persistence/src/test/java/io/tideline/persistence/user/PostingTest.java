package io.tideline.persistence.user;

import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.persistence.user.Posting.Accepted;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.PostId;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;

class PostingTest {
  private static final long START = HybridClock.ofMillis(1_750_000_000_000L);

  @Test
  void a_key_is_remembered_for_a_day() {
    Posting posting = Posting.EMPTY.accepted("a", at(Duration.ZERO));
    assertThat(posting.under("a", time(Duration.ofHours(24).minusMillis(1)))).isNotNull();
    assertThat(posting.under("a", time(Duration.ofHours(24)))).isNull();
    assertThat(posting.under("b", time(Duration.ZERO))).isNull();
  }

  @Test
  void keys_of_yesterday_are_dropped_by_the_next_post() {
    Posting posting =
        Posting.EMPTY
            .accepted("a", at(Duration.ZERO))
            .accepted("b", at(Duration.ofHours(12)))
            .accepted("c", at(Duration.ofHours(25)));
    assertThat(posting.recentKeys()).containsOnlyKeys("b", "c");
  }

  @Test
  void keys_of_yesterday_do_not_count() {
    Posting posting =
        Posting.EMPTY.accepted("a", at(Duration.ZERO)).accepted("b", at(Duration.ofHours(12)));
    assertThat(posting.keysAt(time(Duration.ofHours(13)))).isEqualTo(2);
    assertThat(posting.keysAt(time(Duration.ofHours(25)))).isEqualTo(1);
    assertThat(posting.keysAt(time(Duration.ofHours(40)))).isZero();
  }

  @Test
  void every_line_counts_but_only_posts_have_keys() {
    Posting posting = Posting.EMPTY.accepted("a", at(Duration.ZERO)).line().line();
    assertThat(posting.sequence()).isEqualTo(3);
    assertThat(posting.recentKeys()).containsOnlyKeys("a");
  }

  /** Of which of a few hundred keys the next post is, and how many minutes later it comes. */
  record Next(int key, int minutes) {}

  @Provide
  Arbitrary<List<Next>> posts() {
    return Combinators.combine(
            Arbitraries.integers().between(0, 300), Arbitraries.integers().between(0, 20))
        .as(Next::new)
        .list()
        .ofMaxSize(400);
  }

  @Property(tries = 200)
  void keys_are_those_of_a_map_that_is_looked_through_for_each_post(
      @ForAll("posts") List<Next> posts) {
    Map<String, Accepted> model = new HashMap<>();
    Posting posting = Posting.EMPTY;
    Duration now = Duration.ZERO;
    for (Next next : posts) {
      now = now.plusMinutes(next.minutes);
      Accepted post = at(now);
      long before = post.at() - HybridClock.ofMillis(Duration.ofDays(1).toMillis());
      model.values().removeIf(old -> old.at() <= before);
      model.put("key " + next.key, post);
      posting = posting.accepted("key " + next.key, post);
      assertThat(posting.recentKeys()).hasSize(model.size());
    }
    assertThat(posting.recentKeys()).isEqualTo(model);
    assertThat(new Posting(posting.sequence(), model)).isEqualTo(posting);
    assertThat(posting).isEqualTo(new Posting(posting.sequence(), model));
    assertThat(posting).hasSameHashCodeAs(new Posting(posting.sequence(), model));
    for (Map.Entry<String, Accepted> key : model.entrySet()) {
      assertThat(posting.under(key.getKey(), time(now))).isEqualTo(key.getValue());
    }
  }

  private static Accepted at(Duration since) {
    return new Accepted(new PostId(time(since), 0), 7, time(since));
  }

  private static long time(Duration since) {
    return START + HybridClock.ofMillis(since.toMillis());
  }
}
