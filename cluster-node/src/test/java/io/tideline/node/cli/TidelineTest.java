package io.tideline.node.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.protocols.v1.SourceCell;
import io.tideline.protocols.v1.SourceCellState;
import io.tideline.protocols.v1.Topology;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class TidelineTest {
  private static final StubCluster CLUSTER = StubCluster.ofNodes(2);

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @AfterAll
  static void stop() {
    CLUSTER.close();
  }

  private int run(String... args) {
    CommandLine tideline = Tideline.commandLine();
    tideline.setOut(new PrintWriter(out));
    tideline.setErr(new PrintWriter(err));
    return tideline.execute(args);
  }

  private String address() {
    return "--address=" + String.join(",", CLUSTER.addresses());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "up",
        "demo",
        "stack",
        "import",
        "post",
        "follow",
        "unfollow",
        "erase",
        "read",
        "watch",
        "nodes",
        "drain",
        "leave",
        "down",
        "placement",
        "cells",
        "parked"
      })
  void every_command_explains_itself(String command) {
    assertThat(run(command, "--help")).isZero();
    assertThat(out.toString()).startsWith("Usage: tideline " + command);
    assertThat(out.toString()).contains("Exit codes:");
  }

  @Test
  void a_post_that_begins_with_the_name_of_somebody_is_no_file() {
    CommandLine.ParseResult post =
        Tideline.commandLine().parseArgs("post", "ann", "@pom.xml").subcommand();
    assertThat(post.matchedPositionals())
        .anyMatch(each -> each.stringValues().contains("@pom.xml"));
  }

  @Test
  void a_command_that_does_not_exist_is_a_mistake_of_usage() {
    assertThat(run("reed")).isEqualTo(ExitCode.USAGE);
    assertThat(err.toString()).contains("reed").contains("read");
  }

  @Test
  void a_user_is_erased_only_when_that_is_meant_and_the_receipt_is_shown() {
    assertThat(run("follow", "ann", "eve", address())).isZero();
    assertThat(run("post", "eve", "regrets", address())).isZero();
    assertThat(run("erase", "eve", address())).isEqualTo(ExitCode.USAGE);
    assertThat(err.toString()).contains("--yes");

    assertThat(run("erase", "eve", "--yes", address())).isZero();
    assertThat(out.toString().lines())
        .contains(
            "eve is erased since 1970-01-01T00:00:00Z",
            "  posts (1): gone at 1970-01-01T00:00:01Z",
            "  log lines: gone by 1970-01-01T00:00:02Z");
    assertThat(run("read", "ann", address())).isZero();
    assertThat(out.toString()).doesNotContain("regrets");
  }

  @Test
  void what_is_posted_can_be_read_by_followers() {
    assertThat(run("follow", "ann", "bob", address())).isZero();
    assertThat(run("post", "bob", "High", "tide", "--title", "News", address())).isZero();
    String id = out.toString().lines().toList().get(1);

    assertThat(run("read", "ann", address())).isZero();
    assertThat(out.toString()).contains("bob  " + id).contains("High tide").contains("News");
    assertThat(out.toString()).endsWith("(end of the feed)\n");
  }

  @Test
  void scripts_get_one_json_document_per_line() {
    run("post", "carl", "one", address());
    run("post", "carl", "two", address());
    out.getBuffer().setLength(0);

    assertThat(run("read", "carl", "--page-size=1", "--pages=0", "--output=json", address()))
        .isZero();
    assertThat(out.toString().lines()).hasSize(2).allMatch(line -> line.startsWith("{\"cards\""));
  }

  @Test
  void a_walk_says_where_it_can_be_continued() {
    run("post", "dora", "one", address());
    run("post", "dora", "two", address());
    out.getBuffer().setLength(0);

    run("read", "dora", "--page-size=1", address());
    assertThat(out.toString()).contains("two").doesNotContain("one").contains("--cursor 1");
  }

  @Test
  void nobody_there_has_an_exit_code_of_its_own() {
    assertThat(run("read", "ann", "--address=127.0.0.1:1")).isEqualTo(ExitCode.UNAVAILABLE);
    assertThat(err.toString()).contains("UNAVAILABLE").contains("127.0.0.1:1");
  }

  @Test
  void what_the_cluster_refuses_is_told_in_its_words() {
    assertThat(run("post", "ann", "--title=refuse me", address())).isEqualTo(ExitCode.USAGE);
    assertThat(err.toString()).isEqualTo("tideline: INVALID_ARGUMENT: content.title: not that\n");
  }

  @Test
  void scripts_get_errors_as_json_too() {
    run("post", "ann", "--title=refuse me", "--output=json", address());
    assertThat(err.toString())
        .isEqualTo(
            "{\"error\":{\"code\":\"INVALID_ARGUMENT\",\"message\":\"content.title: not"
                + " that\"}}\n");
  }

  @Test
  void nodes_are_listed_with_their_shards() {
    assertThat(run("nodes", address())).isZero();
    assertThat(out.toString())
        .contains(CLUSTER.addresses().get(1))
        .contains("up")
        .endsWith("2 of 4 shards placed\n");
  }

  @Test
  void other_cells_are_listed_with_what_is_not_copied_yet() {
    SourceCell west =
        SourceCell.newBuilder()
            .setCell("west")
            .setState(SourceCellState.SOURCE_CELL_STATE_AWAY)
            .setLagLines(1_200)
            .build();
    assertThat(NodesCommand.table(Topology.newBuilder().addSources(west).build()))
        .endsWith("\ncell west: away, 1,200 lines not copied yet");
  }

  @Test
  void a_demo_of_more_than_two_cells_is_a_mistake_of_usage() {
    assertThat(run("demo", "--cells", "3")).isEqualTo(ExitCode.USAGE);
    assertThat(err.toString()).contains("--cells must be 1 or 2");
  }

  @Test
  void an_import_of_nothing_is_a_mistake_of_usage() {
    assertThat(run("import", address())).isEqualTo(ExitCode.USAGE);
    assertThat(err.toString()).startsWith("Nothing to import");
  }

  @Test
  void a_file_that_is_not_there_is_named() {
    assertThat(run("import", "--follows=nowhere.gz", address())).isEqualTo(ExitCode.USAGE);
    assertThat(err.toString()).isEqualTo("tideline: there is no file nowhere.gz\n");
  }

  @Test
  void an_empty_feed_is_an_empty_list_to_scripts() {
    assertThat(run("read", "nobody-at-all", "--output=json", address())).isZero();
    assertThat(out.toString()).contains("\"cards\":[]");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "nonsense",
        "127.0.0.1",
        "127.0.0.1:port",
        "127.0.0.1:99999",
        "http://127.0.0.1:8600",
        ":8600"
      })
  void what_is_no_address_is_a_mistake_of_usage(String address) {
    assertThat(run("nodes", "--address=" + address)).isEqualTo(ExitCode.USAGE);
    assertThat(err.toString())
        .isEqualTo("tideline: `" + address + "` is no address of a node, expected host:port\n");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "read ann --pages=-1",
        "read ann --page-size=0",
        "read ann --page-size=101",
        "watch ann --limit=-1",
        "parked list --limit=0",
        "import --follows=graph --max-errors=-1"
      })
  void a_number_that_makes_no_sense_is_a_mistake_of_usage(String command) {
    assertThat(run(command.split(" "))).isEqualTo(ExitCode.USAGE);
    assertThat(err.toString()).contains("must").contains("Usage: tideline");
  }

  @Test
  void what_cannot_be_read_twice_is_not_imported(@TempDir Path directory) {
    assertThat(run("import", "--posts=" + directory, address())).isEqualTo(ExitCode.USAGE);
    assertThat(err.toString()).contains(directory + " is not a plain file");
  }

  @Test
  void an_import_that_reaches_nobody_says_so_at_once(@TempDir Path directory) throws IOException {
    Path graph = Files.writeString(directory.resolve("graph"), "1 2\n");

    assertThat(run("import", "--follows=" + graph, "--address=127.0.0.1:1"))
        .isEqualTo(ExitCode.UNAVAILABLE);
    assertThat(err.toString()).contains("no node answers");
  }
}
