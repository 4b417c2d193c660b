package io.tideline.bench.scenario;

import io.tideline.bench.Cores;
import io.tideline.bench.Samples;
import io.tideline.bench.data.Dataset;
import io.tideline.bench.side.CannotRun;
import io.tideline.bench.side.CassandraCounters;
import io.tideline.bench.side.CassandraRequests;
import io.tideline.bench.side.Heap;
import io.tideline.bench.side.Pause;
import io.tideline.bench.side.TidelineNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** What users cost who are known and do nothing. */
public final class IdleScenario {
  private static final Duration TO_SETTLE = Duration.ofSeconds(30);
  private static final List<String> OPTIONS =
      List.of(
          TidelineNode.AGENT,
          "-Xmx1g",
          "-XX:+UseSerialGC",
          "-Dtideline.persistence.user.passivate-after=20s");

  /** What came of watching a node. */
  private record Watched(CassandraRequests requests, double seconds, double cpu, long heap) {
    String perSecond(long count) {
      return String.format(Locale.ROOT, "%.2f", count / seconds);
    }
  }

  private final Place place;
  private final List<List<String>> rows = new ArrayList<>();
  private String tables = "";

  private IdleScenario(Place place) {
    this.place = place;
  }

  /** True when all users are known. */
  public static boolean run(Place place) {
    return new IdleScenario(place).run();
  }

  private boolean run() {
    int users = place.plan().readers();
    Duration time = place.quick() ? Duration.ofSeconds(10) : Duration.ofSeconds(60);
    place.report().heading(2, "Idle: users who are known and do nothing");
    rows.add(
        List.of(
            "State of the node",
            "CQL statements/s",
            "partitions read/s",
            "written/s",
            "CPU of the node, % of a core",
            "heap that lives, MiB"));
    try (TidelineNode node =
        TidelineNode.start(place.home(), place.directory().resolve("idle"), OPTIONS)) {
      measure(node, "nobody is known", time);
      place.say().accept("Idle: %,d users follow one another".formatted(users));
      long begin = System.nanoTime();
      node.fill(dataset(users));
      double seconds = (System.nanoTime() - begin) / 1e9;
      measure(node, "%,d are known, who were active before".formatted(users), time);
      place.say().accept("Idle: restarting the node");
      node.restart(OPTIONS);
      measure(node, "%,d are known, after a restart".formatted(users), time);
      place
          .report()
          .line(
              String.format(
                  Locale.ROOT,
                  "One node with its Cassandra, looked at for %d s each. Each user has followed another one by the API, as it takes them (%,.0f users/s); then nobody calls. Statements are what Cassandra has executed for its clients, this watching among them (4 in all); partitions are those of Tideline's keyspace. Targets: none for idle users, at most 5 queries/s for a cell.",
                  time.toSeconds(),
                  users / seconds));
    } catch (CannotRun e) {
      place.report().line("Not measured: " + e.getMessage() + ".");
    }
    place.report().table(rows);
    place.report().line(tables);
    return true;
  }

  private static Dataset dataset(int users) {
    Map<String, List<String>> follows = new LinkedHashMap<>();
    for (int i = 0; i < users; i++) {
      follows.put("user-" + i, List.of("user-" + (i + 1) % users));
    }
    return new Dataset("", follows, List.of());
  }

  private void measure(TidelineNode node, String state, Duration time) {
    place.say().accept("Idle: watching the node: " + state);
    // Whoever was active leaves memory.
    Pause.of(TO_SETTLE);
    Watched watched = watch(node, time);
    CassandraRequests requests = watched.requests();
    rows.add(
        List.of(
            state,
            watched.perSecond(requests.statements()),
            watched.perSecond(requests.allReads()),
            watched.perSecond(requests.allWrites()),
            Samples.text("%.1f", 100 * watched.cpu() / watched.seconds()),
            String.format(Locale.ROOT, "%,d", watched.heap() >> 20)));
    tables =
        "Partitions read/s in the last state, by table: %s; written/s: %s."
            .formatted(byTable(watched, requests.reads()), byTable(watched, requests.writes()));
  }

  private static String byTable(Watched watched, Map<String, Long> counts) {
    return counts.entrySet().stream()
        .filter(table -> table.getValue() > 0)
        .sorted(Map.Entry.comparingByValue(Comparator.reverseOrder()))
        .map(table -> "`%s` %s".formatted(table.getKey(), watched.perSecond(table.getValue())))
        .collect(Collectors.joining(", "));
  }

  private static Watched watch(TidelineNode node, Duration time) {
    List<Long> pid = List.of(node.pid());
    try (CassandraCounters counters = node.cassandraCounters()) {
      CassandraRequests before = counters.now();
      double cpuBefore = Cores.seconds(pid);
      long begin = System.nanoTime();
      Pause.of(time);
      double seconds = (System.nanoTime() - begin) / 1e9;
      double cpu = Cores.seconds(pid) - cpuBefore;
      CassandraRequests since = counters.now().since(before);
      return new Watched(since, seconds, cpu, Heap.of(node.pid()).bytes());
    }
  }
}
