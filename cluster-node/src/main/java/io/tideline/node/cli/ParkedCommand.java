package io.tideline.node.cli;

import com.datastax.oss.driver.api.core.AllNodesFailedException;
import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.internal.core.config.typesafe.DefaultDriverConfigLoader;
import com.datastax.oss.driver.internal.core.session.throttling.PassThroughRequestThrottler;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigValueFactory;
import io.tideline.multidc.log.LogSettings;
import io.tideline.multidc.log.LogTopics;
import io.tideline.multidc.log.LogWriter;
import io.tideline.multidc.log.ParkedLine;
import io.tideline.multidc.log.ParkedLines;
import io.tideline.node.NodeConfig;
import io.tideline.node.NodeSettings;
import io.tideline.persistence.posts.PostStore;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Looks after log lines that could not be read. */
@Command(
    name = "parked",
    description = {
      "Look after log lines that no node could read: they wait on a topic of their own.",
      "Works on Kafka and Cassandra directly: those that TIDELINE_CELL, TIDELINE_KAFKA,"
          + " TIDELINE_CASSANDRA and the other variables of a node name, or those of the cluster"
          + " that runs here."
    },
    subcommands = {ParkedCommand.ListLines.class, ParkedCommand.Replay.class})
final class ParkedCommand implements Runnable {
  private static final long SECONDS_TO_ANSWER = 60;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "list or replay?");
  }

  /** Shows the lines that wait. */
  @Command(name = "list", description = "Show the oldest lines that wait, with their numbers.")
  static final class ListLines implements Callable<Integer> {
    @Mixin private OutputOptions output = new OutputOptions();

    @Option(
        names = "--limit",
        paramLabel = "N",
        defaultValue = "100",
        description = "how many to show (default: 100)")
    private int limit;

    @Spec private CommandSpec spec = CommandSpec.create();

    @Override
    public Integer call() {
      if (limit < 1) {
        throw new ParameterException(spec.commandLine(), "--limit must be at least 1.");
      }
      try (var log = OpenLog.of(configuration())) {
        List<ParkedLine> lines = await(log.parked().list(limit));
        lines.forEach(this::show);
        if (lines.isEmpty()) output.output().note("No line is parked");
      }
      return ExitCode.OK;
    }

    private void show(ParkedLine line) {
      Output out = output.output();
      if (!out.json()) {
        out.line(
            "%d  %s  from %s, partition %d, offset %d, appended %s, %d bytes"
                .formatted(
                    line.offset(),
                    FeedText.printable(line.reason()),
                    line.topic(),
                    line.partition(),
                    line.topicOffset(),
                    line.appended(),
                    line.value().size()));
        return;
      }
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("number", line.offset());
      fields.put("reason", line.reason());
      fields.put("topic", line.topic());
      fields.put("partition", line.partition());
      fields.put("offset", line.topicOffset());
      fields.put("appended", line.appended().toString());
      fields.put("key", line.key().toByteArray());
      fields.put("value", line.value().toByteArray());
      out.line(Output.document(fields));
    }
  }

  /** Appends lines to their log again. */
  @Command(
      name = "replay",
      description = {
        "Append lines to their log again, when this version can read them.",
        "Exits with 1 when lines are left that cannot be read, with 4 when a NUMBER is not there."
      })
  static final class Replay implements Callable<Integer> {
    @Mixin private OutputOptions output = new OutputOptions();

    @Parameters(
        paramLabel = "NUMBER",
        arity = "0..*",
        description = "which lines, as `list` numbers them; none: all")
    private List<Long> numbers = List.of();

    @Override
    public Integer call() {
      Config config = configuration();
      NodeSettings settings = NodeSettings.from(config);
      try (var log = OpenLog.of(config);
          CqlSession session = session(config)) {
        var store = new PostStore(session, settings.cassandra().keyspace());
        ParkedLines.Replay replay =
            await(
                numbers.isEmpty()
                    ? log.parked().replayAll(store)
                    : log.parked().replay(numbers, store));
        show(replay);
        long found = (long) replay.appended() + replay.dropped() + replay.unreadable();
        long missing = numbers.stream().distinct().count() - found;
        if (missing > 0) {
          throw new CommandFailure(
              ExitCode.NOT_FOUND, missing + " of the numbers are not those of parked lines");
        }
        return replay.unreadable() == 0 ? ExitCode.OK : ExitCode.FAILED;
      }
    }

    private void show(ParkedLines.Replay replay) {
      Output out = output.output();
      if (out.json()) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("appended", replay.appended());
        fields.put("dropped", replay.dropped());
        fields.put("unreadable", replay.unreadable());
        out.line(Output.document(fields));
        return;
      }
      out.line(
          "%d appended again, %d of posts deleted since dropped, %d still unreadable"
              .formatted(replay.appended(), replay.dropped(), replay.unreadable()));
    }
  }

  private record OpenLog(LogTopics topics, LogWriter writer, ParkedLines parked)
      implements AutoCloseable {
    static OpenLog of(Config config) {
      NodeSettings settings = NodeSettings.from(config);
      LogSettings log =
          LogSettings.from(
              config.withValue(
                  "tideline.multi-dc.log.bootstrap-servers",
                  ConfigValueFactory.fromAnyRef(settings.kafka().bootstrapServers())));
      var topics = new LogTopics(log, settings.cell().name());
      var writer = new LogWriter(log, topics);
      return new OpenLog(topics, writer, new ParkedLines(log, topics, writer));
    }

    @Override
    public void close() {
      await(writer.stop());
      topics.close();
    }
  }

  private static CqlSession session(Config config) {
    // A node's session obeys the fence of that node; here there is none.
    Config driver =
        config
            .withValue(
                "datastax-java-driver.advanced.throttler.class",
                ConfigValueFactory.fromAnyRef(PassThroughRequestThrottler.class.getName()))
            .withValue(
                "datastax-java-driver.advanced.reconnect-on-init",
                ConfigValueFactory.fromAnyRef(false))
            .getConfig("datastax-java-driver");
    try {
      return CqlSession.builder()
          .withConfigLoader(new DefaultDriverConfigLoader(() -> driver))
          .build();
    } catch (AllNodesFailedException e) {
      throw new CommandFailure(
          ExitCode.UNAVAILABLE, "Cassandra does not answer: " + e.getMessage());
    }
  }

  private static Config configuration() {
    Map<String, Object> here =
        Home.ofLauncher()
            .cluster()
            .read()
            .map(
                running ->
                    Map.<String, Object>of(
                        "tideline.node.cassandra.contact-points", running.cassandra(),
                        "tideline.node.kafka.bootstrap-servers", running.kafka()))
            .orElse(Map.of());
    boolean named = System.getenv("TIDELINE_KAFKA") != null;
    return NodeConfig.load(named ? ConfigFactory.empty() : ConfigFactory.parseMap(here));
  }

  private static <T> T await(CompletionStage<T> answer) {
    CompletableFuture<T> limited =
        answer.toCompletableFuture().orTimeout(SECONDS_TO_ANSWER, TimeUnit.SECONDS);
    try {
      return limited.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof TimeoutException
          || e.getCause() instanceof org.apache.kafka.common.errors.TimeoutException) {
        throw new CommandFailure(
            ExitCode.UNAVAILABLE,
            "Kafka does not answer (TIDELINE_KAFKA says where it is): "
                + e.getCause().getMessage());
      }
      if (e.getCause() instanceof UnknownTopicOrPartitionException) {
        throw new CommandFailure(
            ExitCode.USAGE, e.getCause().getMessage() + ": TIDELINE_CELL says which cell this is");
      }
      throw e;
    }
  }
}
