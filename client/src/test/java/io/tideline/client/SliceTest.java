package io.tideline.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.tideline.protocols.UserId;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import org.junit.jupiter.api.Test;

class SliceTest {
  private static final int USERS = 100_000;

  @Property(tries = 30)
  void a_slice_has_as_many_users_as_it_says(@ForAll @DoubleRange(min = 0, max = 1) double share) {
    assertThat(part(share, i -> "user-" + i)).isCloseTo(share, within(0.01));
    assertThat(part(share, i -> Integer.toString(1_000_000 + i))).isCloseTo(share, within(0.01));
  }

  @Test
  void a_slice_has_all_or_nobody_at_its_ends() {
    assertThat(part(0, i -> "u" + i)).isZero();
    assertThat(part(1, i -> "u" + i)).isOne();
  }

  @Property
  void who_is_in_a_slice_is_in_a_larger_one(
      @ForAll String user,
      @ForAll @DoubleRange(min = 0, max = 1) double one,
      @ForAll @DoubleRange(min = 0, max = 1) double other) {
    double small = Math.min(one, other);
    double large = Math.max(one, other);
    if (Slice.has("1.4.0", small, user)) assertThat(Slice.has("1.4.0", large, user)).isTrue();
  }

  @Test
  void slices_of_other_names_have_other_users() {
    long both =
        IntStream.range(0, USERS)
            .mapToObj(i -> "user-" + i)
            .filter(user -> Slice.has("1.4.0", 0.2, user) && Slice.has("1.5.0", 0.2, user))
            .count();
    assertThat(both / (double) USERS).isCloseTo(0.04, within(0.01));
  }

  @Test
  void a_slice_has_users_of_all_shards_alike() {
    double ofFirstHundred =
        IntStream.range(0, USERS)
            .mapToObj(i -> "user-" + i)
            .filter(user -> Slice.has("1.4.0", 0.2, user))
            .filter(user -> UserId.shardOf(user, 1_000) < 100)
            .count();
    assertThat(ofFirstHundred / (0.2 * USERS)).isCloseTo(0.1, within(0.01));
  }

  private static double part(double share, IntFunction<String> user) {
    return IntStream.range(0, USERS)
            .mapToObj(user)
            .filter(each -> Slice.has("1.4.0", share, each))
            .count()
        / (double) USERS;
  }
}
