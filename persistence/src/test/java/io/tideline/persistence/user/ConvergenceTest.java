package io.tideline.persistence.user;

import java.util.Random;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.ShrinkingMode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** Cells that accept everything at any time, and are cut off from each other, agree in the end. */
class ConvergenceTest {

  /** {@code -Dtideline.test.histories=1000000}, as far as it gets in an hour. */
  @Test
  @EnabledIfSystemProperty(named = "tideline.test.histories", matches = "\\d+")
  void a_longer_run() {
    OtherHistories.run(this::in_the_end_all_cells_know_the_same);
  }

  /** One history again, and what happened in it: {@code -Dtideline.test.history=<seed>}. */
  @Test
  @EnabledIfSystemProperty(named = "tideline.test.history", matches = "-?\\d+")
  void a_history_again() {
    in_the_end_all_cells_know_the_same(Long.getLong("tideline.test.history"));
  }

  @Property(
      tries = 10_000,
      seed = "4711",
      shrinking = ShrinkingMode.OFF,
      edgeCases = EdgeCasesMode.NONE)
  void in_the_end_all_cells_know_the_same(@ForAll long seed) {
    Random random = new Random(seed);
    SeveralCells cells = new SeveralCells(random);
    try {
      for (int steps = 20 + random.nextInt(90); steps > 0; steps--) cells.step();
      cells.settle();
      cells.check();
    } catch (AssertionError | RuntimeException e) {
      throw new AssertionError("with seed " + seed + ": " + cells, e);
    }
  }
}
