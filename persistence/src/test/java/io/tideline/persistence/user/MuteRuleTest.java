package io.tideline.persistence.user;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.tideline.protocols.log.v1.MuteRuleContent;
import java.util.List;
import org.junit.jupiter.api.Test;

class MuteRuleTest {
  private static final MuteRule WORDS = new MuteRule("Spoilers", "the end", "", false, 0);
  private static final MuteRule TAG = new MuteRule("", "", "Tide", true, 5_000);

  @Test
  void a_rule_about_words_is_met_by_a_text_that_says_them() {
    assertThat(WORDS.matcher().test(Words.of("This is The End."), List.of())).isTrue();
    assertThat(WORDS.matcher().test(Words.of("the endless sea"), List.of("the end"))).isFalse();
  }

  @Test
  void a_rule_about_a_tag_is_met_by_the_tag_only() {
    assertThat(TAG.matcher().test(Words.of(""), List.of("moon", "tide"))).isTrue();
    assertThat(TAG.matcher().test(Words.of("tide"), List.of("moon", "tides"))).isFalse();
  }

  @Test
  void a_rule_ends_when_it_says() {
    assertThat(TAG.inForce(4_999)).isTrue();
    assertThat(TAG.inForce(5_000)).isFalse();
    assertThat(WORDS.inForce(Long.MAX_VALUE)).isTrue();
  }

  @Test
  void a_rule_is_what_its_line_says() {
    MuteRuleContent content =
        MuteRuleContent.newBuilder().setTag("TIDE").setWarn(true).setUntilMillis(5_000).build();

    assertThat(MuteRule.of(content)).isEqualTo(TAG);
    assertThat(TAG.tag()).isEqualTo("tide");
  }

  @Test
  void a_rule_is_about_words_or_a_tag() {
    assertThatIllegalArgumentException().isThrownBy(() -> new MuteRule("", "", "", false, 0));
    assertThatIllegalArgumentException().isThrownBy(() -> new MuteRule("", "a", "b", false, 0));
  }
}
