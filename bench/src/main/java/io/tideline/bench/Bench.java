package io.tideline.bench;

import io.tideline.bench.data.Corpus;
import io.tideline.bench.data.Dataset;
import io.tideline.bench.scenario.CollectorsScenario;
import io.tideline.bench.scenario.FanOutScenario;
import io.tideline.bench.scenario.FollowersScenario;
import io.tideline.bench.scenario.GrowthScenario;
import io.tideline.bench.scenario.IdleScenario;
import io.tideline.bench.scenario.MemoryScenario;
import io.tideline.bench.scenario.MicroScenario;
import io.tideline.bench.scenario.MixScenario;
import io.tideline.bench.scenario.Place;
import io.tideline.bench.scenario.PublishScenario;
import io.tideline.bench.scenario.ReadScenario;
import io.tideline.bench.scenario.Setting;
import io.tideline.bench.scenario.StartScenario;
import io.tideline.bench.scenario.WakeUpScenario;
import io.tideline.bench.side.CassandraSide;
import io.tideline.bench.side.LimitSide;
import io.tideline.bench.side.PostgresSide;
import io.tideline.bench.side.RedisSide;
import io.tideline.bench.side.Side;
import io.tideline.bench.side.TidelineSide;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** The {@code tideline bench} command. */
@Command(
    name = "tideline bench",
    mixinStandardHelpOptions = true,
    description = {
      "Measure Tideline beside what others would build, on this machine, and write what came of it"
          + " to bench/results/.",
      "Each side runs on one core with all its servers, the driver on another, where there are two"
          + " and taskset. All get the same data, the same calls, and turns one after the other.",
      "",
      "Scenarios:",
      "  read    pages of 20 cards: the newest ones and those further down",
      "  fanout  posts, as fast as they are taken, into the timelines of those who follow",
      "  mix     97 %% reads and 3 %% posts at fixed rates: how long they take",
      "  asleep  fanout again, while only one in ten of Tideline's timelines is awake; the others have"
          + " none that sleep",
      "",
      "Scenarios of Tideline alone, measured when they are asked for:",
      "  micro   single operations, in time and allocated bytes (JMH)",
      "  memory  heap of timelines that are awake (--readers in a node, more of the objects alone),"
          + " and of remembered posts; the largest takes 10 GiB",
      "  wakeup  the first page of a timeline that sleeps, with 20 to 10,000 follows",
      "  idle    what --readers users cost who are known and do nothing",
      "  start   how long a node takes to start, after a crash, and to catch up without Kafka",
      "  followers",
      "          one post to --readers followers who are all awake",
      "  publish how long posts take at 100/s and 500/s until acknowledged, and until visible",
      "  growth  what operations cost with more nodes, users and follows",
      "  collectors",
      "          the mix with each garbage collector, 40 times --seconds each",
      "",
      "Sides, beside Tideline itself:",
      "  limit   a bare gRPC server on Netty that has whole answers in memory",
      "  redis   timelines as Redis lists, filled on write; needs redis-server (Debian package"
          + " redis-server)",
      "  cassandra",
      "          timelines as Cassandra partitions, filled on write",
      "  postgres",
      "          pages made from follows and posts when they are read; needs Postgres (Debian"
          + " package postgresql)",
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {" 0:done", " 1:failed, or some answer was wrong", " 2:wrong options"})
final class Bench implements Callable<Integer> {
  /** What can be measured. */
  enum Scenario {
    read(true),
    fanout(true),
    mix(true),
    asleep(true),
    micro(false),
    memory(false),
    wakeup(false),
    idle(false),
    start(false),
    followers(false),
    publish(false),
    growth(false),
    collectors(false);

    private final boolean besideOthers;

    Scenario(boolean besideOthers) {
      this.besideOthers = besideOthers;
    }
  }

  /** What Tideline is measured beside. */
  enum Peer {
    limit,
    redis,
    cassandra,
    postgres
  }

  private static final int QUICK_READERS = 300;
  private static final int LEAST_ROUNDS = 5;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(
      paramLabel = "SCENARIO",
      arity = "0..*",
      description = "what to measure (default: read, fanout, mix and asleep)")
  private List<Scenario> scenarios = List.of();

  @Option(
      names = "--quick",
      description = {
        "try it out: 300 made up readers, 2 rounds, turns of 2 s; takes a few minutes, and the"
            + " figures are worth nothing"
      })
  private boolean quick;

  @Option(
      names = "--readers",
      paramLabel = "N",
      defaultValue = "10000",
      description = {
        "how many timelines are resident (default: 10000; of the real graph's readers 17335 have a"
            + " page to read)"
      })
  private int readers;

  @Option(
      names = "--rounds",
      paramLabel = "N",
      defaultValue = "5",
      description = "how many turns each side has, at least 5 (default: 5)")
  private int rounds;

  @Option(
      names = "--seconds",
      paramLabel = "N",
      defaultValue = "8",
      description = "how long a turn takes (default: 8)")
  private int seconds;

  @Option(
      names = "--sides",
      paramLabel = "SIDE",
      split = ",",
      description = "beside which others, with commas between them (default: all)")
  private List<Peer> peers = List.of(Peer.values());

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description = {
        "where soc-Epinions1.edgelist.gz and hn-posts-by-epinions-user.tsv.gz are (default:"
            + " ../shared/data); made up readers and posts are used when they are not there"
      })
  private @Nullable Path data;

  @Option(
      names = "--java",
      paramLabel = "DIR",
      description = "collectors: the JDK that the node runs on (default: this one)")
  private Path java = Path.of(System.getProperty("java.home"));

  private final Path home = Path.of(System.getProperty("tideline.home", "")).toAbsolutePath();
  private final List<Side> sides = new ArrayList<>();
  private final long startedAt = System.nanoTime();

  Bench() {}

  /** Runs the command and leaves with its exit code. */
  public static void main(String[] arguments) {
    var bench = new Bench();
    var commandLine = new CommandLine(bench).setUsageHelpAutoWidth(true);
    commandLine.setExecutionExceptionHandler(
        (failure, command, parsed) -> complain(failure, command.getErr()));
    int exitCode = commandLine.execute(arguments);
    System.exit(exitCode);
  }

  private static int complain(Exception failure, PrintWriter err) {
    err.println("tideline bench: " + failure.getMessage());
    for (Throwable cause = failure.getCause(); cause != null; cause = cause.getCause()) {
      err.println("  because of " + cause);
    }
    return CommandLine.ExitCode.SOFTWARE;
  }

  @Override
  public Integer call() {
    Plan plan = plan();
    // Reads come first: posts of the others would be in them.
    Set<Scenario> wanted = EnumSet.allOf(Scenario.class);
    wanted.removeIf(
        scenario -> scenarios.isEmpty() ? !scenario.besideOthers : !scenarios.contains(scenario));
    Path directory = home.resolve(".tideline/bench");
    deleteWithContents(directory);
    var cores = new Cores();
    Report report = describe(cores, wanted);
    Runtime.getRuntime().addShutdownHook(new Thread(this::closeSides, "bench-stop"));
    boolean right = true;
    try {
      if (wanted.stream().anyMatch(scenario -> scenario.besideOthers)) {
        Setting setting = fill(plan, directory, cores, report);
        for (Scenario scenario : wanted) {
          if (scenario.besideOthers) right &= measure(scenario, setting);
        }
        closeSides();
        cores.join(List.of());
      }
      var place =
          new Place(
              home,
              directory.resolve("alone"),
              plan,
              quick,
              java,
              () -> dataset(plan),
              cores,
              report,
              this::say);
      for (Scenario scenario : wanted) {
        if (!scenario.besideOthers) right &= measure(scenario, place);
      }
    } finally {
      closeSides();
    }
    report.write();
    say("The results are in " + report.file());
    if (!right) say("Some answers were wrong: see there.");
    return right ? CommandLine.ExitCode.OK : CommandLine.ExitCode.SOFTWARE;
  }

  private boolean measure(Scenario scenario, Setting setting) {
    return measure(
        scenario,
        setting.report(),
        () ->
            switch (scenario) {
              case read -> ReadScenario.run(setting);
              case fanout -> FanOutScenario.run(setting);
              case mix -> MixScenario.run(setting);
              case asleep -> FanOutScenario.runAsleep(setting);
              default -> throw new IllegalArgumentException(scenario + " has no sides");
            });
  }

  private boolean measure(Scenario scenario, Place place) {
    return measure(
        scenario,
        place.report(),
        () ->
            switch (scenario) {
              case micro -> MicroScenario.run(place);
              case memory -> MemoryScenario.run(place);
              case wakeup -> WakeUpScenario.run(place);
              case idle -> IdleScenario.run(place);
              case start -> StartScenario.run(place);
              case followers -> FollowersScenario.run(place);
              case publish -> PublishScenario.run(place);
              case growth -> GrowthScenario.run(place);
              case collectors -> CollectorsScenario.run(place);
              default -> throw new IllegalArgumentException(scenario + " has sides");
            });
  }

  /** What has been measured is kept when something fails later on. */
  private boolean measure(Scenario scenario, Report report, Supplier<Boolean> run) {
    try {
      return run.get();
    } catch (RuntimeException e) {
      report.line("\n**%s failed: %s.**".formatted(scenario, e.getMessage()));
      say("%s failed: %s".formatted(scenario, e.getMessage()));
      return false;
    }
  }

  private Plan plan() {
    if (!Files.isExecutable(java.resolve("bin/java"))) {
      throw new ParameterException(
          spec.commandLine(), "--java names no JDK: there is no bin/java in " + java + ".");
    }
    if (readers < 1 || seconds < 1) {
      throw new ParameterException(
          spec.commandLine(), "--readers and --seconds must be 1 or more.");
    }
    if (quick) {
      return new Plan(
          QUICK_READERS, 2, Duration.ofSeconds(2), Duration.ofSeconds(3), List.of(2_000));
    }
    if (rounds < LEAST_ROUNDS) {
      throw new ParameterException(
          spec.commandLine(), "--rounds must be 5 or more: fewer say nothing about the spread.");
    }
    return new Plan(
        readers,
        rounds,
        Duration.ofSeconds(seconds),
        Duration.ofSeconds(15),
        List.of(5_000, 10_000, 20_000));
  }

  private Report describe(Cores cores, Set<Scenario> wanted) {
    var report = new Report(home.resolve("bench/results"), nameOf(wanted));
    String arguments = String.join(" ", spec.commandLine().getParseResult().originalArgs());
    report.heading(1, "Bench of " + LocalDate.now(ZoneOffset.UTC));
    if (quick) report.line("**A quick try: the figures are worth nothing.**\n");
    report.item("Command", "`" + ("./tideline bench " + arguments).strip() + "`");
    report.item("Revision", Machine.revision(home));
    report.item("Machine", Machine.describe());
    report.item("Java", Machine.java());
    boolean separated = wanted.stream().anyMatch(scenario -> scenario.besideOthers);
    report.item("Cores", separated ? cores.describe() : "used by everything together");
    report.item("Load of the machine before", Machine.load());
    return report;
  }

  private Setting fill(Plan plan, Path directory, Cores cores, Report report) {
    Dataset dataset = dataset(plan);
    report.item("Data", dataset.description());
    report.heading(2, "Sides");
    TidelineSide tideline =
        add("tideline", () -> TidelineSide.start(home, directory, dataset.readers().size()));
    report.item(tideline.name(), tideline.describe());
    say("Filling tideline with " + dataset.description());
    tideline.fill(dataset);
    say("Reading %,d timelines".formatted(dataset.readers().size()));
    Path answers = directory.resolve("answers");
    Corpus corpus = tideline.read(dataset, answers);
    for (Peer peer : peers) {
      add(
          peer,
          () ->
              switch (peer) {
                case limit -> LimitSide.start(directory, answers);
                case redis -> RedisSide.start(directory, dataset, corpus);
                case cassandra -> CassandraSide.start(directory, dataset, corpus);
                case postgres -> PostgresSide.start(directory, dataset, corpus);
              },
          report);
    }
    var setting = new Setting(plan, dataset, corpus, List.copyOf(sides), cores, report, this::say);
    cores.separate(setting.processes());
    return setting;
  }

  /** The others are measured without one that does not start, for whatever reason. */
  void add(Peer peer, Supplier<Side> start, Report report) {
    try {
      Side side = add(peer.name(), start);
      report.item(side.name(), side.describe());
    } catch (RuntimeException e) {
      String why = String.valueOf(e.getMessage());
      // Behind the first line there may be the end of a log.
      report.item(peer.name(), "not measured: " + why.lines().findFirst().orElse(""));
      say("Without %s: %s".formatted(peer, why));
    }
  }

  private Dataset dataset(Plan plan) {
    Path source = data == null ? home.resolve("../shared/data") : data;
    return quick ? Dataset.generated(plan.readers()) : Dataset.of(source, plan.readers());
  }

  private <S extends Side> S add(String name, Supplier<S> start) {
    say("Starting " + name);
    S side = start.get();
    synchronized (sides) {
      sides.add(side);
    }
    return side;
  }

  private String nameOf(Set<Scenario> wanted) {
    var name = new StringBuilder(LocalDate.now(ZoneOffset.UTC).toString());
    if (!scenarios.isEmpty()) wanted.forEach(scenario -> name.append('-').append(scenario));
    if (quick) name.append("-quick");
    return name.toString();
  }

  private void say(String what) {
    PrintWriter out = spec.commandLine().getOut();
    out.printf("%4d s  %s%n", (System.nanoTime() - startedAt) / 1_000_000_000, what);
    out.flush();
  }

  private void closeSides() {
    synchronized (sides) {
      sides.forEach(Side::close);
      sides.clear();
    }
  }

  private static void deleteWithContents(Path directory) {
    if (!Files.exists(directory)) return;
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) Files.delete(file);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot delete " + directory, e);
    }
  }
}
