package io.tideline.multidc;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.typesafe.config.ConfigFactory;
import io.tideline.localstack.LocalStack;
import io.tideline.localstack.LocalStackExtension;
import io.tideline.multidc.log.LogSettings;
import io.tideline.multidc.log.LogTopics;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.slf4j.LoggerFactory;

@ExtendWith(LocalStackExtension.class)
class LogTopicsIT {
  private static final int PARTITIONS = 16;

  // A broker that does not lead a partition yet when the first batch comes, but does when the
  // second comes, never takes the first one (KAFKA-15591).
  @RepeatedTest(10)
  void a_log_just_made_takes_what_is_written_at_once(LocalStack stack) throws Exception {
    String kafka = stack.kafka().bootstrapServers();
    String cellName = "log-topics-it-" + System.nanoTime();
    LogSettings settings = settings(kafka, PARTITIONS);
    Map<String, Object> connection =
        Map.of(
            "bootstrap.servers", kafka,
            "batch.size", 0,
            "metadata.max.age.ms", 100,
            "request.timeout.ms", 2_000,
            "delivery.timeout.ms", 5_000);
    try (LogTopics topics = new LogTopics(settings, cellName);
        Producer<byte[], byte[]> producer =
            new KafkaProducer<>(connection, new ByteArraySerializer(), new ByteArraySerializer())) {
      topics.createMissing().toCompletableFuture().get(20, SECONDS);
      List<Future<?>> written = new ArrayList<>();
      for (int i = 0; i < 50 * PARTITIONS; i++) {
        written.add(
            producer.send(
                new ProducerRecord<>(topics.posts(), i % PARTITIONS, new byte[4], new byte[4])));
      }
      for (Future<?> each : written) {
        assertThatCode(() -> each.get(20, SECONDS)).doesNotThrowAnyException();
      }
    }
  }

  @Test
  void a_log_that_has_another_number_of_partitions_is_used_and_that_is_said(LocalStack stack)
      throws Exception {
    String kafka = stack.kafka().bootstrapServers();
    String cellName = "log-topics-it-" + System.nanoTime();
    try (LogTopics before = new LogTopics(settings(kafka, 3), cellName);
        LogTopics now = new LogTopics(settings(kafka, 4), cellName)) {
      before.createMissing().toCompletableFuture().get(20, SECONDS);
      ListAppender<ILoggingEvent> logged = new ListAppender<>();
      logged.start();
      Logger logger = (Logger) LoggerFactory.getLogger(LogTopics.class);
      logger.addAppender(logged);
      try {
        before.createMissing().toCompletableFuture().get(20, SECONDS);
        assertThat(logged.list).isEmpty();
        now.createMissing().toCompletableFuture().get(20, SECONDS);
      } finally {
        logger.detachAppender(logged);
      }
      assertThat(logged.list)
          .filteredOn(event -> event.getLevel() == Level.ERROR)
          .extracting(ILoggingEvent::getFormattedMessage)
          .anySatisfy(message -> assertThat(message).contains(now.posts(), "3 partitions", "not 4"))
          .anySatisfy(
              message -> assertThat(message).contains(now.intents(), "3 partitions", "not 4"))
          .hasSize(2);
    }
  }

  private static LogSettings settings(String kafka, int partitions) {
    return LogSettings.from(
        ConfigFactory.parseString(
                "tideline.multi-dc.log { bootstrap-servers = \"%s\", topics.partitions = %d }"
                    .formatted(kafka, partitions))
            .withFallback(ConfigFactory.load()));
  }
}
