package io.tideline.bench.scenario;

import io.tideline.bench.micro.ArrivalBenchmark;
import io.tideline.bench.micro.CheckpointBenchmark;
import io.tideline.bench.micro.CursorBenchmark;
import io.tideline.bench.micro.JournalEventBenchmark;
import io.tideline.bench.micro.LogLineBenchmark;
import io.tideline.bench.micro.PostIdBenchmark;
import io.tideline.multidc.log.RecentPostsBenchmark;
import io.tideline.node.api.ReadFeedBenchmark;
import io.tideline.persistence.user.MergeBenchmark;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.Options;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/** What single operations of a node cost, in time and in allocated bytes. */
public final class MicroScenario {
  private static final List<Class<?>> BENCHMARKS =
      List.of(
          ReadFeedBenchmark.class,
          ArrivalBenchmark.class,
          CheckpointBenchmark.class,
          RecentPostsBenchmark.class,
          MergeBenchmark.class,
          CursorBenchmark.class,
          PostIdBenchmark.class,
          LogLineBenchmark.class,
          JournalEventBenchmark.class);
  private static final String HEAP = "-Xmx1g";
  private static final String ALLOCATED = "gc.alloc.rate.norm";

  private MicroScenario() {}

  /** True when every benchmark has run. */
  public static boolean run(Place place) {
    return run(place, BENCHMARKS);
  }

  static boolean run(Place place, List<Class<?>> benchmarks) {
    int iterations = place.quick() ? 1 : 5;
    TimeValue time = TimeValue.milliseconds(place.quick() ? 100 : 1_000);
    // Another one at work spoils figures, but here there are none.
    if (place.quick()) System.setProperty("jmh.ignoreLock", "true");
    place.report().heading(2, "Micro: what single operations cost");
    place
        .report()
        .line(
            "JMH, one thread, one JVM for each benchmark (%s, serial collector), %d warm-up and %d measured iterations of %d ms. Behind the average is half of its 99.9 %% interval."
                .formatted(HEAP, iterations, iterations, time.getTime()));
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("Operation", "ns", "±", "bytes allocated"));
    boolean right = true;
    for (Class<?> benchmark : benchmarks) {
      place.say().accept("Micro: " + benchmark.getSimpleName());
      try {
        measure(place, benchmark, iterations, time).forEach(result -> rows.add(row(result)));
      } catch (RunnerException e) {
        right = false;
        place
            .report()
            .line("\n**%s failed: %s.**".formatted(benchmark.getSimpleName(), e.getMessage()));
      }
    }
    place.report().table(rows);
    return right;
  }

  private static List<RunResult> measure(
      Place place, Class<?> benchmark, int iterations, TimeValue time) throws RunnerException {
    Options options =
        new OptionsBuilder()
            .include("^" + Pattern.quote(benchmark.getName()) + "\\.")
            .mode(Mode.AverageTime)
            .timeUnit(TimeUnit.NANOSECONDS)
            .forks(1)
            .warmupIterations(iterations)
            .warmupTime(time)
            .measurementIterations(iterations)
            .measurementTime(time)
            .jvmArgs(HEAP, "-XX:+UseSerialGC")
            .addProfiler(GCProfiler.class)
            .shouldFailOnError(true)
            .output(place.directory().resolve(benchmark.getSimpleName() + ".log").toString())
            .build();
    try {
      Files.createDirectories(place.directory());
      return List.copyOf(new Runner(options).run());
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write to " + place.directory(), e);
    }
  }

  private static List<String> row(RunResult result) {
    Result<?> time = result.getPrimaryResult();
    Result<?> allocated = result.getSecondaryResults().get(ALLOCATED);
    return List.of(
        nameOf(result.getParams()),
        String.format(Locale.ROOT, "%,.0f", time.getScore()),
        Double.isNaN(time.getScoreError())
            ? "-"
            : String.format(Locale.ROOT, "%,.0f", time.getScoreError()),
        allocated == null ? "-" : String.format(Locale.ROOT, "%,.0f", allocated.getScore()));
  }

  /** Without package, and with parameters where there are any. */
  private static String nameOf(BenchmarkParams benchmark) {
    String[] parts = benchmark.getBenchmark().split("\\.", -1);
    var name = new StringBuilder(parts[parts.length - 2].replace("Benchmark", ""));
    name.append('.').append(parts[parts.length - 1]);
    for (String key : benchmark.getParamsKeys()) {
      name.append(", ").append(benchmark.getParam(key)).append(' ').append(key);
    }
    return name.toString();
  }
}
