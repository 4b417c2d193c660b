package io.tideline.node.ops;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The rules and the dashboard that come with Tideline. */
public final class Monitoring {
  static final Path PROMETHEUS = Path.of("..", "deploy", "prometheus");
  static final Path RULES = PROMETHEUS.resolve("tideline-rules.yml");
  private static final Path DASHBOARD = Path.of("..", "deploy", "grafana", "tideline.json");

  /** What is measured only once a shard has moved, which takes more nodes than one. */
  private static final String MOVES = "tideline_sharding_handoff_seconds_bucket";

  private static final Pattern NAME =
      Pattern.compile("\\b(?:tideline|jvm|pekko|process)_[a-z0-9_]+\\b");
  private static final Pattern SERIES = Pattern.compile("(?m)^([a-zA-Z_:][a-zA-Z0-9_:]*)[{ ]");

  private Monitoring() {}

  /** The series that rules and panels ask for. */
  public static Set<String> watched() {
    Set<String> names = new TreeSet<>();
    for (Path file : new Path[] {RULES, DASHBOARD}) {
      Matcher name = NAME.matcher(read(file));
      while (name.find()) names.add(name.group());
    }
    names.remove(MOVES);
    return names;
  }

  /** The series of what Prometheus reads. */
  public static Set<String> seriesIn(String scrape) {
    Set<String> names = new TreeSet<>();
    Matcher series = SERIES.matcher(scrape);
    while (series.find()) names.add(series.group(1));
    return names;
  }

  static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
