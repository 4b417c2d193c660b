package io.tideline.multidc.fence;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class FenceTest {
  private static final Duration CLOSES_AFTER = Duration.ofSeconds(7);

  private final Fence fence =
      new Fence(new FenceSettings(Duration.ofMillis(500), CLOSES_AFTER, Duration.ofSeconds(10)));

  @Test
  void is_closed_before_the_node_is_a_member_but_lets_it_set_up_its_tables() {
    assertThat(fence.open()).isFalse();
    assertThat(fence.passable()).isTrue();
    assertThat(fence.state()).isEqualTo("closed: not a member yet");
  }

  @Test
  void before_a_majority_ever_counted_the_node_in_its_age_is_that_of_the_process() {
    assertThat(fence.age()).isLessThan(Duration.ofMinutes(1));
  }

  @Test
  void the_age_of_a_node_that_was_removed_goes_on_from_when_it_was_last_counted_in() {
    fence.countedInAt(System.nanoTime() - Duration.ofSeconds(5).toNanos());
    fence.gone();
    assertThat(fence.age()).isBetween(Duration.ofSeconds(5), Duration.ofSeconds(6));
  }

  @Test
  void is_open_for_a_while_after_a_majority_counted_the_node_in() {
    fence.countedInAt(System.nanoTime() - Duration.ofSeconds(5).toNanos());
    assertThat(fence.open()).isTrue();
    assertThat(fence.age()).isBetween(Duration.ofSeconds(5), Duration.ofSeconds(6));
  }

  @Test
  void closes_by_itself_when_no_answer_is_recent() {
    fence.countedInAt(System.nanoTime() - CLOSES_AFTER.toNanos());
    // At once: to load what asserts takes a while.
    String state = fence.state();
    assertThat(state).startsWith("closed: counted in by a majority 7.0 s ago");
    assertThat(fence.open()).isFalse();
    assertThat(fence.passable()).isFalse();
  }

  @Test
  void an_older_answer_that_comes_late_changes_nothing() {
    fence.countedInAt(System.nanoTime());
    fence.countedInAt(System.nanoTime() - Duration.ofSeconds(60).toNanos());
    assertThat(fence.open()).isTrue();
  }

  @Test
  void a_node_that_was_removed_never_opens_again() {
    fence.countedInAt(System.nanoTime());
    fence.gone();
    fence.countedInAt(System.nanoTime());
    assertThat(fence.open()).isFalse();
    assertThat(fence.passable()).isFalse();
  }

  @Test
  void a_clock_beyond_the_bound_is_off_in_both_directions() {
    fence.clockOffsets(-10_001, -10_002, 0);
    assertThat(fence.clockOff()).isTrue();
    fence.clockOffsets(10_000, 10_000, 0);
    assertThat(fence.clockOff()).isFalse();
  }

  @Test
  void of_two_clocks_that_differ_neither_is_off_and_the_difference_is_known() {
    fence.clockOffsets(0, 20_000);
    assertThat(fence.clockOff()).isFalse();
    assertThat(fence.clockOffset()).isZero();
    assertThat(fence.clockSpread()).isEqualTo(Duration.ofSeconds(20));
    fence.clockOffsets(0, -3);
    assertThat(fence.clockSpread()).isEqualTo(Duration.ofMillis(3));
  }
}
