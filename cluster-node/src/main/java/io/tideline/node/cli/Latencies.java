package io.tideline.node.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/** How long some calls took, in ms. */
final class Latencies {
  private final List<Double> millis = new ArrayList<>();

  void add(double took) {
    millis.add(took);
  }

  <T> T time(Supplier<T> call) {
    long startedAt = System.nanoTime();
    T answer = call.get();
    add((System.nanoTime() - startedAt) / 1e6);
    return answer;
  }

  int count() {
    return millis.size();
  }

  double p50() {
    return percentile(50);
  }

  double p99() {
    return percentile(99);
  }

  private double percentile(int percent) {
    return millis.stream().sorted().toList().get(millis.size() * percent / 100);
  }
}
