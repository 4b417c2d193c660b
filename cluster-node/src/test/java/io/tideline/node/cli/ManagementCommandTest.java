package io.tideline.node.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

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
import picocli.CommandLine;

/** Commands that ask a management port, against one that answers what a test says. */
abstract class ManagementCommandTest {
  final StringWriter out = new StringWriter();
  final StringWriter err = new StringWriter();
  final AtomicReference<String> asked = new AtomicReference<>("");
  final HttpServer server;
  int status = 200;
  String body;

  ManagementCommandTest(String body) throws IOException {
    this.body = body;
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

  final int run(String... args) {
    CommandLine tideline = Tideline.commandLine();
    tideline.setOut(new PrintWriter(out));
    tideline.setErr(new PrintWriter(err));
    String[] all = Arrays.copyOf(args, args.length + 1);
    all[args.length] = "--management=127.0.0.1:" + server.getAddress().getPort();
    return tideline.execute(all);
  }
}
