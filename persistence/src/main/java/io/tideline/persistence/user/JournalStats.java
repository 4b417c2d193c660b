package io.tideline.persistence.user;

import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongConsumer;

/** How the journal has taken the events of a node's users since the node started. */
public final class JournalStats {
  public final LongAdder failures = new LongAdder();
  private final LongConsumer persistNanos;

  /**
   * Counts from zero.
   *
   * @param persistNanos told how long each event took from the wish to persist it until it was
   */
  public JournalStats(LongConsumer persistNanos) {
    this.persistNanos = persistNanos;
  }

  void persistedIn(long nanos) {
    persistNanos.accept(nanos);
  }
}
