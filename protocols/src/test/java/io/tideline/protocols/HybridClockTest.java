package io.tideline.protocols;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.time.Instant;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class HybridClockTest {
  private static final long NOW = 1_763_650_000_000L;

  private final AtomicLong wallClock = new AtomicLong(NOW);
  private final HybridClock clock = new HybridClock(() -> Instant.ofEpochMilli(wallClock.get()));

  @Property
  void the_clock_never_goes_back_whatever_the_wall_clock_does_and_whatever_it_observes(
      @ForAll @Size(min = 2, max = 50)
          List<@LongRange(min = NOW - 120_000, max = NOW + 120_000) Long> wallClockTimes,
      @ForAll List<@LongRange(max = Long.MAX_VALUE - 1) Long> observed) {
    long last = 0;
    for (int i = 0; i < wallClockTimes.size(); i++) {
      wallClock.set(wallClockTimes.get(i));
      if (i < observed.size()) {
        clock.observe(observed.get(i));
      }
      long next = clock.next();
      assertThat(next).isGreaterThan(last);
      last = next;
    }
  }

  @Property
  void the_clock_stays_within_a_minute_of_the_latest_wall_clock(
      @ForAll List<@LongRange(max = Long.MAX_VALUE - 1) Long> observed) {
    observed.forEach(clock::observe);

    assertThat(HybridClock.millisOf(clock.next())).isBetween(NOW, NOW + 60_000);
  }

  @Test
  void it_follows_the_wall_clock() {
    assertThat(clock.next()).isEqualTo(HybridClock.ofMillis(NOW));
    assertThat(clock.next()).isEqualTo(HybridClock.ofMillis(NOW) + 1);
    wallClock.addAndGet(1);
    assertThat(clock.next()).isEqualTo(HybridClock.ofMillis(NOW + 1));
  }

  @Test
  void more_than_65536_times_in_one_millisecond_borrow_from_the_next() {
    long last = 0;
    for (int i = 0; i < 70_000; i++) {
      last = clock.next();
    }
    assertThat(HybridClock.millisOf(last)).isEqualTo(NOW + 1);
  }

  @Test
  void what_was_observed_lies_behind() {
    long ahead = HybridClock.ofMillis(NOW + 60_000);
    clock.observe(ahead);

    assertThat(clock.next()).isEqualTo(ahead + 1);
  }

  @Test
  void what_is_more_than_a_minute_ahead_does_not_drag_the_clock() {
    clock.observe(HybridClock.ofMillis(NOW + 60_001));

    assertThat(clock.next()).isEqualTo(HybridClock.ofMillis(NOW));
  }

  @Test
  void a_new_version_is_later_than_the_old_one_however_far_ahead_that_is() {
    long farAhead = HybridClock.ofMillis(NOW + 3_600_000);

    assertThat(clock.nextAfter(farAhead)).isEqualTo(farAhead + 1);
    assertThat(clock.next()).isLessThan(farAhead);
    assertThat(clock.nextAfter(5)).isGreaterThanOrEqualTo(HybridClock.ofMillis(NOW));
  }

  @Test
  void no_two_threads_are_told_the_same_time() throws Exception {
    int threads = 4;
    int each = 50_000;
    Set<Long> told = ConcurrentHashMap.newKeySet();
    Callable<Boolean> ascending =
        () -> {
          long last = 0;
          for (int i = 0; i < each; i++) {
            long next = clock.next();
            if (next <= last || !told.add(next)) {
              return false;
            }
            last = next;
          }
          return true;
        };
    ExecutorService executor = Executors.newFixedThreadPool(threads);
    try {
      for (Future<Boolean> result : executor.invokeAll(Collections.nCopies(threads, ascending))) {
        assertThat(result.get()).isTrue();
      }
    } finally {
      executor.shutdown();
    }
    assertThat(told).hasSize(threads * each);
  }

  @Property
  void a_time_of_a_cell_is_the_next_that_no_other_cell_has(
      @ForAll @IntRange(max = 255) int cell, @ForAll @LongRange(max = 1L << 62) long time) {
    long own = HybridClock.ofCell(cell, time);
    assertThat(own).isBetween(time, time + 255);
    assertThat(own & 0xFF).isEqualTo(cell);
  }

  @Property
  void milliseconds_survive_a_round_trip(@ForAll @LongRange(max = (1L << 47) - 1) long millis) {
    assertThat(HybridClock.millisOf(HybridClock.ofMillis(millis))).isEqualTo(millis);
    assertThat(HybridClock.ofMillis(millis)).isNotNegative();
  }

  @Test
  void milliseconds_out_of_range_are_refused() {
    assertThatIllegalArgumentException().isThrownBy(() -> HybridClock.ofMillis(-1));
    assertThatIllegalArgumentException().isThrownBy(() -> HybridClock.ofMillis(1L << 47));
  }
}
