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

  private final Optional<Path> taskset;
  private final List<Integer> allowed;
  private final boolean pinned;

  /** Finds out what this process may do. */
  public Cores() {
    this(Programs.find("taskset"), allowed());
  }

  Cores(Optional<Path> taskset, List<Integer> allowed) {
    this.taskset = taskset;
    this.allowed = allowed;
    pinned = allowed.size() > 1 && taskset.filter(this::works).isPresent();
  }

  /** Tried with what is so already. */
  private boolean works(Path taskset) {
    String self = Long.toString(ProcessHandle.current().pid());
    return !Programs.firstLineOf(taskset, "-cp", all(), self).isEmpty();
  }

  /** Whether servers and driver get a core each. */
  public boolean pinned() {
    return pinned;
  }

  /** For the report. */
  public String describe() {
    if (pinned()) {
      return "servers on core %d, driver on core %d".formatted(first(), last());
    }
    if (allowed.size() == 1) {
      return "servers and driver share the only core, so that no figure is worth much";
    }
    return "servers and driver share %d cores: %s"
        .formatted(
            allowed.size(),
            taskset.isPresent() ? "taskset fails here" : "there is no taskset here");
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
    servers.forEach(server -> pin(server, all()));
    pin(ProcessHandle.current().pid(), all());
  }

  private String all() {
    return allowed.stream().map(String::valueOf).collect(Collectors.joining(","));
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
