package io.tideline.protocols;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.google.protobuf.ByteString;
import java.math.BigInteger;
import java.util.Arrays;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PostIdTest {
  private static final UserId ANN = new UserId("ann");
  private static final UserId BOB = new UserId("bob");
  private static final long LAST_MILLIS = (1L << 47) - 1;

  @Provide
  Arbitrary<PostId> ids() {
    Arbitrary<Long> half = Arbitraries.longs();
    return Combinators.combine(half, half).as(PostId::new);
  }

  @Property
  void ids_sort_as_unsigned_numbers_and_so_do_their_text_and_their_bytes(
      @ForAll("ids") PostId one, @ForAll("ids") PostId other) {
    int order = Integer.signum(number(one).compareTo(number(other)));

    assertThat(Integer.signum(one.compareTo(other))).isEqualTo(order);
    assertThat(Integer.signum(one.toString().compareTo(other.toString()))).isEqualTo(order);
    assertThat(Integer.signum(Arrays.compareUnsigned(one.toBytes(), other.toBytes())))
        .isEqualTo(order);
  }

  private static BigInteger number(PostId id) {
    return new BigInteger(1, id.toBytes());
  }

  @Property
  void ids_sort_as_time(
      @ForAll @LongRange(max = Long.MAX_VALUE) long earlier,
      @ForAll @LongRange(max = Long.MAX_VALUE) long later,
      @ForAll @IntRange(max = 255) int oneCell,
      @ForAll @IntRange(max = 255) int otherCell) {
    PostId first = PostId.of(Math.min(earlier, later), oneCell, ANN, "key");
    PostId second = PostId.of(Math.max(earlier, later), otherCell, BOB, "key");

    if (earlier != later) {
      assertThat(first).isLessThan(second);
    }
    assertThat(first.millis()).isEqualTo(HybridClock.millisOf(Math.min(earlier, later)));
  }

  @Property
  void imported_ids_sort_as_the_milliseconds_they_were_given(
      @ForAll @LongRange(max = LAST_MILLIS - 1) long millis, @ForAll String key) {
    PostId earlier = PostId.imported(millis, ANN, key);

    assertThat(earlier.millis()).isEqualTo(millis);
    assertThat(earlier).isLessThan(PostId.imported(millis + 1, ANN, key));
    assertThat(earlier).isEqualTo(PostId.imported(millis, ANN, key));
  }

  @Test
  void imported_ids_of_one_millisecond_differ_by_author_and_by_key() {
    PostId id = PostId.imported(1_160_418_111_000L, ANN, "1");

    assertThat(PostId.imported(1_160_418_111_000L, BOB, "1")).isNotEqualTo(id);
    assertThat(PostId.imported(1_160_418_111_000L, ANN, "2")).isNotEqualTo(id);
    assertThat(PostId.imported(1_160_418_111_000L, new UserId("ann1"), ""))
        .isNotEqualTo(PostId.imported(1_160_418_111_000L, ANN, "1"));
  }

  @Property
  void text_and_bytes_survive_a_round_trip(@ForAll("ids") PostId id) {
    assertThat(PostId.parse(id.toString())).isEqualTo(id);
    assertThat(PostId.fromBytes(id.toBytes())).isEqualTo(id);
    assertThat(PostId.fromBytes(id.toByteString())).isEqualTo(id);
  }

  @Property
  void whatever_text_is_read_is_written_again(@ForAll String text) {
    try {
      assertThat(PostId.parse(text)).hasToString(text);
    } catch (IllegalArgumentException refused) {
      assertThat(refused).hasMessageStartingWith("a post id ");
    }
  }

  @Test
  void everything_lies_between_min_and_max() {
    assertThat(PostId.MIN).hasToString("00000000000000000000000000").isLessThan(PostId.MAX);
    assertThat(PostId.MAX).hasToString("7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
  }

  @Test
  void the_text_of_an_id_is_for_ever() {
    PostId id = PostId.of(HybridClock.ofMillis(1_763_650_000_123L) + 7, 3, ANN, "key-1");

    assertThat(id).hasToString("01KAGVPN7V003G7DJ6JZSWDQN4");
    assertThat(id).isEqualTo(new PostId(0x019aa1bb54fb0007L, 0x03b64697f3c6dea4L));
  }

  @Test
  void the_text_of_an_imported_id_is_for_ever() {
    assertThat(PostId.imported(1_160_418_111_000L, ANN, "key-1"))
        .hasToString("011RQ4YBGRMV0G1DJ6JZSWDQN4");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "01KAGVPN7V003G7DJ6JZSWDQN",
        "01KAGVPN7V003G7DJ6JZSWDQN44",
        "01kagvpn7v003g7dj6jzswdqn4",
        "81KAGVPN7V003G7DJ6JZSWDQN4",
        "01KAGVPN7V003G7DJ6JZSWDQNU",
        "01KAGVPN7V003G7DJ6JZSWDQNé",
        "01KAGVPN7V003G7DJ6JZSWDQN "
      })
  void other_text_is_refused(String text) {
    assertThatIllegalArgumentException().isThrownBy(() -> PostId.parse(text));
  }

  @Test
  void other_numbers_of_bytes_are_refused() {
    assertThatIllegalArgumentException().isThrownBy(() -> PostId.fromBytes(new byte[15]));
    assertThatIllegalArgumentException().isThrownBy(() -> PostId.fromBytes(ByteString.EMPTY));
  }

  @Test
  void impossible_times_and_cells_are_refused() {
    assertThatIllegalArgumentException().isThrownBy(() -> PostId.of(-1, 1, ANN, "key"));
    assertThatIllegalArgumentException().isThrownBy(() -> PostId.of(1, 256, ANN, "key"));
    assertThatIllegalArgumentException().isThrownBy(() -> PostId.of(1, -1, ANN, "key"));
    assertThatIllegalArgumentException().isThrownBy(() -> PostId.imported(-1, ANN, "key"));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> PostId.imported(LAST_MILLIS + 1, ANN, "key"));
  }
}
