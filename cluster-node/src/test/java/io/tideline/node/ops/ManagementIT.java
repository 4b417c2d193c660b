package io.tideline.node.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import kamon.Kamon;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.cluster.typed.Cluster;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class ManagementIT {
  private final HttpClient http = HttpClient.newHttpClient();
  private final Health health = new Health();

  @Test
  void health_says_what_is_wrong() throws Exception {
    try (TestCell cell = TestCell.ofNodes(1, "")) {
      String node = start(cell.node(0));
      assertThat(call("GET", node + "/alive").statusCode()).isEqualTo(200);
      assertThat(call("GET", node + "/ready").statusCode()).isEqualTo(503);
      for (String probe : KubernetesManifests.probes())
        assertThat(call("GET", node + probe).statusCode()).as(probe).isIn(200, 503);

      health.degrading("log", () -> Optional.of("12345 lines behind"));
      health.assembled();
      assertThat(call("GET", node + "/ready"))
          .returns(200, HttpResponse::statusCode)
          .returns("{\"reasons\":{},\"status\":\"ready\"}", HttpResponse::body);
      assertThat(call("GET", node + "/degraded"))
          .returns(503, HttpResponse::statusCode)
          .returns(
              "{\"reasons\":{\"log\":\"12345 lines behind\"},\"status\":\"problems\"}",
              HttpResponse::body);
    }
  }

  @Test
  void metrics_are_scraped_with_the_name_of_the_node() throws Exception {
    try (TestCell cell = TestCell.ofNodes(1, "kamon.metric.tick-interval = 1s")) {
      Kamon.initWithoutAttaching(cell.node(0).settings().config());
      String node = start(cell.node(0));
      try (NodeMetrics metrics = new NodeMetrics("berlin", "10.0.0.1:8600")) {
        metrics.gauge("tideline.timelines.resident", "Timelines awake on this node", () -> 42);
        long[] total = {7};
        metrics.counter("tideline.deliveries", "References put into inboxes", () -> total[0]);
        metrics
            .timer("tideline.activation", "Waking a timeline", "kind", "cold")
            .accept(30_000_000);
        await()
            .atMost(Duration.ofSeconds(30))
            .untilAsserted(
                () ->
                    assertThat(call("GET", node + "/metrics").body())
                        .containsPattern(ofNode("tideline_timelines_resident", "42.0"))
                        .containsPattern(ofNode("tideline_deliveries_total", "7.0"))
                        .containsPattern(ofNode("tideline_activation_seconds_count", "1.0")));
      } finally {
        Kamon.stop();
      }
    }
  }

  @Test
  void members_are_shown_to_all_and_changed_by_nobody_without_a_token() throws Exception {
    try (TestCell cell = TestCell.ofNodes(1, "")) {
      String node = start(cell.node(0));
      String self = Cluster.get(cell.node(0)).selfMember().address().toString();
      assertThat(call("GET", node + "/cluster/members").body()).contains(self).contains("\"Up\"");
      for (String method : new String[] {"DELETE", "PUT", "POST"})
        assertThat(call(method, node + "/cluster/members/" + self, "Authorization", "Bearer guess"))
            .returns(403, HttpResponse::statusCode);
      assertThat(call("GET", node + "/cluster/members").body()).contains("\"Up\"");
    }
  }

  @Test
  void with_the_token_a_member_leaves() throws Exception {
    try (TestCell cell = TestCell.ofNodes(2, "tideline.node.management.token = secret")) {
      String node = start(cell.node(0));
      String other = Cluster.get(cell.node(1)).selfMember().address().toString();
      String members = node + "/cluster/members/" + other;
      assertThat(call("DELETE", members).statusCode()).isEqualTo(401);
      assertThat(call("DELETE", members, "Authorization", "Bearer secre").statusCode())
          .isEqualTo(401);
      assertThat(call("DELETE", members, "Authorization", "Bearer secret").statusCode())
          .isEqualTo(200);
      cell.node(1).getWhenTerminated().toCompletableFuture().get(40, TimeUnit.SECONDS);
    }
  }

  private static String ofNode(String name, String value) {
    return name + "\\{[^}]*node=\"10.0.0.1:8600\"[^}]*} " + value;
  }

  private String start(ActorSystem<?> system) throws Exception {
    ManagementSettings settings = ManagementSettings.from(system.settings().config());
    ManagementServer.start(system, settings, health, Optional::empty, Optional::empty)
        .toCompletableFuture()
        .get(20, TimeUnit.SECONDS);
    return "http://127.0.0.1:" + settings.port();
  }

  private HttpResponse<String> call(String method, String uri, String... headers) throws Exception {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(uri)).method(method, HttpRequest.BodyPublishers.noBody());
    if (headers.length > 0) request.headers(headers);
    return http.send(request.build(), BodyHandlers.ofString());
  }
}
