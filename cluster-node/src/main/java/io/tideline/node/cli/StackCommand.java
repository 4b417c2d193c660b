package io.tideline.node.cli;

import io.tideline.localstack.LocalStack;
import io.tideline.localstack.StackStatus;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Runs a Cassandra and a Kafka in the background, without a node. */
@Command(
    name = "stack",
    description = {
      "Run a Cassandra and a Kafka on this machine in the background, without a node.",
      "They are for nodes that you start yourself, and for `up`, which uses them while they run."
    },
    subcommands = {StackCommand.Up.class, StackCommand.Down.class, StackCommand.Status.class})
final class StackCommand implements Runnable {
  private static final String NOT_RUNNING = "Cassandra and Kafka are not running in the background";

  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "up, down or status?");
  }

  /** Starts both servers and returns when they serve. */
  @Command(name = "up", description = "Start both and return when they serve.")
  static final class Up implements Callable<Integer> {
    @Mixin private OutputOptions output = new OutputOptions();

    @Override
    public Integer call() {
      Output out = output.output();
      Home home = Home.ofLauncher();
      if (LocalStack.status(home.stack()).isEmpty()) home.refuseWhileClusterRuns();
      StackStatus running =
          LocalStack.up(LocalStack.Options.in(home.stack()).withReport(out::note));
      describe(running, out);
      return ExitCode.OK;
    }
  }

  /** Stops both servers. */
  @Command(name = "down", description = "Stop both; their data stay.")
  static final class Down implements Callable<Integer> {
    @Mixin private OutputOptions output = new OutputOptions();

    @Override
    public Integer call() {
      Home home = Home.ofLauncher();
      home.refuseWhileClusterRuns();
      boolean stopped = LocalStack.down(home.stack());
      Output out = output.output();
      if (out.json()) out.line(Output.document(Map.of("stopped", stopped)));
      out.note(stopped ? "Cassandra and Kafka are stopped; their data stay" : NOT_RUNNING);
      return ExitCode.OK;
    }
  }

  /** Says whether both servers run, and where. */
  @Command(
      name = "status",
      description = "Say where they are; exits with 3 unless both are running.")
  static final class Status implements Callable<Integer> {
    @Mixin private OutputOptions output = new OutputOptions();

    @Override
    public Integer call() {
      Home home = Home.ofLauncher();
      Optional<StackStatus> running = LocalStack.status(home.stack());
      if (running.isEmpty()) {
        Output out = output.output();
        if (out.json()) out.line(Output.document(Map.of("running", false)));
        out.note(NOT_RUNNING);
        home.cluster()
            .read()
            .ifPresent(
                cluster ->
                    out.note(
                        "Those of the cluster here are Cassandra on %s, Kafka on %s"
                            .formatted(cluster.cassandra(), cluster.kafka())));
        return ExitCode.UNAVAILABLE;
      }
      describe(running.get(), output.output());
      return running.get().serves() ? ExitCode.OK : ExitCode.UNAVAILABLE;
    }
  }

  private static void describe(StackStatus running, Output out) {
    String cassandra = running.cassandra().address();
    String kafka = running.kafka().address();
    if (out.json()) {
      out.line(
          Output.document(
              Map.of(
                  "cassandra", Map.of("address", cassandra, "alive", running.cassandra().alive()),
                  "kafka", Map.of("address", kafka, "alive", running.kafka().alive()),
                  "pid", running.pid(),
                  "running", running.serves())));
      return;
    }
    out.line("Cassandra on " + cassandra + (running.cassandra().alive() ? "" : " (dead)"));
    out.line("Kafka on " + kafka + (running.kafka().alive() ? "" : " (dead)"));
    out.line("For a node: TIDELINE_CASSANDRA=%s TIDELINE_KAFKA=%s".formatted(cassandra, kafka));
  }
}
