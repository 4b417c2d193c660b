package io.tideline.multidc.fence;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import io.tideline.multidc.fence.FenceMessage.CountedIn;
import io.tideline.multidc.fence.FenceMessage.Heartbeat;
import io.tideline.protocols.CborSerializable;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.serialization.Serialization;
import org.apache.pekko.serialization.SerializationExtension;
import org.apache.pekko.serialization.Serializers;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Nodes of two versions talk to each other in a rolling upgrade. */
class FenceFormatTest {
  private static final ActorTestKit testKit = ActorTestKit.create(ConfigFactory.load());
  private static final Serialization serialization =
      SerializationExtension.get(testKit.system().classicSystem());

  private static final Map<String, String> RECORDED = Recordings.of("fence.properties");

  @AfterAll
  static void stop() {
    testKit.shutdownTestKit();
  }

  static Stream<CborSerializable> messages() {
    return Stream.of(
        new Heartbeat("pekko://tideline@10.0.0.1:8500", -7, 123_456_789_012L),
        new CountedIn(
            "pekko://tideline@10.0.0.2:8500", 9, -7, 123_456_789_012L, 1_763_650_000_000L));
  }

  @Test
  void every_message_that_crosses_nodes_is_recorded() {
    Set<String> sent =
        Arrays.stream(FenceMessage.class.getPermittedSubclasses())
            .filter(CborSerializable.class::isAssignableFrom)
            .map(Class::getSimpleName)
            .collect(Collectors.toSet());
    assertThat(RECORDED.keySet()).isEqualTo(sent);
    assertThat(messages().map(message -> message.getClass().getSimpleName()))
        .containsExactlyInAnyOrderElementsOf(sent);
  }

  @ParameterizedTest
  @MethodSource("messages")
  void messages_keep_their_form(CborSerializable message) throws Exception {
    String recorded = requireNonNull(RECORDED.get(message.getClass().getSimpleName()));
    byte[] bytes = HexFormat.of().parseHex(recorded);
    int id = serialization.findSerializerFor(message).identifier();
    String manifest = Serializers.manifestFor(serialization.findSerializerFor(message), message);

    assertThat(HexFormat.of().formatHex(serialization.serialize(message).get()))
        .isEqualTo(recorded);
    assertThat(manifest).isEqualTo(message.getClass().getName());
    assertThat(serialization.deserialize(bytes, id, manifest).get()).isEqualTo(message);
  }
}
