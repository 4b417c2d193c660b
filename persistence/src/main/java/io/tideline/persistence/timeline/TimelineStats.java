package io.tideline.persistence.timeline;

import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongConsumer;

/** What the timelines of a node have done since it started. */
public final class TimelineStats {
  public final LongAdder warmActivations = new LongAdder();
  public final LongAdder coldActivations = new LongAdder();
  public final LongAdder checkpoints = new LongAdder();
  public final LongAdder applied = new LongAdder();
  public final LongAdder overflows = new LongAdder();
  public final LongAdder failedLoads = new LongAdder();
  private final LongConsumer warmNanos;
  private final LongConsumer coldNanos;

  /**
   * Counts from zero.
   *
   * @param warmNanos told how long each activation from a checkpoint took
   * @param coldNanos told how long each activation from the store took
   */
  public TimelineStats(LongConsumer warmNanos, LongConsumer coldNanos) {
    this.warmNanos = warmNanos;
    this.coldNanos = coldNanos;
  }

  void activated(boolean cold, long nanos) {
    (cold ? coldActivations : warmActivations).increment();
    (cold ? coldNanos : warmNanos).accept(nanos);
  }
}
