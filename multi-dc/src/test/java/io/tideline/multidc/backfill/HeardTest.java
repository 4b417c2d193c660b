package io.tideline.multidc.backfill;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import io.tideline.persistence.user.Payload;
import java.util.HexFormat;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.serialization.Serialization;
import org.apache.pekko.serialization.SerializationExtension;
import org.apache.pekko.serialization.Serializers;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** Nodes of two versions talk to each other in a rolling upgrade. */
class HeardTest {
  private static final ActorTestKit testKit = ActorTestKit.create(ConfigFactory.load());
  private static final Serialization serialization =
      SerializationExtension.get(testKit.system().classicSystem());

  @AfterAll
  static void stop() {
    testKit.shutdownTestKit();
  }

  @Test
  void what_was_heard_keeps_its_form() throws Exception {
    Backfills.Heard heard =
        new Backfills.Heard(2, new Payload(HexFormat.of().parseHex("0a020801")));
    int id = serialization.findSerializerFor(heard).identifier();
    String manifest = Serializers.manifestFor(serialization.findSerializerFor(heard), heard);
    String recorded = "bf6463656c6c02646e6f7465440a020801ff";

    assertThat(HexFormat.of().formatHex(serialization.serialize(heard).get())).isEqualTo(recorded);
    assertThat(manifest).isEqualTo("io.tideline.multidc.backfill.Backfills$Heard");
    assertThat(serialization.deserialize(HexFormat.of().parseHex(recorded), id, manifest).get())
        .isEqualTo(heard);
  }
}
