package io.tideline.multidc.log;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.kafka.ConsumerSettings;

/** How logs are read: by whoever it is, a topic that is not there is not made by asking for it. */
public final class LogConsumers {
  private static final String CREATE_TOPICS = "allow.auto.create.topics";

  private LogConsumers() {}

  /**
   * For a stream that ends at once when it is told to.
   *
   * @param connection what every client of that Kafka is given
   */
  public static ConsumerSettings<byte[], byte[]> streaming(
      ActorSystem<?> system, Map<String, Object> connection, String clientId) {
    ConsumerSettings<byte[], byte[]> settings =
        ConsumerSettings.create(system, new ByteArrayDeserializer(), new ByteArrayDeserializer())
            .withClientId(clientId)
            .withStopTimeout(Duration.ZERO)
            .withCloseTimeout(Duration.ofSeconds(1));
    for (Map.Entry<String, Object> property : connection.entrySet()) {
      settings = settings.withProperty(property.getKey(), String.valueOf(property.getValue()));
    }
    return settings.withProperty(CREATE_TOPICS, "false");
  }

  /** For a look at some lines, the earliest first; to be closed. */
  public static Consumer<byte[], byte[]> looking(Map<String, Object> connection, String clientId) {
    return new KafkaConsumer<>(
        lookingProperties(connection, clientId),
        new ByteArrayDeserializer(),
        new ByteArrayDeserializer());
  }

  static Map<String, Object> lookingProperties(Map<String, Object> connection, String clientId) {
    Map<String, Object> properties = new HashMap<>(connection);
    properties.put("client.id", clientId);
    properties.put(CREATE_TOPICS, false);
    properties.put("enable.auto.commit", false);
    properties.put("auto.offset.reset", "earliest");
    return properties;
  }
}
