package io.tideline.bench.scenario;

import io.tideline.bench.Cores;
import io.tideline.bench.Plan;
import io.tideline.bench.Report;
import io.tideline.bench.data.Dataset;
import java.nio.file.Path;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * What a scenario is given that starts by itself what it measures.
 *
 * @param home the checkout; its cluster-node must be built
 * @param directory for data and logs of what it starts
 * @param quick only to see that it runs: the figures are worth nothing
 * @param java the JDK to compare collectors of
 * @param dataset what the others are measured with
 * @param say tells the person who waits
 */
public record Place(
    Path home,
    Path directory,
    Plan plan,
    boolean quick,
    Path java,
    Supplier<Dataset> dataset,
    Cores cores,
    Report report,
    Consumer<String> say) {}
