package io.tideline.multidc.mirror;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import java.util.HexFormat;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.serialization.Serialization;
import org.apache.pekko.serialization.SerializationExtension;
import org.apache.pekko.serialization.Serializers;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** Nodes of two versions talk to each other in a rolling upgrade. */
class MirrorStatusTest {
  private static final ActorTestKit testKit = ActorTestKit.create(ConfigFactory.load());
  private static final Serialization serialization =
      SerializationExtension.get(testKit.system().classicSystem());

  @AfterAll
  static void stop() {
    testKit.shutdownTestKit();
  }

  @Test
  void a_status_keeps_its_form() throws Exception {
    MirrorStatus status =
        new MirrorStatus(
            "west",
            "tideline.posts.west",
            MirrorStatus.State.BACKFILL_NEEDED,
            123_456_789_012L,
            7_000,
            1_763_650_000_123L);
    int id = serialization.findSerializerFor(status).identifier();
    String manifest = Serializers.manifestFor(serialization.findSerializerFor(status), status);
    String recorded =
        "bf6463656c6c647765737465746f70696373746964656c696e652e706f7374732e776573746573746174656f4241"
            + "434b46494c4c5f4e4545444544686c61674c696e65731b0000001cbe991a14696c61674d696c6c6973191b58"
            + "6e636f70696564546f4d696c6c69731b0000019aa1bb54fbff";

    assertThat(HexFormat.of().formatHex(serialization.serialize(status).get())).isEqualTo(recorded);
    assertThat(manifest).isEqualTo("io.tideline.multidc.mirror.MirrorStatus");
    assertThat(serialization.deserialize(HexFormat.of().parseHex(recorded), id, manifest).get())
        .isEqualTo(status);
  }
}
