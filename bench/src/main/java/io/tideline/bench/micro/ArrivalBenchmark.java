package io.tideline.bench.micro;

import io.tideline.persistence.timeline.TimelineView;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/**
 * A post that arrives in a timeline of 800 entries, from its inbox to the view that readers see.
 * The mailbox of its owner is not in it.
 */
@State(Scope.Thread)
public class ArrivalBenchmark {
  private final OneReader reader = new OneReader();

  @Benchmark
  public TimelineView inOrder() {
    return reader.arrive(0);
  }

  @Benchmark
  public TimelineView tenEntriesDown() {
    return reader.arrive(10);
  }
}
