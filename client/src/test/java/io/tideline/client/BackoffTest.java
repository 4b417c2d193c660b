package io.tideline.client;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class BackoffTest {
  @Property
  void waits_double_up_to_two_seconds_and_are_never_less_than_half_of_that(
      @ForAll @IntRange(min = 1, max = 1_000_000) int attempt) {
    long ceiling = (long) Math.min(2_000, 50 * Math.pow(2, attempt - 1));
    assertThat(Backoff.before(attempt).toMillis()).isBetween(ceiling / 2, ceiling);
  }

  @Test
  void those_who_failed_together_do_not_come_back_together() {
    assertThat(IntStream.range(0, 200).mapToObj(i -> Backoff.before(8)).map(Duration::toMillis))
        .satisfies(waits -> assertThat(waits.stream().distinct()).hasSizeGreaterThan(100));
  }
}
