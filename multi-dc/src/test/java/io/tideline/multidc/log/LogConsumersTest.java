package io.tideline.multidc.log;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

class LogConsumersTest {
  private static final Map<String, Object> CONNECTION =
      Map.of(
          "bootstrap.servers", "nowhere:1", "allow.auto.create.topics", "true", "own", "property");
  private static final ActorTestKit kit = ActorTestKit.create();

  @AfterAll
  static void shutDown() {
    kit.shutdownTestKit();
  }

  @Test
  void who_reads_makes_no_topics() {
    assertThat(LogConsumers.streaming(kit.system(), CONNECTION, "a-client").getProperties())
        .containsEntry("bootstrap.servers", "nowhere:1")
        .containsEntry("client.id", "a-client")
        .containsEntry("own", "property")
        .containsEntry("allow.auto.create.topics", "false");
    assertThat(LogConsumers.lookingProperties(CONNECTION, "a-client"))
        .containsEntry("own", "property")
        .containsEntry("allow.auto.create.topics", false);
  }
}
