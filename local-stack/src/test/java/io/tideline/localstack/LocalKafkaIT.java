package io.tideline.localstack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LocalKafkaIT {
  private static final TopicPartition PARTITION = new TopicPartition("lines", 0);

  @TempDir Path directory;

  @Test
  void records_and_the_cluster_id_survive_a_crash_and_a_stop() throws Exception {
    LocalKafka.Options options = LocalKafka.Options.in(directory.resolve("a b"));
    String clusterId;
    int port;
    try (LocalKafka kafka = LocalKafka.start(options)) {
      port = kafka.port();
      clusterId = clusterId(kafka);
      write(kafka, "one");

      kafka.kill();
      assertThat(kafka.isAlive()).isFalse();
      kafka.restart();

      assertThat(firstLine(kafka)).isEqualTo("one");
    }
    try (LocalKafka again = LocalKafka.start(options)) {
      assertThat(again.port()).isEqualTo(port);
      assertThat(clusterId(again)).isEqualTo(clusterId);
      assertThat(firstLine(again)).isEqualTo("one");
    }
  }

  @Test
  void a_cluster_id_may_begin_with_a_dash() throws Exception {
    Files.writeString(directory.resolve("cluster-id"), "-4x4xQ2oTT6mPq3Zk1vBqA");
    try (LocalKafka kafka = LocalKafka.start(LocalKafka.Options.in(directory))) {
      assertThat(clusterId(kafka)).isEqualTo("-4x4xQ2oTT6mPq3Zk1vBqA");
    }
  }

  @Test
  void topics_do_not_come_into_being_by_being_named() throws Exception {
    try (LocalKafka kafka = LocalKafka.start(LocalKafka.Options.in(directory));
        Admin admin = admin(kafka)) {
      assertThatThrownBy(() -> admin.describeTopics(List.of("lines")).allTopicNames().get())
          .isInstanceOf(ExecutionException.class)
          .hasMessageContaining("UnknownTopicOrPartition");
      assertThat(admin.listTopics().names().get()).isEmpty();
    }
  }

  @Test
  void ctrl_c_in_the_terminal_of_the_parent_leaves_it_to_the_parent() throws Exception {
    try (LocalKafka kafka = LocalKafka.start(LocalKafka.Options.in(directory))) {
      new ProcessBuilder("kill", "-INT", Long.toString(kafka.pid())).start().waitFor();
      new ProcessBuilder("kill", "-HUP", Long.toString(kafka.pid())).start().waitFor();

      assertThat(clusterId(kafka)).isNotEmpty();
      assertThat(kafka.isAlive()).isTrue();
    }
  }

  @Test
  void one_that_does_not_start_shows_its_last_words() throws IOException {
    Files.createFile(directory.resolve("data"));

    assertThatThrownBy(() -> LocalKafka.start(LocalKafka.Options.in(directory)))
        .isInstanceOf(LocalStackException.class)
        .hasMessageContaining("Kafka did not start (process ")
        .hasMessageContaining("The end of " + directory.resolve("logs"))
        .hasMessageContaining(directory.resolve("data").toString());
  }

  private static String clusterId(LocalKafka kafka) throws Exception {
    try (Admin admin = admin(kafka)) {
      return admin.describeCluster().clusterId().get();
    }
  }

  private static void write(LocalKafka kafka, String line) throws Exception {
    try (Admin admin = admin(kafka);
        KafkaProducer<String, String> producer =
            new KafkaProducer<>(
                Map.of("bootstrap.servers", kafka.bootstrapServers()),
                new StringSerializer(),
                new StringSerializer())) {
      NewTopic topic = new NewTopic(PARTITION.topic(), 1, (short) 1);
      admin.createTopics(List.of(topic)).all().get();
      producer.send(new ProducerRecord<>(PARTITION.topic(), line)).get();
    }
  }

  private static String firstLine(LocalKafka kafka) {
    try (KafkaConsumer<String, String> consumer =
        new KafkaConsumer<>(
            Map.of("bootstrap.servers", kafka.bootstrapServers()),
            new StringDeserializer(),
            new StringDeserializer())) {
      consumer.assign(List.of(PARTITION));
      consumer.seekToBeginning(List.of(PARTITION));
      return consumer.poll(Duration.ofSeconds(20)).iterator().next().value();
    }
  }

  private static Admin admin(LocalKafka kafka) {
    return Admin.create(Map.of("bootstrap.servers", kafka.bootstrapServers()));
  }
}
