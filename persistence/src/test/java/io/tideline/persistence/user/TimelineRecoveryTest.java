package io.tideline.persistence.user;

import java.util.Random;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.ShrinkingMode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** Whatever happens to a timeline, it shows what the log says. */
class TimelineRecoveryTest {
  private static final int STEPS = 400;

  @Test
  @EnabledIfSystemProperty(named = OtherHistories.HOW_MANY, matches = "\\d+")
  void a_longer_run() {
    OtherHistories.run(this::a_timeline_recovered_from_any_checkpoint_equals_one_rebuilt_cold);
  }

  // The seed is fixed so that a build says the same each time; a longer run takes others.
  @Property(
      tries = 10_000,
      seed = "6331479900425947878",
      shrinking = ShrinkingMode.OFF,
      edgeCases = EdgeCasesMode.NONE)
  void a_timeline_recovered_from_any_checkpoint_equals_one_rebuilt_cold(@ForAll long seed) {
    Random random = new Random(seed);
    SimulatedCell cell = new SimulatedCell(random, 2);
    SimulatedUser user = new SimulatedUser(random, cell);
    int steps = random.nextInt(STEPS);
    for (int i = 0; i < steps; i++) {
      if (random.nextBoolean()) cell.step();
      else user.step();
    }
    user.settle();
    user.checkComplete();

    user.leave();
    user.settle();
    user.checkComplete();

    user.leave();
    user.forgetCheckpoint();
    user.settle();
    user.checkComplete();
  }

  @Property(
      tries = 15_000,
      seed = "6331479900425947878",
      shrinking = ShrinkingMode.OFF,
      edgeCases = EdgeCasesMode.NONE)
  void a_watcher_is_told_once_of_all_that_comes(@ForAll long seed) {
    Random random = new Random(seed);
    SimulatedCell cell = new SimulatedCell(random, 2);
    SimulatedUser user = new SimulatedUser(random, cell);
    for (int i = random.nextInt(STEPS); i > 0; i--) {
      if (random.nextInt(3) > 0) cell.step();
      else user.workForWatcher();
    }
    user.settle();
    user.checkComplete();
  }
}
