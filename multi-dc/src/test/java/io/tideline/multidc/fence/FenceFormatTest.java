package io.tideline.multidc.fence;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import io.tideline.multidc.fence.FenceMessage.CountedIn;
import io.tideline.multidc.fence.FenceMessage.Heartbeat;
import io.tideline.protocols.CborSerializable;
import java.util.HexFormat;
import java.util.stream.Stream;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.serialization.Serialization;
import org.apache.pekko.serialization.SerializationExtension;
import org.apache.pekko.serialization.Serializers;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Nodes of two versions talk to each other in a rolling upgrade. */
class FenceFormatTest {
  private static final ActorTestKit testKit = ActorTestKit.create(ConfigFactory.load());
  private static final Serialization serialization =
      SerializationExtension.get(testKit.system().classicSystem());

  @AfterAll
  static void stop() {
    testKit.shutdownTestKit();
  }

  static Stream<Arguments> recorded() {
    return Stream.of(
        Arguments.of(
            new Heartbeat("pekko://tideline@10.0.0.1:8500", -7, 123_456_789_012L),
            "bf6466726f6d781e70656b6b6f3a2f2f746964656c696e654031302e302e302e313a383530306766726f6d55"
                + "6964266673656e7441741b0000001cbe991a14ff"),
        Arguments.of(
            new CountedIn(
                "pekko://tideline@10.0.0.2:8500", 9, -7, 123_456_789_012L, 1_763_650_000_000L),
            "bf626279781e70656b6b6f3a2f2f746964656c696e654031302e302e302e323a383530306562795569640963"
                + "756964266673656e7441741b0000001cbe991a146977616c6c436c6f636b1b0000019aa1bb5480ff"));
  }

  @ParameterizedTest
  @MethodSource("recorded")
  void messages_keep_their_form(CborSerializable message, String recorded) throws Exception {
    byte[] bytes = HexFormat.of().parseHex(recorded);
    int id = serialization.findSerializerFor(message).identifier();
    String manifest = Serializers.manifestFor(serialization.findSerializerFor(message), message);

    assertThat(HexFormat.of().formatHex(serialization.serialize(message).get()))
        .isEqualTo(recorded);
    assertThat(manifest).isEqualTo(message.getClass().getName());
    assertThat(serialization.deserialize(bytes, id, manifest).get()).isEqualTo(message);
  }
}
