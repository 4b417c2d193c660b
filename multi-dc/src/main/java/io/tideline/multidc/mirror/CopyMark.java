package io.tideline.multidc.mirror;

import io.tideline.multidc.log.PoisonLineException;
import io.tideline.multidc.log.SaidAgain;
import io.tideline.multidc.log.Stamp;
import java.nio.ByteBuffer;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * A line of a copy that says again where the last one stood, to nobody: a partition that retention
 * has emptied would not say up to where it was copied, and from where on its lines are remembered.
 * Format, for ever: no key, as value when that line was copied, in milliseconds, eight bytes.
 */
final class CopyMark {
  private static final SaidAgain TO_NOBODY = new SaidAgain(Set.of(), null);

  private CopyMark() {}

  /**
   * @param last of the partition
   * @param atMillis when that was copied
   */
  static ProducerRecord<byte[], byte[]> of(String topic, Stamp last, long atMillis) {
    byte[] value = ByteBuffer.allocate(Long.BYTES).putLong(atMillis).array();
    ProducerRecord<byte[], byte[]> mark =
        new ProducerRecord<>(topic, last.partition().partition(), null, value);
    last.addTo(mark.headers());
    TO_NOBODY.addTo(mark.headers());
    return mark;
  }

  /** When the line was copied, or the one that it says again. */
  static long copiedAtMillis(ConsumerRecord<byte[], byte[]> line) throws PoisonLineException {
    byte[] value = line.value();
    return TO_NOBODY.equals(SaidAgain.of(line.headers()))
            && value != null
            && value.length == Long.BYTES
        ? ByteBuffer.wrap(value).getLong()
        : line.timestamp();
  }
}
