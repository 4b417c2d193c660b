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
  private final OneReader reader = new OneReader(0);
  private final OneReader readerOfLatePosts = new OneReader(10);

  @Benchmark
  public TimelineView inOrder() {
    return reader.arrive();
  }

  @Benchmark
  public TimelineView tenEntriesDown() {
    return readerOfLatePosts.arrive();
  }
}
