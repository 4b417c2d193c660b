package io.tideline.bench.micro;

import org.openjdk.jmh.annotations.Benchmark;

/** One of its methods fails. */
public class HalfBrokenBenchmark {
  @Benchmark
  public long whole() {
    return System.nanoTime();
  }

  @Benchmark
  public long broken() {
    throw new IllegalStateException("broken");
  }
}
