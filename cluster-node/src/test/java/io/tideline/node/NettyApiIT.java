package io.tideline.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.tideline.node.ops.Monitoring;
import java.time.Duration;
import kamon.Kamon;
import org.junit.jupiter.api.Test;

final class NettyApiIT extends ApiSuite {
  @Override
  String transport() {
    return "netty";
  }

  @Test
  void every_series_that_an_alert_or_a_panel_is_about_is_scraped() {
    Kamon.initWithoutAttaching(node.system().settings().config());
    try {
      node.publish("monitored", "measured");
      node.read("monitored", request -> request);
      await()
          .atMost(Duration.ofSeconds(30))
          .untilAsserted(
              () -> assertThat(Monitoring.seriesIn(metrics())).containsAll(Monitoring.watched()));
    } finally {
      Kamon.stop();
    }
  }
}
