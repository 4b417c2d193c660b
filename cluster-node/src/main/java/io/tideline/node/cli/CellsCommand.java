package io.tideline.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Shows how far other cells have come in this one, and has them say again what they know. */
@Command(
    name = "cells",
    description = {
      "Show how far other cells have come in the one that is asked, and have them say again what they"
          + " know."
    },
    subcommands = {CellsCommand.Show.class, CellsCommand.Backfill.class})
final class CellsCommand implements Runnable {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "show or backfill?");
  }

  /** Shows the other cells. */
  @Command(
      name = "show",
      description = {
        "Show the other cells. A cell may be retired when it has written its last line and no other"
            + " one shows anything that is not copied or not applied.",
        "Exits with 1 while something is not, or is brought by a back-fill."
      })
  static final class Show implements Callable<Integer> {
    @Mixin private ManagementOptions management = new ManagementOptions();
    @Mixin private OutputOptions output = new OutputOptions();

    @Override
    public Integer call() {
      JsonNode cells = management.connect().cells();
      if (output.output().json()) output.output().line(cells.toString());
      else output.output().line(table(cells));
      return isComplete(cells) ? ExitCode.OK : ExitCode.FAILED;
    }

    private static boolean isComplete(JsonNode cells) {
      for (JsonNode cell : cells.path("cells")) {
        if (!cell.path("state").asText().equals("up")
            || cell.path("notCopied").asLong() + cell.path("notApplied").asLong() > 0) {
          return false;
        }
      }
      return true;
    }

    private static String table(JsonNode cells) {
      StringBuilder table = new StringBuilder();
      row(table, "CELL", "NUMBER", "STATE", "NOT COPIED", "NOT APPLIED");
      for (JsonNode cell : cells.path("cells")) {
        row(
            table,
            cell.path("cell").asText(),
            cell.path("number").asText(),
            cell.path("state").asText(),
            cell.path("notCopied").asText(),
            cell.path("notApplied").asText());
      }
      for (JsonNode cell : cells.path("cells")) {
        JsonNode backfill = cell.path("backfill");
        if (backfill.isObject()) table.append(backfill(cell, backfill));
        JsonNode saying = cell.path("saying");
        if (saying.isObject()) table.append(saying(cell, saying));
      }
      return table.toString().stripTrailing();
    }

    private static String backfill(JsonNode cell, JsonNode backfill) {
      return String.format(
          Locale.ROOT,
          "%s %s all that it knows here: %,d posts and %,d users. Lacking since %s: %s%n",
          cell.path("cell").asText(),
          backfill.path("done").asBoolean() ? "has said again" : "says again",
          backfill.path("posts").asLong(),
          backfill.path("users").asLong(),
          backfill.path("since").asText(),
          backfill.path("reason").asText());
    }

    private static String saying(JsonNode cell, JsonNode saying) {
      return String.format(
          Locale.ROOT,
          "for %s this cell %s: %,d posts and %,d users%n",
          cell.path("cell").asText(),
          saying.path("done").asBoolean() ? "has said all again" : "says all again",
          saying.path("posts").asLong(),
          saying.path("users").asLong());
    }

    private static void row(StringBuilder table, Object... cells) {
      table.append("%-20s %6s %-16s %12s %12s".formatted(cells).stripTrailing()).append('\n');
    }
  }

  /** Asks for a back-fill. */
  @Command(
      name = "backfill",
      description = {
        "Have another cell say again all that it knows, for the cell that is asked. What is known"
            + " already changes nothing; `show` tells how far it is."
      })
  static final class Backfill implements Callable<Integer> {
    @Mixin private ManagementOptions management = new ManagementOptions();
    @Mixin private OutputOptions output = new OutputOptions();

    @Parameters(index = "0", paramLabel = "CELL", description = "the name of the other cell")
    private String cell = "";

    @Override
    public Integer call() {
      JsonNode answer = management.connect().backfill(cell);
      output
          .output()
          .line(output.output().json() ? answer.toString() : answer.path("message").asText());
      return ExitCode.OK;
    }
  }
}
