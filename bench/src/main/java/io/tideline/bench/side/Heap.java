package io.tideline.bench.side;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What lives on the heap of a JVM, after a full collection.
 *
 * @param bytesByClass as {@code jcmd GC.class_histogram} names classes
 */
public record Heap(Map<String, Long> bytesByClass) {
  private static final int COLUMNS = 4;
  private static final Path JCMD = Path.of(System.getProperty("java.home"), "bin", "jcmd");
  private static final Pattern LIMIT = Pattern.compile("-XX:MaxHeapSize=(\\d+)");

  public Heap {
    bytesByClass = Map.copyOf(bytesByClass);
  }

  /**
   * Looks at a process.
   *
   * @throws CannotRun where there is no jcmd
   */
  public static Heap of(long pid) {
    if (!Files.isExecutable(JCMD)) throw new CannotRun("this Java has no jcmd");
    try {
      Process process =
          new ProcessBuilder(JCMD.toString(), Long.toString(pid), "GC.class_histogram")
              .redirectErrorStream(true)
              .start();
      process.getOutputStream().close();
      String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      Heap heap = parse(out);
      if (heap.bytes() == 0)
        throw new CannotRun("jcmd says: " + out.lines().findFirst().orElse(""));
      return heap;
    } catch (IOException e) {
      throw new UncheckedIOException("jcmd failed", e);
    }
  }

  /** How large the heap of a running JVM may become, for the report. */
  static String limitOf(long pid) {
    Matcher limit = LIMIT.matcher(Programs.outputOf(JCMD, Long.toString(pid), "VM.flags"));
    return limit.find()
        ? "heap of %,d MiB".formatted(Long.parseLong(limit.group(1)) >> 20)
        : "heap unknown";
  }

  /** Lines of number, instances, bytes and class, with the module behind it. */
  static Heap parse(String histogram) {
    Map<String, Long> bytes = new HashMap<>();
    histogram
        .lines()
        .map(line -> line.strip().split("\\s+", -1))
        .filter(columns -> columns.length >= COLUMNS && columns[0].matches("\\d+:"))
        .forEach(columns -> bytes.merge(columns[3], Long.parseLong(columns[2]), Long::sum));
    return new Heap(bytes);
  }

  public long bytes() {
    return bytesByClass.values().stream().mapToLong(Long::longValue).sum();
  }

  /** What came since, by class. */
  public Heap since(Heap before) {
    Map<String, Long> more = new HashMap<>(bytesByClass);
    before.bytesByClass.forEach((name, bytes) -> more.merge(name, -bytes, Long::sum));
    return new Heap(more);
  }

  /** The classes with most bytes, the largest first. */
  public List<String> largest(int count) {
    return bytesByClass.entrySet().stream()
        .sorted(Map.Entry.<String, Long>comparingByValue(Comparator.reverseOrder()))
        .limit(count)
        .map(Map.Entry::getKey)
        .toList();
  }

  public long bytesOf(String name) {
    return bytesByClass.getOrDefault(name, 0L);
  }
}
