package io.tideline.node.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class PlacementCommandTest {
  private static final String SHOWN =
      """
      {"skew":0.25,"nodes":[{"address":"127.0.0.1:8600","zone":"a","version":"1.0","state":"up",\
      "weight":100,"draining":false,"shards":7},{"address":"127.0.0.1:8601","zone":"b",\
      "version":"1.0","state":"up","weight":0,"draining":true,"shards":3}],"said":{}}\
      """;

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  private final AtomicReference<String> asked = new AtomicReference<>("");
  private final HttpServer server;
  private int status = 200;
  private String body = "{\"message\":\"b gives its shards away.\"}";

  PlacementCommandTest() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
  }

  @BeforeEach
  void start() {
    server.createContext("/", this::answer);
    server.start();
  }

  @AfterEach
  void stop() {
    server.stop(0);
  }

  private void answer(HttpExchange call) throws IOException {
    asked.set(call.getRequestMethod() + " " + call.getRequestURI());
    byte[] bytes = body.getBytes(UTF_8);
    call.sendResponseHeaders(status, bytes.length);
    call.getResponseBody().write(bytes);
    call.close();
  }

  private int run(String... args) {
    CommandLine tideline = Tideline.commandLine();
    tideline.setOut(new PrintWriter(out));
    tideline.setErr(new PrintWriter(err));
    String[] all = Arrays.copyOf(args, args.length + 1);
    all[args.length] = "--management=127.0.0.1:" + server.getAddress().getPort();
    return tideline.execute(all);
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
            "skew of zones: 0.25");
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
