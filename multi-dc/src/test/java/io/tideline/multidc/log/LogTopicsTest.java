package io.tideline.multidc.log;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LogTopicsTest {
  @Test
  void with_three_copies_a_line_counts_once_two_brokers_have_it() {
    assertThat(configs(3)).containsEntry("min.insync.replicas", "2");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2})
  void with_fewer_copies_the_brokers_decide(int replicas) {
    assertThat(configs(replicas)).doesNotContainKey("min.insync.replicas");
  }

  private static Map<String, String> configs(int replicas) {
    var config =
        ConfigFactory.parseString("tideline.multi-dc.log.topics.replication-factor = " + replicas)
            .withFallback(ConfigFactory.load());
    try (LogTopics topics = new LogTopics(LogSettings.from(config), "local")) {
      return topics.topic("posts", 8, Duration.ofDays(7)).configs();
    }
  }
}
