package io.tideline.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
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
          + " What is said about it holds until something else is said, also after restarts, and"
          + " for whoever comes to that address or zone later: `forget` takes it back."
    },
    subcommands = {
      PlacementCommand.Show.class,
      PlacementCommand.Weight.class,
      PlacementCommand.Drain.class,
      PlacementCommand.Undrain.class,
      PlacementCommand.Forget.class
    })
final class PlacementCommand implements Runnable {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "show, weight, drain, undrain or forget?");
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
      table.append("skew of zones: %.2f".formatted(placement.path("skew").asDouble()));
      Map<String, JsonNode> absent = new TreeMap<>();
      placement
          .path("said")
          .properties()
          .forEach(each -> absent.put(each.getKey(), each.getValue()));
      for (JsonNode node : placement.path("nodes"))
        absent
            .keySet()
            .removeAll(List.of(node.path("address").asText(), node.path("zone").asText()));
      absent.forEach(
          (name, said) -> table.append("\n%s is not here: %s".formatted(name, said(said))));
      return table.toString();
    }

    private static String said(JsonNode said) {
      return said.path("draining").asBoolean()
          ? "draining"
          : "weight " + said.path("weight").asText();
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

    abstract JsonNode ask(ManagementClient nodes, String name);

    @Override
    public Integer call() {
      JsonNode answer = ask(management.connect(), name);
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
    JsonNode ask(ManagementClient nodes, String name) {
      return nodes.placement(name, "weight=" + weight);
    }
  }

  /** Empties a node or zone. */
  @Command(
      name = "drain",
      description = "Move all shards of a node or zone to others; it serves on, and gets none.")
  static final class Drain extends Change {
    @Override
    JsonNode ask(ManagementClient nodes, String name) {
      return nodes.placement(name, "draining=true");
    }
  }

  /** Ends a drain. */
  @Command(name = "undrain", description = "Give a node or zone shards again, by its weight.")
  static final class Undrain extends Change {
    @Override
    JsonNode ask(ManagementClient nodes, String name) {
      return nodes.placement(name, "draining=false");
    }
  }

  /** Takes back what was said. */
  @Command(
      name = "forget",
      description =
          "Take back all that was said about a node or zone, also about one that is gone.")
  static final class Forget extends Change {
    @Override
    JsonNode ask(ManagementClient nodes, String name) {
      return nodes.forget(name);
    }
  }
}
