package io.tideline.multidc.log;

import com.google.protobuf.InvalidProtocolBufferException;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.log.v1.LogPosition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;

/**
 * Where a line stands in the log of the cell that wrote it. Its copies in other cells carry this as
 * a record header, {@code tideline-position}: a {@link LogPosition} whose offset is the line's own.
 *
 * @param offset of the line
 */
public record Stamp(LogPartition partition, long offset) {
  /** How many copies a copier may have sent of which it does not know yet that they are there. */
  public static final int MOST_IN_FLIGHT = 1_000;

  static final String HEADER = "tideline-position";

  /**
   * What a copy says.
   *
   * @throws PoisonLineException when it says nothing that can be read
   */
  public static Stamp of(Headers headers) throws PoisonLineException {
    Header header = headers.lastHeader(HEADER);
    if (header == null || header.value() == null) {
      throw new PoisonLineException("a copy without the header " + HEADER);
    }
    try {
      return fromProto(LogPosition.parseFrom(header.value()));
    } catch (InvalidProtocolBufferException e) {
      throw new PoisonLineException("not a position: " + e.getMessage());
    }
  }

  static Stamp fromProto(LogPosition position) throws PoisonLineException {
    long offset = position.getOffset();
    // Every line has a next one.
    boolean possible = offset >= 0 && offset < Long.MAX_VALUE;
    if (position.getCell() <= 0 || position.getPartition() < 0 || !possible) {
      throw new PoisonLineException("no position of a line: " + position);
    }
    return new Stamp(
        new LogPartition(position.getCell(), position.getIncarnation(), position.getPartition()),
        offset);
  }

  /** Puts it on a copy. */
  public void addTo(Headers headers) {
    headers.add(HEADER, toProto().toByteArray());
  }

  LogPosition toProto() {
    return LogPosition.newBuilder()
        .setCell(partition.cell())
        .setIncarnation(partition.incarnation())
        .setPartition(partition.partition())
        .setOffset(offset)
        .build();
  }
}
