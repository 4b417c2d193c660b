package io.tideline.node.ops;

import java.time.Duration;

/**
 * Whether a node has more to do than it can: its processors were busier than {@link #FULL} for
 * {@link #LONG_ENOUGH}, and not less busy than {@link #ROOM} for as long since.
 */
final class Capacity {
  static final double FULL = 0.85;
  static final double ROOM = 0.7;
  static final Duration LONG_ENOUGH = Duration.ofSeconds(30);

  private boolean exceeded;

  /** Since when the processors say otherwise than {@link #exceeded}. */
  private long otherwiseSince;

  private boolean otherwise;

  boolean exceeded() {
    return exceeded;
  }

  /**
   * Takes a measurement, and says whether it made a difference.
   *
   * @param cpu 0 to 1
   * @param now in nanoseconds
   */
  boolean update(double cpu, long now) {
    boolean was = otherwise;
    otherwise = exceeded ? cpu < ROOM : cpu > FULL;
    if (!was) otherwiseSince = now;
    if (!otherwise || now - otherwiseSince < LONG_ENOUGH.toNanos()) return false;
    exceeded = !exceeded;
    otherwise = false;
    return true;
  }

  @Override
  public String toString() {
    return exceeded ? "over its capacity" : "within its capacity again";
  }
}
