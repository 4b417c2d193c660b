package io.tideline.node.ops;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class CapacityTest {
  private final Capacity capacity = new Capacity();
  private long seconds = -5;

  @Test
  void a_node_is_over_its_capacity_after_thirty_busy_seconds() {
    measure(0.86, 6);
    assertThat(capacity.exceeded()).isFalse();
    assertThat(next(0.86)).isTrue();
    assertThat(capacity.exceeded()).isTrue();
  }

  @Test
  void one_quiet_moment_starts_the_thirty_seconds_anew() {
    measure(1, 6);
    measure(0.84, 1);
    measure(1, 6);
    assertThat(capacity.exceeded()).isFalse();
  }

  @Test
  void a_node_that_is_half_busy_still_has_no_room() {
    measure(1, 7);
    measure(0.71, 1_000);
    assertThat(capacity.exceeded()).isTrue();
  }

  @Test
  void a_node_has_room_again_after_thirty_quiet_seconds() {
    measure(1, 7);
    measure(0.69, 6);
    assertThat(capacity.exceeded()).isTrue();
    assertThat(next(0.69)).isTrue();
    assertThat(capacity.exceeded()).isFalse();
    measure(0.84, 1_000);
    assertThat(capacity.exceeded()).isFalse();
  }

  /** Every five seconds. */
  private void measure(double cpu, int times) {
    for (int i = 0; i < times; i++) next(cpu);
  }

  private boolean next(double cpu) {
    seconds += 5;
    return capacity.update(cpu, TimeUnit.SECONDS.toNanos(seconds));
  }
}
