package io.tideline.protocols;

import java.time.InstantSource;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Tells hybrid time: follows the wall clock, never goes back, and never falls behind what was
 * observed.
 */
public final class HybridClock {
  private static final int COUNTER_BITS = 16;
  private static final long MAX_MILLIS = Long.MAX_VALUE >>> COUNTER_BITS;
  private static final long CELLS = 256;
  private static final long MAX_AHEAD_MILLIS = 60_000;

  private final InstantSource wallClock;
  private final AtomicLong last = new AtomicLong();

  public HybridClock(InstantSource wallClock) {
    this.wallClock = wallClock;
  }

  /** Later than every time told or observed before. */
  public long next() {
    long now = ofMillis(wallClock.millis());
    while (true) {
      long previous = last.get();
      long next = now > previous ? now : Math.addExact(previous, 1);
      if (last.compareAndSet(previous, next)) {
        return next;
      }
    }
  }

  /** Later than {@code version} too, however far ahead that is. */
  public long nextAfter(long version) {
    observe(version);
    return Math.max(next(), Math.addExact(version, 1));
  }

  /** Takes note of somebody else's time, unless it is more than 60 s ahead of the wall clock. */
  public void observe(long hybridTime) {
    if (hybridTime > last.get() && millisOf(hybridTime) - wallClock.millis() <= MAX_AHEAD_MILLIS) {
      last.accumulateAndGet(hybridTime, Math::max);
    }
  }

  /**
   * The first hybrid time, not before this one, that belongs to the cell: two cells never tell the
   * same.
   */
  public static long ofCell(int cell, long hybridTime) {
    long same = (hybridTime & -CELLS) | cell;
    return same >= hybridTime ? same : Math.addExact(same, CELLS);
  }

  public static long millisOf(long hybridTime) {
    return hybridTime >>> COUNTER_BITS;
  }

  /** The first hybrid time of that millisecond. */
  public static long ofMillis(long millis) {
    if (millis < 0 || millis > MAX_MILLIS) {
      throw new IllegalArgumentException(
          "milliseconds since 1970 are 0-" + MAX_MILLIS + ", but this is " + millis);
    }
    return millis << COUNTER_BITS;
  }
}
