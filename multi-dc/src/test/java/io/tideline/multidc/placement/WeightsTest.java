package io.tideline.multidc.placement;

import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.multidc.placement.Weights.Entry;
import java.util.Map;
import org.junit.jupiter.api.Test;

class WeightsTest {
  private static final String NODE = "10.0.0.1:8600";

  @Test
  void a_node_of_which_nothing_is_said_has_the_normal_weight() {
    assertThat(Weights.NONE.of(NODE, "a")).isEqualTo(100);
  }

  @Test
  void the_weights_of_node_and_zone_multiply() {
    Weights weights = new Weights(Map.of(NODE, new Entry(50, false), "a", new Entry(200, false)));
    assertThat(weights.of(NODE, "a")).isEqualTo(100);
    assertThat(weights.of(NODE, "b")).isEqualTo(50);
    assertThat(weights.of("10.0.0.2:8600", "a")).isEqualTo(200);
  }

  @Test
  void only_a_drain_or_a_weight_of_zero_takes_everything() {
    assertThat(new Weights(Map.of("a", new Entry(100, true))).of(NODE, "a")).isZero();
    assertThat(new Weights(Map.of(NODE, new Entry(0, false))).of(NODE, "a")).isZero();
    Weights least = new Weights(Map.of(NODE, new Entry(1, false), "a", new Entry(1, false)));
    assertThat(least.of(NODE, "a")).isEqualTo(1);
  }
}
