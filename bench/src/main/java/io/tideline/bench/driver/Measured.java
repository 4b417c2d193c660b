package io.tideline.bench.driver;

import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/**
 * What came of one run of the driver.
 *
 * @param answers that were right
 * @param bytes of their messages
 * @param reads latencies in nanoseconds
 * @param writes latencies in nanoseconds
 * @param late calls that were never sent, or not answered while there was patience: the server is
 *     behind
 * @param firstLate null when there was none
 * @param wrong calls whose answer was an error or not right
 * @param firstWrong null when there was none
 */
public record Measured(
    double seconds,
    long answers,
    long bytes,
    Histogram reads,
    Histogram writes,
    long late,
    @Nullable String firstLate,
    long wrong,
    @Nullable String firstWrong) {

  /** Right answers per second. */
  public double rate() {
    return answers / seconds;
  }

  /** Calls without a right answer. */
  public long failures() {
    return late + wrong;
  }

  /** A wrong answer, where there was one; null when nothing failed. */
  public @Nullable String firstFailure() {
    return firstWrong == null ? firstLate : firstWrong;
  }
}
