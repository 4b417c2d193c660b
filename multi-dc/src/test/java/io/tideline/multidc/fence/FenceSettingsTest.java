package io.tideline.multidc.fence;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class FenceSettingsTest {
  private static Duration closesAfter(String margin) {
    Config config =
        ConfigFactory.parseString(
                "pekko.cluster.split-brain-resolver.stable-after = 7s\n"
                    + "pekko.cluster.down-removal-margin = "
                    + margin)
            .withFallback(ConfigFactory.load());
    return FenceSettings.from(config).closesAfter();
  }

  @Test
  void a_node_acts_no_longer_than_those_who_take_over_wait() {
    assertThat(closesAfter("5s")).isEqualTo(Duration.ofSeconds(5));
  }

  @Test
  void without_a_margin_they_wait_as_long_as_the_split_brain_resolver() {
    assertThat(closesAfter("off")).isEqualTo(Duration.ofSeconds(7));
  }
}
