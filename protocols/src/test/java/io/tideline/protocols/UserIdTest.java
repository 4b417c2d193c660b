package io.tideline.protocols;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import net.jqwik.api.Assume;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.CharRange;
import net.jqwik.api.constraints.Chars;
import net.jqwik.api.constraints.StringLength;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class UserIdTest {
  @Property
  void every_allowed_name_is_taken_as_it_is(
      @ForAll
          @StringLength(min = 1, max = 64)
          @CharRange(from = 'a', to = 'z')
          @CharRange(from = 'A', to = 'Z')
          @CharRange(from = '0', to = '9')
          @Chars({'.', '_', ':', '@', '-'})
          String name) {
    assertThat(new UserId(name)).hasToString(name);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", " ", "a b", "a/b", "ä", "a\n", "a\u0000", "#tag", "１", "😀"})
  void other_names_are_refused(String name) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new UserId(name))
        .withMessageContaining("[A-Za-z0-9._:@-]");
  }

  @Test
  void a_name_of_65_characters_is_refused_without_repeating_it() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new UserId("a".repeat(65)))
        .withMessageEndingWith("65 characters long");
  }

  @Property
  void every_user_but_those_of_one_hash_has_a_shard_from_zero_on(
      @ForAll @StringLength(min = 1, max = 64) @Chars({'a', 'Z', '0', '.', '@'}) String user) {
    Assume.that(user.hashCode() != Integer.MIN_VALUE);
    assertThat(UserId.shardOf(user, 1_000)).isBetween(0, 999);
  }

  @Test
  void shards_of_users_stay_what_they_are() {
    assertThat(UserId.shardOf("ann", 1_000)).isEqualTo(737);
    assertThat(UserId.shardOf("user-17", 1_000)).isEqualTo(744);
    assertThat(UserId.shardOf("polygenelubricants", 1_000)).isEqualTo(-648);
  }
}
