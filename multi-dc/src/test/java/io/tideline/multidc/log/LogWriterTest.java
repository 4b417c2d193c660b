package io.tideline.multidc.log;

import static io.tideline.multidc.log.TestLines.published;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.waitAtMost;

import com.typesafe.config.ConfigFactory;
import java.time.Duration;
import java.util.Queue;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Supplier;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class LogWriterTest {
  private static final Duration SOON = Duration.ofSeconds(5);
  private static final LogSettings SETTINGS = LogSettings.from(ConfigFactory.load());

  private final Queue<Supplier<Producer<byte[], byte[]>>> producers = new ConcurrentLinkedQueue<>();
  private final LogWriter writer =
      new LogWriter(SETTINGS, new LogTopics(SETTINGS, "east"), () -> producers.remove().get());

  @AfterEach
  void stop() {
    writer.stop();
  }

  private static MockProducer<byte[], byte[]> producer() {
    return new MockProducer<>(true, null, new ByteArraySerializer(), new ByteArraySerializer());
  }

  private CompletionStage<Void> append() {
    return writer.append(published("ann", 1));
  }

  @Test
  void after_an_error_of_a_producer_the_next_line_gets_a_new_one() {
    producers.add(
        () -> {
          throw new NoClassDefFoundError("for the test");
        });
    producers.add(LogWriterTest::producer);
    assertThat(append()).failsWithin(SOON);
    assertThat(writer.healthy()).isFalse();
    assertThat(append()).succeedsWithin(SOON);
    assertThat(writer.healthy()).isTrue();
    assertThat(writer.pending()).isZero();
  }

  @Test
  void after_a_producer_that_cannot_be_closed_the_next_line_gets_a_new_one() {
    MockProducer<byte[], byte[]> faulty = producer();
    faulty.sendException = new KafkaException("for the test");
    faulty.closeException = new KafkaException("for the test");
    producers.add(() -> faulty);
    producers.add(LogWriterTest::producer);
    assertThat(append()).failsWithin(SOON);
    assertThat(append()).succeedsWithin(SOON);
    assertThat(writer.healthy()).isTrue();
  }

  @Test
  void it_is_not_healthy_once_its_thread_has_ended() {
    producers.add(
        () -> {
          Thread.currentThread().interrupt();
          return producer();
        });
    assertThat(append()).succeedsWithin(SOON);
    waitAtMost(SOON).until(() -> !writer.healthy());
    assertThat(append()).failsWithin(SOON);
  }

  @Test
  void it_is_healthy_when_it_is_stopped() {
    producers.add(LogWriterTest::producer);
    assertThat(append()).succeedsWithin(SOON);
    assertThat(writer.stop()).succeedsWithin(SOON);
    assertThat(writer.healthy()).isTrue();
  }
}
