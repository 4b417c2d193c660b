package io.tideline.bench.side;

import java.time.Duration;
import java.util.concurrent.TimeUnit;

/** Waiting while servers settle. */
public final class Pause {
  private Pause() {}

  public static void of(Duration time) {
    try {
      TimeUnit.NANOSECONDS.sleep(time.toNanos());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while servers were settling", e);
    }
  }
}
