package io.tideline.client;

import java.time.Duration;

/**
 * Which part of its users a cell gets: none while it is away, and afterwards, once it has been well
 * for a while, step by step more; while it is over its capacity and another cell can have them,
 * step by step fewer.
 */
final class CellShare {
  static final int ALL = 10;
  static final Duration HOLD_DOWN = Duration.ofSeconds(30);
  static final Duration STEP_DOWN = Duration.ofSeconds(10);
  static final Duration STEP_UP = Duration.ofSeconds(30);

  private int tenths = ALL;
  private boolean known;
  private long nextStepAt;

  int tenths() {
    return tenths;
  }

  /**
   * Takes how the cell is.
   *
   * @param elsewhere whether another cell can have its users
   * @param now in nanoseconds
   */
  void update(boolean well, boolean overCapacity, boolean elsewhere, long now) {
    // One that has just been met may have all at once: nobody has left it.
    if (!known && !well) return;
    known = true;
    if (!well) {
      tenths = 0;
      nextStepAt = now + HOLD_DOWN.toNanos();
    } else if (overCapacity) {
      if (elsewhere && (tenths == ALL || now - nextStepAt >= 0)) step(-1, now, STEP_DOWN);
    } else if (now - nextStepAt >= 0) {
      step(1, now, STEP_UP);
    }
  }

  private void step(int by, long now, Duration pause) {
    tenths = Math.max(0, Math.min(ALL, tenths + by));
    nextStepAt = now + pause.toNanos();
  }
}
