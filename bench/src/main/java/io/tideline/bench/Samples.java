package io.tideline.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What one thing measured in each round. */
public final class Samples {
  private final List<Double> values = new ArrayList<>();

  /** Leaves out NaN, which stands for unknown. */
  public void add(double value) {
    if (!Double.isNaN(value)) values.add(value);
  }

  public List<Double> values() {
    return List.copyOf(values);
  }

  public boolean isEmpty() {
    return values.isEmpty();
  }

  public double median() {
    List<Double> sorted = sorted();
    int half = sorted.size() / 2;
    return sorted.size() % 2 == 1
        ? sorted.get(half)
        : (sorted.get(half - 1) + sorted.get(half)) / 2;
  }

  private List<Double> sorted() {
    return values.stream().sorted().toList();
  }

  double least() {
    return sorted().get(0);
  }

  double most() {
    return sorted().get(values.size() - 1);
  }

  /** One value; {@code -} for NaN, which stands for unknown. */
  public static String text(String format, double value) {
    return Double.isNaN(value) ? "-" : String.format(Locale.ROOT, format, value);
  }

  /** The median, and the least and the most in brackets; {@code -} when nothing is known. */
  public String text(String format) {
    List<Double> sorted = sorted();
    if (sorted.isEmpty()) return "-";
    return String.format(
        Locale.ROOT,
        format + " (" + format + " - " + format + ")",
        median(),
        sorted.get(0),
        sorted.get(sorted.size() - 1));
  }
}
