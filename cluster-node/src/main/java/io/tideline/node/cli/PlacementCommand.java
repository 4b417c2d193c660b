package io.tideline.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Shows and changes where the shards of a cell are. */
@Command(
    name = "placement",
    description = {
      "Show and change where the shards of a cell are.",
      "A NAME is a node's gRPC address, host:port as `nodes` shows it, or an availability zone."
          + " What is said about it holds until something else is said, also after restarts."
    },
    subcommands = {
      PlacementCommand.Show.class,
      PlacementCommand.Weight.class,
      PlacementCommand.Drain.class,
      PlacementCommand.Undrain.class
    })
final class PlacementCommand implements Runnable {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "show, weight, drain or undrain?");
  }

  /** Shows nodes with weights and shards. */
  @Command(name = "show", description = "Show the nodes with their weights and shards.")
  static final class Show implements Callable<Integer> {
    @Mixin private ManagementOptions management = new ManagementOptions();
    @Mixin private OutputOptions output = new OutputOptions();

    @Override
    public Integer call() {
      JsonNode placement = management.connect().placement("", "");
      if (output.output().json()) output.output().line(placement.toString());
      else output.output().line(table(placement));
      return ExitCode.OK;
    }

    private static String table(JsonNode placement) {
      StringBuilder table = new StringBuilder();
      row(table, "ADDRESS", "ZONE", "VERSION", "STATE", "WEIGHT", "SHARDS");
      for (JsonNode node : placement.path("nodes"))
        row(
            table,
            node.path("address").asText(),
            node.path("zone").asText(),
            node.path("version").asText(),
            node.path("draining").asBoolean() ? "draining" : node.path("state").asText(),
            node.path("weight").asText(),
            node.path("shards").asText());
      return table
          .append("skew of zones: %.2f".formatted(placement.path("skew").asDouble()))
          .toString();
    }

    private static void row(StringBuilder table, Object... cells) {
      table.append("%-21s %-10s %-16s %-12s %6s %6s".formatted(cells).stripTrailing()).append('\n');
    }
  }

  /** A change of what is said about one node or zone. */
  private abstract static class Change implements Callable<Integer> {
    @Mixin private ManagementOptions management = new ManagementOptions();
    @Mixin private OutputOptions output = new OutputOptions();

    @Parameters(index = "0", paramLabel = "NODE|AZ", description = "host:port, or a zone")
    private String name = "";

    abstract String query();

    @Override
    public Integer call() {
      JsonNode answer = management.connect().placement(name, query());
      output
          .output()
          .line(output.output().json() ? answer.toString() : answer.path("message").asText());
      return ExitCode.OK;
    }
  }

  /** Sets a weight. */
  @Command(
      name = "weight",
      description = "Set what a node, or each node of a zone, takes compared with others.")
  static final class Weight extends Change {
    @Parameters(
        index = "1",
        paramLabel = "N",
        description = "0-1000; 100 is normal, 50 half of it, 0 as if drained")
    private int weight;

    @Override
    String query() {
      return "weight=" + weight;
    }
  }

  /** Empties a node or zone. */
  @Command(
      name = "drain",
      description = "Move all shards of a node or zone to others; it serves on, and gets none.")
  static final class Drain extends Change {
    @Override
    String query() {
      return "draining=true";
    }
  }

  /** Ends a drain. */
  @Command(name = "undrain", description = "Give a node or zone shards again, by its weight.")
  static final class Undrain extends Change {
    @Override
    String query() {
      return "draining=false";
    }
  }
}
