package io.tideline.node;

import static io.tideline.node.TestNode.ok;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.tideline.localstack.LocalKafka;
import io.tideline.protocols.v1.CellReach;
import io.tideline.protocols.v1.GetTopologyRequest;
import io.tideline.protocols.v1.SourceCellState;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import kamon.Kamon;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A cell whose neighbour has logs and no node that would say again what is missing. */
@Timeout(300)
class SilentCellIT {
  private static final Duration SOON = Duration.ofSeconds(40);

  private final String silent = TestNode.newName();
  @TempDir private Path directory;

  @Test
  void what_is_missing_of_a_cell_does_not_hide_whether_it_is_copied() throws Exception {
    try (LocalKafka kafka = LocalKafka.start(LocalKafka.Options.in(directory))) {
      TestNode.createLogs(kafka.bootstrapServers(), silent, 1);
      try (TestNode node = start(kafka)) {
        Kamon.initWithoutAttaching(node.system().settings().config());
        awaitCopied(node, true);
        assertThat(state(node)).isEqualTo(SourceCellState.SOURCE_CELL_STATE_BACKFILL_NEEDED);

        kafka.kill();
        awaitCopied(node, false);
        assertThat(state(node)).isEqualTo(SourceCellState.SOURCE_CELL_STATE_BACKFILL_NEEDED);
      } finally {
        Kamon.stop();
      }
    }
  }

  private TestNode start(LocalKafka kafka) {
    return TestNode.start(
        "netty",
        Map.of(
            "tideline.multi-dc.cells",
            List.of(
                Map.of(
                    "name", silent, "number", 2, "bootstrap-servers", kafka.bootstrapServers()))));
  }

  /** As readers see it, and as alerts do. */
  private void awaitCopied(TestNode node, boolean copied) {
    String reader = TestNode.user("reader");
    await()
        .atMost(SOON)
        .untilAsserted(
            () ->
                assertThat(node.read(reader, r -> r).getCellsList())
                    .singleElement()
                    .returns(copied, CellReach::getReachable));
    String gauge =
        "(?m)^tideline_mirror_up\\{[^}]*source=\"%s\"[^}]*} %d\\.0$"
            .formatted(silent, copied ? 1 : 0);
    await().atMost(SOON).untilAsserted(() -> assertThat(metrics(node)).containsPattern(gauge));
  }

  private static SourceCellState state(TestNode node) {
    return ok(node.cluster.getTopology(GetTopologyRequest.getDefaultInstance()))
        .getTopology()
        .getSources(0)
        .getState();
  }

  private static String metrics(TestNode node) throws Exception {
    URI uri = URI.create("http://127.0.0.1:%d/metrics".formatted(node.managementPort));
    HttpRequest scrape =
        // The client takes a long answer for frames when it comes before the upgrade.
        HttpRequest.newBuilder(uri).version(HttpClient.Version.HTTP_1_1).build();
    return HttpClient.newHttpClient().send(scrape, BodyHandlers.ofString()).body();
  }
}
