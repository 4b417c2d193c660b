package io.tideline.bench;

import io.tideline.bench.side.Programs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.stream.Stream;

/** What the figures were measured on. */
final class Machine {
  private Machine() {}

  static String describe() {
    return "%s, %d cores, %s of memory, %s %s"
        .formatted(
            valueIn("/proc/cpuinfo", "model name"),
            Runtime.getRuntime().availableProcessors(),
            memory(),
            System.getProperty("os.name"),
            System.getProperty("os.version"));
  }

  static String java() {
    return "%s %s (%s)"
        .formatted(
            System.getProperty("java.vm.name"),
            System.getProperty("java.runtime.version"),
            System.getProperty("java.vendor"));
  }

  /** How busy the machine was before anything was started; much more than 0 is a bad sign. */
  static String load() {
    try {
      return Files.readString(Path.of("/proc/loadavg")).split(" ", -1)[0];
    } catch (IOException e) {
      return "unknown";
    }
  }

  /** Of the checkout; with a note when it is not what was committed. */
  static String revision(Path home) {
    return Programs.find("git")
        .map(
            git -> {
              String at = home.toString();
              String commit =
                  Programs.firstLineOf(git, "-C", at, "rev-parse", "--short=12", "HEAD");
              if (commit.isEmpty()) return "unknown";
              boolean changed =
                  !Programs.firstLineOf(git, "-C", at, "status", "--porcelain", "-uno").isEmpty();
              return commit + (changed ? " with changes" : "");
            })
        .orElse("unknown");
  }

  private static String memory() {
    String kilobytes = valueIn("/proc/meminfo", "MemTotal").replaceAll("[^0-9]", "");
    return kilobytes.isEmpty()
        ? "an unknown amount"
        : String.format(Locale.ROOT, "%.0f GiB", Long.parseLong(kilobytes) / 1_048_576.0);
  }

  private static String valueIn(String file, String key) {
    try (Stream<String> lines = Files.lines(Path.of(file))) {
      return lines
          .filter(line -> line.startsWith(key))
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .findFirst()
          .orElse("unknown");
    } catch (IOException e) {
      return "unknown";
    }
  }
}
