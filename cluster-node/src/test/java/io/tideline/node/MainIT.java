package io.tideline.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class MainIT {
  @Test
  @Timeout(90)
  void a_node_that_cannot_start_says_why_and_ends_with_1() throws Exception {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      Process node = start(taken.getLocalPort(), TestNode.freePort());
      String said = new String(node.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertThat(node.waitFor(60, TimeUnit.SECONDS)).isTrue();
      assertThat(said).contains("Cannot start").contains("" + taken.getLocalPort());
      assertThat(node.exitValue()).isEqualTo(1);
    }
  }

  @Test
  @Timeout(90)
  void a_node_that_waits_for_cassandra_says_so_and_where() throws Exception {
    int management = TestNode.freePort();
    int cassandra = TestNode.freePort();
    Process node = start(management, cassandra);
    try {
      HttpRequest ready =
          HttpRequest.newBuilder(URI.create("http://127.0.0.1:%d/ready".formatted(management)))
              .build();
      await()
          .atMost(Duration.ofSeconds(60))
          .ignoreExceptionsInstanceOf(ConnectException.class)
          .untilAsserted(
              () ->
                  assertThat(HttpClient.newHttpClient().send(ready, BodyHandlers.ofString()))
                      .returns(503, HttpResponse::statusCode)
                      .extracting(HttpResponse::body)
                      .asString()
                      .contains("it waits for Cassandra at 127.0.0.1:" + cassandra));
    } finally {
      node.destroyForcibly().waitFor();
    }
  }

  private static Process start(int managementPort, int cassandraPort) throws Exception {
    return TestNode.program(
            Main.class,
            Map.of(
                "TIDELINE_MANAGEMENT_PORT", "" + managementPort,
                "TIDELINE_CLUSTER_PORT", "" + TestNode.freePort(),
                "TIDELINE_GRPC_PORT", "" + TestNode.freePort(),
                "TIDELINE_CASSANDRA", "127.0.0.1:" + cassandraPort,
                "TIDELINE_LOG", "text"))
        .start();
  }
}
