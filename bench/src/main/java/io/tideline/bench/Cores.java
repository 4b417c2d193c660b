package io.tideline.bench;

import io.tideline.bench.side.Programs;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** Which core the servers and which the driver runs on, and how long processes have run. */
public final class Cores {
  private static final double TICKS_PER_SECOND = 100;

  private final Optional<Path> taskset = Programs.find("taskset");
  private final List<Integer> allowed = allowed();

  /** Whether servers and driver get a core each. */
  public boolean pinned() {
    return taskset.isPresent() && allowed.size() > 1;
  }

  /** For the report. */
  public String describe() {
    if (pinned()) {
      return "servers on core %d, driver on core %d".formatted(first(), last());
    }
    return allowed.size() > 1
        ? "servers and driver share %d cores: there is no taskset here".formatted(allowed.size())
        : "servers and driver share the only core, so that no figure is worth much";
  }

  /**
   * Gives these processes the servers' core, and this one the driver's. Before, everything may run
   * anywhere, so that filling is not slower than it must be.
   */
  public void separate(List<Long> servers) {
    if (!pinned()) return;
    servers.forEach(server -> pin(server, Integer.toString(first())));
    pin(ProcessHandle.current().pid(), Integer.toString(last()));
  }

  /** Lets these processes and this one run anywhere again, and what they start from now on. */
  public void join(List<Long> servers) {
    if (!pinned()) return;
    String all = allowed.stream().map(String::valueOf).collect(Collectors.joining(","));
    servers.forEach(server -> pin(server, all));
    pin(ProcessHandle.current().pid(), all);
  }

  private int first() {
    return allowed.get(0);
  }

  /** The one that is least likely to be the other half of the first. */
  private int last() {
    return allowed.get(allowed.size() - 1);
  }

  private void pin(long process, String cores) {
    Programs.firstLineOf(taskset.orElseThrow(), "-acp", cores, Long.toString(process));
  }

  private static List<Integer> allowed() {
    List<Integer> cores = new ArrayList<>();
    try {
      for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
        if (!line.startsWith("Cpus_allowed_list:")) continue;
        for (String range : line.substring(line.indexOf(':') + 1).strip().split(",", -1)) {
          String[] ends = range.split("-", -1);
          int to = Integer.parseInt(ends[ends.length - 1]);
          for (int core = Integer.parseInt(ends[0]); core <= to; core++) cores.add(core);
        }
      }
    } catch (IOException e) {
      // Not Linux.
    }
    if (cores.isEmpty()) {
      for (int i = 0; i < Runtime.getRuntime().availableProcessors(); i++) cores.add(i);
    }
    return cores;
  }

  /**
   * How many seconds processes have been on a core so far, all together; NaN where nothing tells.
   */
  public static double seconds(List<Long> processes) {
    return seconds(Path.of("/proc"), processes);
  }

  static double seconds(Path proc, List<Long> processes) {
    if (!Files.exists(proc.resolve("self"))) return Double.NaN;
    double seconds = 0;
    for (long pid : processes) seconds += seconds(proc, pid);
    return seconds;
  }

  private static double seconds(Path proc, long pid) {
    try {
      String stat = Files.readString(proc.resolve(pid + "/stat"));
      // Behind the name, which may hold anything: the 12th and 13th are user and system time.
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
      return (Long.parseLong(fields[11]) + Long.parseLong(fields[12])) / TICKS_PER_SECOND;
    } catch (NoSuchFileException e) {
      return 0;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
