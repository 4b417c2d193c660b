package io.tideline.node.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import org.junit.jupiter.api.Test;

class CellsCommandTest extends ManagementCommandTest {
  private static final String SHOWN =
      """
      {"cells":[{"cell":"west","number":2,"state":"backfill_needed","notCopied":12,\
      "notApplied":3,"backfill":{"done":false,"since":"2026-11-26T20:00:00Z",\
      "reason":"nothing was ever copied","posts":1500,"users":20},\
      "saying":{"done":true,"posts":7,"users":8}}]}\
      """;
  private static final String COMPLETE =
      """
      {"cells":[{"cell":"west","number":2,"state":"up","notCopied":0,"notApplied":0,\
      "backfill":null,"saying":null}]}\
      """;

  CellsCommandTest() throws IOException {
    super(SHOWN);
  }

  @Test
  void what_is_missing_is_shown_and_is_no_success() {
    assertThat(run("cells", "show")).isEqualTo(ExitCode.FAILED);
    assertThat(asked.get()).isEqualTo("GET /cells");
    assertThat(out.toString().lines())
        .containsExactly(
            "CELL                 NUMBER STATE              NOT COPIED  NOT APPLIED",
            "west                      2 backfill_needed            12            3",
            "west says again all that it knows here: 1,500 posts and 20 users. Lacking since"
                + " 2026-11-26T20:00:00Z: nothing was ever copied",
            "for west this cell has said all again: 7 posts and 8 users");
  }

  @Test
  void a_cell_that_lacks_nothing_is_a_success() {
    body = COMPLETE;
    assertThat(run("cells", "show")).isEqualTo(ExitCode.OK);
    assertThat(out.toString().lines()).hasSize(2);
  }

  @Test
  void a_back_fill_is_asked_for() {
    body = "{\"message\":\"west will say again all that it knows.\"}";
    assertThat(run("cells", "backfill", "west")).isEqualTo(ExitCode.OK);
    assertThat(asked.get()).isEqualTo("POST /cells/west/backfill");
    assertThat(out.toString().strip()).isEqualTo("west will say again all that it knows.");
  }

  @Test
  void a_cell_may_have_a_name_of_any_characters() {
    run("cells", "backfill", "far west");
    assertThat(asked.get()).isEqualTo("POST /cells/far%20west/backfill");
  }

  @Test
  void a_cell_that_is_not_copied_is_refused_with_what_the_node_says() {
    status = 404;
    body = "{\"message\":\"This cell copies no cell north; it copies west\"}";
    assertThat(run("cells", "backfill", "north")).isNotEqualTo(ExitCode.OK);
    assertThat(err.toString()).contains("copies no cell north");
  }
}
