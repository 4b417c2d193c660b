package io.tideline.client;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class RetryBudgetTest {
  private final AtomicLong now = new AtomicLong();
  private final RetryBudget budget = new RetryBudget(now::get);

  @Property(tries = 200)
  void repetitions_are_a_fifth_of_the_calls_and_ten_a_second_at_most(
      @ForAll List<@IntRange(min = 0, max = 50) Integer> steps) {
    int calls = 0;
    int repetitions = 0;
    long start = now.get();
    RetryBudget budget = new RetryBudget(now::get);
    for (int step : steps) {
      for (int i = 0; i < step; i++) {
        budget.onCall();
        calls++;
        if (budget.take()) repetitions++;
        if (budget.take()) repetitions++;
      }
      now.addAndGet(TimeUnit.MILLISECONDS.toNanos(step));
    }
    double seconds = (now.get() - start) / 1e9;
    assertThat((double) repetitions)
        .isLessThanOrEqualTo(
            RetryBudget.CAPACITY
                + calls * RetryBudget.PER_CALL
                + seconds * RetryBudget.PER_SECOND
                + 1e-6);
  }

  @Test
  void when_all_calls_fail_few_are_repeated() {
    drain();
    int repeated = 0;
    for (int i = 0; i < 10_000; i++) {
      budget.onCall();
      if (budget.take()) repeated++;
    }
    assertThat(repeated).isBetween(1_990, 2_000);
  }

  @Test
  void a_caller_who_calls_seldom_may_repeat_too() {
    drain();
    now.addAndGet(TimeUnit.SECONDS.toNanos(1));
    assertThat(drain()).isEqualTo(10);
  }

  @Test
  void what_is_not_used_is_not_saved_up_without_end() {
    for (int i = 0; i < 100_000; i++) budget.onCall();
    now.addAndGet(TimeUnit.HOURS.toNanos(1));
    assertThat(drain()).isEqualTo(100);
  }

  private int drain() {
    int taken = 0;
    while (budget.take()) taken++;
    return taken;
  }
}
