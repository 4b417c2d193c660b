package io.tideline.persistence.user;

import java.time.Duration;
import java.util.Random;
import java.util.function.LongConsumer;

/**
 * Other histories than those of every build: {@code -Dtideline.test.histories=1000000}, as far as
 * it gets in an hour.
 */
final class OtherHistories {
  static final String HOW_MANY = "tideline.test.histories";

  private OtherHistories() {}

  /** Runs a history with one random seed after the other; says which seed failed. */
  static void run(LongConsumer history) {
    long end = System.nanoTime() + Duration.ofHours(1).toNanos();
    Random seeds = new Random();
    for (int i = Integer.getInteger(HOW_MANY); i > 0; i--) {
      if (System.nanoTime() > end) return;
      long seed = seeds.nextLong();
      try {
        history.accept(seed);
      } catch (AssertionError e) {
        throw new AssertionError("with seed " + seed, e);
      }
    }
  }
}
