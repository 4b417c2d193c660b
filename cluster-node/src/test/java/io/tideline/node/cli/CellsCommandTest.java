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
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class CellsCommandTest {
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

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  private final AtomicReference<String> asked = new AtomicReference<>("");
  private final HttpServer server;
  private int status = 200;
  private String body = SHOWN;

  CellsCommandTest() throws IOException {
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
    String[] all = new String[args.length + 3];
    all[0] = "cells";
    System.arraycopy(args, 0, all, 1, args.length);
    all[args.length + 1] = "--management";
    all[args.length + 2] = "127.0.0.1:" + server.getAddress().getPort();
    return tideline.execute(all);
  }

  @Test
  void what_is_missing_is_shown_and_is_no_success() {
    assertThat(run("show")).isEqualTo(ExitCode.FAILED);
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
    assertThat(run("show")).isEqualTo(ExitCode.OK);
    assertThat(out.toString().lines()).hasSize(2);
  }

  @Test
  void a_back_fill_is_asked_for() {
    body = "{\"message\":\"west will say again all that it knows.\"}";
    assertThat(run("backfill", "west")).isEqualTo(ExitCode.OK);
    assertThat(asked.get()).isEqualTo("POST /cells/west/backfill");
    assertThat(out.toString().strip()).isEqualTo("west will say again all that it knows.");
  }

  @Test
  void a_cell_that_is_not_copied_is_refused_with_what_the_node_says() {
    status = 404;
    body = "{\"message\":\"This cell copies no cell north; it copies west\"}";
    assertThat(run("backfill", "north")).isNotEqualTo(ExitCode.OK);
    assertThat(err.toString()).contains("copies no cell north");
  }
}
