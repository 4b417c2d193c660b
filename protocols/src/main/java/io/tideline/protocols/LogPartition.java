package io.tideline.protocols;

import org.jspecify.annotations.Nullable;

/**
 * One partition of one life of one cell's log.
 *
 * @param incarnation changes when the topic is made anew
 */
public record LogPartition(int cell, int incarnation, int partition)
    implements Comparable<LogPartition> {

  public LogPartition {
    if (cell < 0 || partition < 0) {
      throw new IllegalArgumentException(
          "cell and partition are not negative, but these are " + cell + " and " + partition);
    }
  }

  boolean sameLog(LogPartition other) {
    return cell == other.cell && incarnation == other.incarnation;
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof LogPartition that
        && cell == that.cell
        && incarnation == that.incarnation
        && partition == that.partition;
  }

  @Override
  public int hashCode() {
    return (cell * 31 + incarnation) * 31 + partition;
  }

  @Override
  public int compareTo(LogPartition other) {
    if (cell != other.cell) {
      return Integer.compare(cell, other.cell);
    }
    if (incarnation != other.incarnation) {
      return Integer.compareUnsigned(incarnation, other.incarnation);
    }
    return Integer.compare(partition, other.partition);
  }

  /** For example {@code 1/9f3c01aa/7}: cell, incarnation, partition. */
  @Override
  public String toString() {
    return cell + "/" + Integer.toHexString(incarnation) + "/" + partition;
  }
}
