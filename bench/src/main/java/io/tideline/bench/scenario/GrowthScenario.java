package io.tideline.bench.scenario;

import io.tideline.bench.Cores;
import io.tideline.bench.Samples;
import io.tideline.bench.data.Dataset;
import io.tideline.bench.driver.Call;
import io.tideline.bench.driver.Driver;
import io.tideline.bench.driver.Measured;
import io.tideline.bench.side.CannotRun;
import io.tideline.bench.side.Heap;
import io.tideline.bench.side.Owners;
import io.tideline.bench.side.Pause;
import io.tideline.bench.side.TidelineNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;

/** What single operations cost in processor time as nodes, users and follows grow. */
public final class GrowthScenario {
  private static final int CONNECTIONS = 4;
  private static final int UNDER_WAY = 16;
  private static final long FROM = 1_750_000_000_000L;
  private static final Duration TO_SETTLE = Duration.ofSeconds(15);
  private static final Duration AT_REST = Duration.ofSeconds(10);
  private static final Duration TO_DELIVER = Duration.ofSeconds(3);

  /** What is run. */
  private record Size(String what, int nodes, int users, int follows) {}

  private final Place place;
  private final int posts;
  private final List<List<String>> rows = new ArrayList<>();
  private boolean right = true;

  private GrowthScenario(Place place) {
    this.place = place;
    posts = place.quick() ? 400 : 4_000;
  }

  /** True when every answer was right. */
  public static boolean run(Place place) {
    return new GrowthScenario(place).run();
  }

  private boolean run() {
    int users = place.quick() ? 100 : 1_000;
    place.report().heading(2, "Growth: what an operation costs, with more of everything");
    place
        .report()
        .line(
            String.format(
                Locale.ROOT,
                "Processor time of all processes of a cell, its nodes, one Cassandra and one Kafka, less what they take at rest. Pages are the newest ones, of 20 cards, as many as are answered; \"another's\" are asked of a node that does not have the reader's timeline. Posts are %,d, as fast as they are taken, by authors with as many followers each as there are follows for each author; a delivery is one post in one timeline that is awake. A wake-up is the first page after a start, mostly not compiled yet. Everything runs on all cores of the machine together, so that pages a second say nothing.",
                posts));
    rows.add(
        List.of(
            "Nodes, users, follows each",
            "page, µs",
            "another's page, µs",
            "wake-up, ms",
            "post, ms",
            "deliveries of a post",
            "at rest, ms/s",
            "heap of a timeline, KiB"));
    for (Size size :
        List.of(
            new Size("1 node", 1, users, 20),
            new Size("2 nodes", 2, users, 20),
            new Size("3 nodes", 3, users, 20),
            new Size("10 times the users", 1, 10 * users, 20),
            new Size("10 times the follows", 1, users, 200))) {
      try {
        measure(size);
      } catch (CannotRun e) {
        place.report().line("Not measured, %s: %s.".formatted(size.what(), e.getMessage()));
      }
    }
    place.report().table(rows);
    return right;
  }

  private void measure(Size size) {
    place.say().accept("Growth: %s".formatted(size.what()));
    Dataset dataset = dataset(size);
    List<String> options =
        List.of(TidelineNode.AGENT, "-Xmx1500m", "-Dtideline.persistence.user.passivate-after=24h");
    List<TidelineNode> nodes = new ArrayList<>();
    try {
      nodes.add(
          TidelineNode.start(
              place.home(),
              place.directory().resolve("growth-" + size.what().replace(' ', '-')),
              options));
      for (int i = 1; i < size.nodes(); i++) {
        nodes.add(nodes.get(0).join("tideline-" + (i + 1), options));
      }
      nodes.get(0).fill(dataset);
      Pause.of(TO_SETTLE);
      rows.add(row(size, nodes, dataset));
    } finally {
      for (int i = nodes.size() - 1; i >= 0; i--) nodes.get(i).close();
    }
  }

  private List<String> row(Size size, List<TidelineNode> nodes, Dataset dataset) {
    Set<Long> distinct = new HashSet<>();
    for (TidelineNode node : nodes) distinct.addAll(node.processes());
    List<Long> processes = List.copyOf(distinct);
    long heap = heapOf(nodes);
    double rest = cpuOf(processes, 0, () -> Pause.of(AT_REST)) / AT_REST.toSeconds();
    double wakeUp =
        cpuOf(processes, rest, () -> nodes.get(0).readNewest(dataset.readers())) / size.users();
    heap = heapOf(nodes) - heap;
    Owners owners = Owners.asOf(nodes.get(0));
    List<Call> own = new ArrayList<>();
    List<Call> others = new ArrayList<>();
    for (String reader : dataset.readers()) {
      (owners.has(nodes.get(0), reader) ? own : others).add(Pages.newest(reader));
    }
    String page = pages(nodes.get(0), processes, rest, own);
    String another = pages(nodes.get(0), processes, rest, others);
    double post = post(nodes.get(0), processes, rest, dataset);
    return List.of(
        "%s: %d, %,d, %d".formatted(size.what(), size.nodes(), size.users(), size.follows()),
        page,
        another,
        Samples.text("%.1f", 1e3 * wakeUp),
        Samples.text("%.2f", 1e3 * post),
        Samples.text("%.0f", (double) size.users() * size.follows() / authorsOf(size)),
        Samples.text("%.0f", 1e3 * rest),
        Samples.text("%.1f", heap / 1_024.0 / size.users()));
  }

  private String pages(TidelineNode node, List<Long> processes, double rest, List<Call> calls) {
    if (calls.isEmpty()) return "-";
    Driver.closedLoop(
        node.address(), CONNECTIONS, UNDER_WAY, Pages.random(calls, 0), place.plan().warmUp());
    var measured = new Measured[1];
    double cpu =
        cpuOf(
            processes,
            rest,
            () ->
                measured[0] =
                    Driver.closedLoop(
                        node.address(),
                        CONNECTIONS,
                        UNDER_WAY,
                        Pages.random(calls, 1),
                        place.plan().turn()));
    check(measured[0]);
    return Samples.text("%.1f", 1e6 * cpu / Math.max(1, measured[0].answers()));
  }

  private double post(TidelineNode node, List<Long> processes, double rest, Dataset dataset) {
    var made = new Posts();
    List<Dataset.SourcePost> like = dataset.posts().subList(0, posts);
    for (int i = 0; i < 2; i++) {
      Driver.replay(node.address(), CONNECTIONS, UNDER_WAY, like.stream().map(made::call).toList());
      Pause.of(TO_DELIVER);
    }
    List<Call> calls = like.stream().map(made::call).toList();
    var measured = new Measured[1];
    double cpu =
        cpuOf(
            processes,
            rest,
            () -> {
              measured[0] = Driver.replay(node.address(), CONNECTIONS, UNDER_WAY, calls);
              Pause.of(TO_DELIVER);
            });
    check(measured[0]);
    return cpu / posts;
  }

  private void check(Measured measured) {
    if (measured.failures() == 0) return;
    right = false;
    place
        .report()
        .line(
            "**%,d wrong answers, the first: %s.**"
                .formatted(measured.failures(), measured.firstFailure()));
  }

  private static long heapOf(List<TidelineNode> nodes) {
    return nodes.stream().mapToLong(node -> Heap.of(node.pid()).bytes()).sum();
  }

  /**
   * Seconds of processor time that something takes; NaN where nothing tells.
   *
   * @param rest what the processes take a second anyway
   */
  private static double cpuOf(List<Long> processes, double rest, Runnable what) {
    double before = Cores.seconds(processes);
    long begin = System.nanoTime();
    what.run();
    double seconds = (System.nanoTime() - begin) / 1e9;
    return Cores.seconds(processes) - before - rest * seconds;
  }

  private static int authorsOf(Size size) {
    return Math.max(2 * size.follows(), size.users() / 5);
  }

  private Dataset dataset(Size size) {
    var random = new SplittableRandom(1);
    int authors = authorsOf(size);
    Map<String, List<String>> follows = new LinkedHashMap<>();
    for (int i = 0; i < size.users(); i++) {
      Set<String> followees = new HashSet<>();
      while (followees.size() < size.follows()) {
        followees.add("author-" + random.nextInt(authors));
      }
      follows.put("reader-" + i, List.copyOf(followees));
    }
    List<Dataset.SourcePost> all = new ArrayList<>();
    for (int i = 0; i < Math.max(posts, 4 * authors); i++) {
      all.add(
          new Dataset.SourcePost(
              "author-" + i % authors, "post-" + i, FROM + i * 60_000L, "the title of post " + i));
    }
    return new Dataset("", follows, all);
  }
}
