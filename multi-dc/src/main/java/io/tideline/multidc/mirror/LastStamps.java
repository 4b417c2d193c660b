package io.tideline.multidc.mirror;

import io.tideline.multidc.log.LogBounds;
import io.tideline.multidc.log.LogConsumers;
import io.tideline.multidc.log.LogSettings;
import io.tideline.multidc.log.PoisonLineException;
import io.tideline.multidc.log.Stamp;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Finds the last line of each partition that says where it was copied from. */
final class LastStamps {
  private static final Logger log = LoggerFactory.getLogger(LastStamps.class);
  private static final int LOOK_BACK = 100;
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  /**
   * A line that says where it was copied from.
   *
   * @param atMillis when it was copied
   * @param keptSinceMillis when that was said last
   */
  record Copied(Stamp stamp, long atMillis, long keptSinceMillis) {}

  private LastStamps() {}

  /** By partition; waits for the broker. */
  static Map<Integer, Copied> of(String topic, LogBounds copy, LogSettings settings) {
    Map<TopicPartition, Long> ends = new HashMap<>();
    copy.partitions()
        .forEach(
            (number, bounds) -> {
              if (bounds.end() > bounds.begin()) {
                ends.put(new TopicPartition(topic, number), bounds.end());
              }
            });
    Map<Integer, Copied> last = new HashMap<>();
    if (ends.isEmpty()) {
      return last;
    }
    try (Consumer<byte[], byte[]> consumer =
        LogConsumers.looking(settings.connection(), "tideline-mirror-end-" + topic)) {
      consumer.assign(ends.keySet());
      ends.forEach((partition, end) -> consumer.seek(partition, Math.max(0, end - LOOK_BACK)));
      long deadline = System.nanoTime() + PATIENCE.toNanos();
      while (ends.entrySet().stream()
          .anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
        if (System.nanoTime() > deadline) {
          throw new IllegalStateException("the end of the copy of " + topic + " cannot be read");
        }
        consumer.poll(Duration.ofMillis(200)).forEach(line -> look(line, last));
      }
    }
    return last;
  }

  private static void look(ConsumerRecord<byte[], byte[]> line, Map<Integer, Copied> last) {
    try {
      last.put(
          line.partition(),
          new Copied(Stamp.of(line.headers()), CopyMark.copiedAtMillis(line), line.timestamp()));
    } catch (PoisonLineException e) {
      log.warn(
          "Line {} of {}-{} was not copied: {}",
          line.offset(),
          line.topic(),
          line.partition(),
          e.getMessage());
    }
  }
}
