package io.tideline.multidc.backfill;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import io.tideline.persistence.user.Payload;
import io.tideline.protocols.CborSerializable;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.Positions;
import java.util.HexFormat;
import java.util.List;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.serialization.Serialization;
import org.apache.pekko.serialization.SerializationExtension;
import org.apache.pekko.serialization.Serializers;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** Nodes of two versions talk to each other in a rolling upgrade. */
class BackfillFormatTest {
  private static final ActorTestKit testKit = ActorTestKit.create(ConfigFactory.load());
  private static final Serialization serialization =
      SerializationExtension.get(testKit.system().classicSystem());

  @AfterAll
  static void stop() {
    testKit.shutdownTestKit();
  }

  @Test
  void what_was_heard_keeps_its_form() throws Exception {
    assertForm(
        new Backfills.Heard(2, new Payload(HexFormat.of().parseHex("0a020801"))),
        "io.tideline.multidc.backfill.Backfills$Heard",
        "bf6463656c6c02646e6f7465440a020801ff");
  }

  @Test
  void how_back_fills_go_keeps_its_form() throws Exception {
    assertForm(
        new Backfills.State(
            List.of(new Wanted(2, 1_763_650_000_000L, "nothing was ever copied", 3, 4, 5, 6)),
            List.of(
                new Given(3, 7, Given.Walk.USERS, Long.MIN_VALUE, 8, 9, Positions.EMPTY),
                Given.begin(4, 10)
                    .done(Positions.EMPTY.with(new LogPartition(1, 0x9f3c01aa, 2), 17)))),
        "io.tideline.multidc.backfill.Backfills$State",
        "bf6677616e74656481bf66736f757263650267726571756573741b0000019aa1bb54806672656173"
            + "6f6e776e6f7468696e6720776173206576657220636f706965646b73696e63654d696c6c69730365"
            + "706f73747304657573657273056c646f6e6541744d696c6c697306ff65676976656e82bf6463656c"
            + "6c036772657175657374076477616c6b6555534552536561667465723b7fffffffffffffff65706f"
            + "737473086575736572730963656e6480ffbf6463656c6c0467726571756573740a6477616c6b6444"
            + "4f4e456561667465723b7fffffffffffffff65706f737473006575736572730063656e64819f013a"
            + "60c3fe550211ffffff");
  }

  private static void assertForm(CborSerializable message, String manifest, String recorded)
      throws Exception {
    int id = serialization.findSerializerFor(message).identifier();

    assertThat(HexFormat.of().formatHex(serialization.serialize(message).get()))
        .isEqualTo(recorded);
    assertThat(Serializers.manifestFor(serialization.findSerializerFor(message), message))
        .isEqualTo(manifest);
    assertThat(serialization.deserialize(HexFormat.of().parseHex(recorded), id, manifest).get())
        .isEqualTo(message);
  }
}
