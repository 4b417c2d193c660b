package io.tideline.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.tideline.localstack.LocalStack;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(180)
class LateCopiesIT {
  private static final int MANY = 10_001;
  private static final String KAFKA = LocalStack.shared().kafka().bootstrapServers();

  private final String other = TestNode.newName();
  private final HttpClient http = HttpClient.newHttpClient();

  @Test
  void lines_of_another_cell_that_are_not_stored_degrade_a_node_as_those_of_its_own_do()
      throws Exception {
    TestNode.createLogs(KAFKA, other, 8);
    try (TestNode node = startWithTheOther();
        KafkaConsumer<byte[], byte[]> holdsUp = new KafkaConsumer<>(inTheGroupThatStores())) {
      holdsUp.subscribe(List.of("tideline.posts." + other));
      await()
          .atMost(Duration.ofSeconds(60))
          .until(
              () -> {
                holdsUp.poll(Duration.ofMillis(200));
                return !holdsUp.assignment().isEmpty();
              });
      assertThat(degraded(node).body()).doesNotContain("not stored");

      fill(holdsUp.assignment().iterator().next());

      await()
          .atMost(Duration.ofSeconds(20))
          .untilAsserted(
              () ->
                  assertThat(degraded(node))
                      .returns(503, HttpResponse::statusCode)
                      .extracting(HttpResponse::body)
                      .asString()
                      .contains(MANY + " lines are not stored yet"));
    }
  }

  private TestNode startWithTheOther() {
    return TestNode.start(
        "netty",
        Map.of(
            "tideline.multi-dc.cells",
            List.of(
                Map.of(
                    "name",
                    other,
                    "number",
                    2,
                    "bootstrap-servers",
                    "127.0.0.1:" + TestNode.freePort()))));
  }

  private Map<String, Object> inTheGroupThatStores() {
    return Map.of(
        "bootstrap.servers",
        KAFKA,
        "group.id",
        "tideline-poststore-" + other,
        "enable.auto.commit",
        false,
        "key.deserializer",
        ByteArrayDeserializer.class,
        "value.deserializer",
        ByteArrayDeserializer.class);
  }

  private static void fill(TopicPartition partition) {
    Map<String, Object> settings =
        Map.of(
            "bootstrap.servers",
            KAFKA,
            "key.serializer",
            ByteArraySerializer.class,
            "value.serializer",
            ByteArraySerializer.class);
    try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(settings)) {
      for (int i = 0; i < MANY; i++) {
        var unused =
            producer.send(
                new ProducerRecord<>(
                    partition.topic(), partition.partition(), new byte[0], new byte[0]));
      }
    }
  }

  private HttpResponse<String> degraded(TestNode node) throws Exception {
    URI uri = URI.create("http://127.0.0.1:%d/degraded".formatted(node.managementPort));
    return http.send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofString());
  }
}
