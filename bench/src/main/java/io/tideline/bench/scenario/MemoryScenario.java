package io.tideline.bench.scenario;

import io.tideline.bench.data.Dataset;
import io.tideline.bench.side.CannotRun;
import io.tideline.bench.side.Heap;
import io.tideline.bench.side.Pause;
import io.tideline.bench.side.TidelineNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** How much heap timelines that are awake take, and remembered posts. */
public final class MemoryScenario {
  private static final double GIBIBYTE = 1L << 30;
  private static final double GIGABYTE = 1e9;
  private static final int TARGET_BYTES = 32 * 1_024;
  private static final int CLASSES = 12;
  private static final Duration TO_SETTLE = Duration.ofSeconds(15);

  private final Place place;

  private MemoryScenario(Place place) {
    this.place = place;
  }

  /** True when everything that this machine can run has run. */
  public static boolean run(Place place) {
    var scenario = new MemoryScenario(place);
    place.report().heading(2, "Memory: timelines that are awake, and remembered posts");
    place
        .report()
        .line(
            "Heap that lives after a full collection. A timeline has 800 entries, its user follows 60. All of a timeline is in it: the user's state, its entity, what readers see, and where it is registered.");
    boolean right = scenario.realNode();
    scenario.objects();
    return right;
  }

  private boolean realNode() {
    int readers = place.plan().readers();
    place.report().heading(3, "A real node");
    Dataset dataset = Dataset.generated(readers);
    List<String> options =
        List.of(
            TidelineNode.AGENT,
            "-Xmx%dm".formatted(1_024 + readers / 6),
            "-XX:+UseSerialGC",
            "-Dtideline.persistence.user.passivate-after=24h",
            // All cards are at hand before the first timeline is: they count for none.
            "-Dtideline.persistence.card-cache.max-size=256MiB");
    place.say().accept("Memory: filling a node with " + dataset.description());
    try (TidelineNode node =
        TidelineNode.start(place.home(), place.directory().resolve("memory"), options)) {
      node.fill(dataset);
      List<Heap> first = wake(node, options, dataset);
      List<Heap> again = wake(node, options, dataset);
      List<List<String>> rows = new ArrayList<>();
      rows.add(
          List.of("%,d timelines".formatted(readers), "bytes each", "KiB each", "per GiB of heap"));
      rows.add(row("awake for the first time, from the post store", readers, total(first)));
      rows.add(row("awake again, from a checkpoint", readers, total(again)));
      place.report().table(rows);
      place
          .report()
          .line(
              "Before, the node took %,d MiB of heap, with %,d posts remembered and nobody awake. The most of what came, in bytes of each timeline:"
                  .formatted(first.get(0).bytes() >> 20, dataset.posts().size()));
      classes(readers, first.get(1).since(first.get(0)), again.get(1).since(again.get(0)));
      return true;
    } catch (CannotRun e) {
      place.report().line("Not measured: " + e.getMessage() + ".");
      return true;
    }
  }

  private static long total(List<Heap> heaps) {
    return heaps.get(1).bytes() - heaps.get(0).bytes();
  }

  /** The heap before and after all timelines have been read. */
  private List<Heap> wake(TidelineNode node, List<String> options, Dataset dataset) {
    place.say().accept("Memory: restarting the node");
    node.restart(options);
    Pause.of(TO_SETTLE);
    Heap before = Heap.of(node.pid());
    place.say().accept("Memory: reading all timelines");
    node.readNewest(dataset.readers());
    Pause.of(TO_SETTLE);
    Heap after = Heap.of(node.pid());
    double resident = node.metric("tideline_timelines_resident").orElse(-1);
    if (resident != dataset.readers().size()) {
      throw new IllegalStateException(
          "%.0f timelines are awake, not %d".formatted(resident, dataset.readers().size()));
    }
    return List.of(before, after);
  }

  private void classes(int readers, Heap first, Heap again) {
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("Class", "first time", "again"));
    for (String name : again.largest(CLASSES)) {
      rows.add(
          List.of(
              "`" + name + "`",
              "%,d".formatted(first.bytesOf(name) / readers),
              "%,d".formatted(again.bytesOf(name) / readers)));
    }
    place.report().table(rows);
  }

  private void objects() {
    place.report().heading(3, "Objects alone");
    place
        .report()
        .line(
            "The same objects in a process that is no node: user state, timeline, its view, its registrations. Actors are not in it, nor what a node has of its own. Timelines share the references that the node remembers (tail.max-references); of older posts each timeline has its own.");
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("Objects", "how many", "bytes each", "KiB each", "per GiB of heap"));
    String few = place.quick() ? "1000" : "10000";
    add(rows, "timelines, from the post store", "timelines", few, 2_048);
    add(rows, "timelines, from a checkpoint", "again", few, 3_072);
    add(rows, "timelines, of posts that are no longer remembered", "forgotten", few, 3_072);
    if (!place.quick()) {
      add(rows, "timelines, from the post store", "timelines", "100000", 10_240);
      add(rows, "as many as fit in 4 GiB, from the post store", "timelines", "fit", 4_096);
    }
    place.report().table(rows);
    long[] references =
        held("references", place.quick() ? "100000" : "fit", 1_024, "remembered posts");
    if (references != null) {
      place
          .report()
          .line(
              String.format(
                  Locale.ROOT,
                  "Remembered posts (20 by each author): %,d held, %.1f bytes each, %,.1f million per GB of heap (target: 12).",
                  references[0],
                  (double) references[1] / references[0],
                  GIGABYTE / ((double) references[1] / references[0]) / 1e6));
    }
    place
        .report()
        .line(
            "The target for a timeline is at most %,d bytes; %,d are aimed at."
                .formatted(TARGET_BYTES, TARGET_BYTES / 2));
  }

  private void add(
      List<List<String>> rows, String what, String kind, String howMany, int megabytes) {
    long[] held = held(kind, howMany, megabytes, what);
    if (held == null) return;
    List<String> row = new ArrayList<>(row(what, held[0], held[1]));
    row.add(1, String.format(Locale.ROOT, "%,d", held[0]));
    rows.add(row);
  }

  private static List<String> row(String what, long count, long bytes) {
    double each = (double) bytes / count;
    return List.of(
        what,
        String.format(Locale.ROOT, "%,.0f", each),
        String.format(Locale.ROOT, "%.1f", each / 1_024),
        String.format(Locale.ROOT, "%,.0f", GIBIBYTE / each));
  }

  /** How many a process has held, and their bytes; {@code null} when this machine cannot run it. */
  private long @Nullable [] held(String kind, String howMany, int megabytes, String what) {
    place.say().accept("Memory: %s of %s".formatted(howMany, what));
    long free = availableMegabytes();
    if (free < megabytes * 5L / 4) {
      place
          .report()
          .line(
              "Not measured, %s of %s: that takes %,d MiB, and %,d are free."
                  .formatted(howMany, what, megabytes, free));
      return null;
    }
    try {
      Process process =
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-Xmx" + megabytes + "m",
                  "-Xmn96m",
                  "-XX:+UseSerialGC",
                  "-cp",
                  System.getProperty("java.class.path"),
                  HeldObjects.class.getName(),
                  kind,
                  howMany)
              .redirectError(ProcessBuilder.Redirect.INHERIT)
              .start();
      process.getOutputStream().close();
      String[] words =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
              .strip()
              .split(" ", -1);
      if (words.length != 2) {
        throw new IllegalStateException("%s of %s could not be held".formatted(howMany, what));
      }
      return new long[] {Long.parseLong(words[0]), Long.parseLong(words[1])};
    } catch (IOException e) {
      throw new UncheckedIOException("cannot start a JVM", e);
    }
  }

  private static long availableMegabytes() {
    try {
      return Files.readAllLines(Path.of("/proc/meminfo")).stream()
          .filter(line -> line.startsWith("MemAvailable:"))
          .map(line -> line.replaceAll("[^0-9]", ""))
          .mapToLong(kilobytes -> Long.parseLong(kilobytes) >> 10)
          .findFirst()
          .orElse(Long.MAX_VALUE);
    } catch (IOException e) {
      // Not Linux.
      return Long.MAX_VALUE;
    }
  }
}
