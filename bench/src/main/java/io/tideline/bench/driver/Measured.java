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
 * @param failures calls without a right answer
 * @param firstFailure null when there was none
 */
public record Measured(
    double seconds,
    long answers,
    long bytes,
    Histogram reads,
    Histogram writes,
    long failures,
    @Nullable String firstFailure) {

  /** Right answers per second. */
  public double rate() {
    return answers / seconds;
  }
}
