package io.tideline.node.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import org.junit.jupiter.api.Test;

class PlacementCommandTest extends ManagementCommandTest {
  private static final String SHOWN =
      """
      {"skew":0.25,"nodes":[{"address":"127.0.0.1:8600","zone":"a","version":"1.0","state":"up",\
      "weight":100,"draining":false,"shards":7},{"address":"127.0.0.1:8601","zone":"b",\
      "version":"1.0","state":"up","weight":0,"draining":true,"shards":3}],"said":{"10.1.2.3:8600":{"weight":50,"draining":false},\
      "b":{"weight":100,"draining":true},"old":{"weight":100,"draining":true}}}\
      """;

  PlacementCommandTest() throws IOException {
    super("{\"message\":\"b gives its shards away.\"}");
  }

  @Test
  void a_zone_is_drained_and_gets_shards_again() {
    assertThat(run("placement", "drain", "b")).isZero();
    assertThat(asked).hasValue("PUT /placement/b?draining=true");
    assertThat(out.toString()).isEqualTo("b gives its shards away.\n");

    assertThat(run("placement", "undrain", "b")).isZero();
    assertThat(asked).hasValue("PUT /placement/b?draining=false");
  }

  @Test
  void what_was_said_is_forgotten() {
    body = "{\"message\":\"10.1.2.3:8600 is like others.\"}";
    assertThat(run("placement", "forget", "10.1.2.3:8600")).isZero();
    assertThat(asked).hasValue("DELETE /placement/10.1.2.3:8600");
    assertThat(out.toString()).isEqualTo("10.1.2.3:8600 is like others.\n");
  }

  @Test
  void a_zone_may_have_a_name_of_any_characters() {
    assertThat(run("placement", "drain", "zone b/1?")).isZero();
    assertThat(asked).hasValue("PUT /placement/zone%20b%2F1%3F?draining=true");
  }

  @Test
  void a_node_gets_a_weight() {
    assertThat(run("placement", "weight", "127.0.0.1:8600", "50")).isZero();
    assertThat(asked).hasValue("PUT /placement/127.0.0.1:8600?weight=50");
  }

  @Test
  void nodes_are_shown_with_weights_and_shards() {
    body = SHOWN;
    assertThat(run("placement", "show")).isZero();
    assertThat(out.toString().lines().map(line -> line.replaceAll(" +", " ")))
        .containsExactly(
            "ADDRESS ZONE VERSION STATE WEIGHT SHARDS",
            "127.0.0.1:8600 a 1.0 up 100 7",
            "127.0.0.1:8601 b 1.0 draining 0 3",
            "skew of zones: 0.25",
            "10.1.2.3:8600 is not here: weight 50",
            "old is not here: draining");
    out.getBuffer().setLength(0);
    assertThat(run("placement", "show", "--output=json")).isZero();
    assertThat(out.toString()).isEqualTo(SHOWN + "\n");
  }

  @Test
  void a_refusal_has_its_reason_and_an_exit_code() {
    status = 403;
    body = "{\"message\":\"This node has no token.\"}";
    assertThat(run("placement", "drain", "b")).isEqualTo(ExitCode.DENIED);
    assertThat(err.toString()).contains("This node has no token.");
    status = 404;
    assertThat(run("placement", "drain", "x")).isEqualTo(ExitCode.NOT_FOUND);
    status = 400;
    assertThat(run("placement", "weight", "b", "5000")).isEqualTo(ExitCode.USAGE);
  }

  @Test
  void what_is_no_node_is_told_apart() {
    body = "<html>";
    assertThat(run("placement", "show")).isEqualTo(ExitCode.FAILED);
    assertThat(err.toString()).contains("answers no JSON: is that a management port?");
    server.stop(0);
    assertThat(run("placement", "show")).isEqualTo(ExitCode.UNAVAILABLE);
    assertThat(err.toString()).contains("no node answers on 127.0.0.1:");
  }
}
