package io.tideline.multidc.fence;

import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.multidc.fence.Heartbeats.Answer;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class HeartbeatsTest {
  private static final Answer FIRST = new Answer(1, OptionalLong.of(20_000));
  private static final Answer SECOND = new Answer(2, OptionalLong.of(20_003));
  private static final Answer SLOW = new Answer(3, OptionalLong.empty());

  @Test
  void an_answer_to_a_later_question_counts_whichever_comes_first() {
    assertThat(Heartbeats.later(FIRST, SECOND)).isEqualTo(SECOND);
    assertThat(Heartbeats.later(SECOND, FIRST)).isEqualTo(SECOND);
  }

  @Test
  void an_answer_too_slow_to_tell_the_clock_leaves_what_is_known_of_it() {
    Answer both = new Answer(3, OptionalLong.of(20_003));
    assertThat(Heartbeats.later(SECOND, SLOW)).isEqualTo(both);
    assertThat(Heartbeats.later(SLOW, SECOND)).isEqualTo(both);
  }
}
