package io.tideline.bench.scenario;

import io.tideline.bench.Cores;
import io.tideline.bench.Plan;
import io.tideline.bench.Report;
import io.tideline.bench.data.Corpus;
import io.tideline.bench.data.Dataset;
import io.tideline.bench.side.Side;
import java.util.List;
import java.util.function.Consumer;

/**
 * What every scenario is given.
 *
 * @param sides that run, Tideline first
 * @param say tells the person who waits
 */
public record Setting(
    Plan plan,
    Dataset dataset,
    Corpus corpus,
    List<Side> sides,
    Cores cores,
    Report report,
    Consumer<String> say) {

  /** Of all sides. */
  public List<Long> processes() {
    return sides.stream().flatMap(side -> side.processes().stream()).toList();
  }
}
