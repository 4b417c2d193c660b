package io.tideline.persistence.posts;

import io.tideline.protocols.LogPartition;
import io.tideline.protocols.PostId;
import io.tideline.protocols.log.v1.PostLineKind;
import java.nio.ByteBuffer;

/**
 * The column {@code arrival}: a {@code tuple<int, int, int, bigint>} of cell, incarnation,
 * partition and offset, read and written as its bytes because wide reads decode many.
 */
final class Arrival {
  private static final int CELL = 4;
  private static final int INCARNATION = 12;
  private static final int PARTITION = 20;
  private static final int OFFSET = 28;
  private static final int BYTES = 36;

  private Arrival() {}

  static ByteBuffer encode(LogPartition partition, long offset) {
    return ByteBuffer.allocate(BYTES)
        .putInt(Integer.BYTES)
        .putInt(partition.cell())
        .putInt(Integer.BYTES)
        .putInt(partition.incarnation())
        .putInt(Integer.BYTES)
        .putInt(partition.partition())
        .putInt(Long.BYTES)
        .putLong(offset)
        .flip();
  }

  static LogPartition partition(ByteBuffer column) {
    int start = column.position();
    return new LogPartition(
        column.getInt(start + CELL),
        column.getInt(start + INCARNATION),
        column.getInt(start + PARTITION));
  }

  static long offset(ByteBuffer column) {
    return column.getLong(column.position() + OFFSET);
  }

  /** Which arrival a row keeps: the one with the highest of these. */
  static long timestamp(PostId id, PostLineKind kind, LogPartition partition, long offset) {
    int cellOfPost = (int) (id.lo() >>> 56);
    long rank = kind == PostLineKind.POST_LINE_KIND_PUBLISHED ? 2 : 1;
    if (partition.cell() == cellOfPost) {
      rank = 3;
    }
    return (rank << 60) - offset;
  }
}
