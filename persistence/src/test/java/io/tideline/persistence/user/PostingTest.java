package io.tideline.persistence.user;

import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.persistence.user.Posting.Accepted;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.PostId;
import java.time.Duration;
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

  private static Accepted at(Duration since) {
    return new Accepted(new PostId(time(since), 0), 7, time(since));
  }

  private static long time(Duration since) {
    return START + HybridClock.ofMillis(since.toMillis());
  }
}
