package io.tideline.client;

import java.util.function.LongSupplier;

/**
 * How many calls may be repeated: one for every five calls, and ten a second besides. What is not
 * used is saved up to {@link #CAPACITY}. So a cell in trouble gets little more calls than at rest.
 */
final class RetryBudget {
  static final double PER_CALL = 0.2;
  static final double PER_SECOND = 10;
  static final double CAPACITY = 100;

  private final LongSupplier nanoTime;
  private double saved = CAPACITY;
  private long savedAt;

  RetryBudget(LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
    savedAt = nanoTime.getAsLong();
  }

  /** A call begins. */
  synchronized void onCall() {
    saved = Math.min(CAPACITY, saved + PER_CALL);
  }

  /** Whether a call may be repeated now; if so, that is counted. */
  synchronized boolean take() {
    long now = nanoTime.getAsLong();
    saved = Math.min(CAPACITY, saved + (now - savedAt) / 1e9 * PER_SECOND);
    savedAt = now;
    if (saved < 1) return false;
    saved--;
    return true;
  }
}
