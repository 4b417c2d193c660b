package io.tideline.protocols;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import io.tideline.protocols.log.v1.LogPosition;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** How far each log partition has been applied: every offset below the next one. Immutable. */
public final class Positions {
  public static final Positions EMPTY = new Positions(new LogPartition[0], new long[0]);

  // Sorted, of equal length: nexts[i] belongs to partitions[i].
  private final LogPartition[] partitions;
  private final long[] nexts;

  private Positions(LogPartition[] partitions, long[] nexts) {
    this.partitions = partitions;
    this.nexts = nexts;
  }

  /** The next offset to apply; 0 when nothing is known of the partition. */
  public long next(LogPartition partition) {
    int index = Arrays.binarySearch(partitions, partition);
    return index < 0 ? 0 : nexts[index];
  }

  public boolean contains(LogPartition partition, long offset) {
    return offset < next(partition);
  }

  /** The same, but for one partition; it may also go back. */
  public Positions with(LogPartition partition, long next) {
    if (next < 0) {
      throw new IllegalArgumentException("an offset is not negative, but this is " + next);
    }
    int index = Arrays.binarySearch(partitions, partition);
    if (index >= 0) {
      if (nexts[index] == next) {
        return this;
      }
      long[] changed = nexts.clone();
      changed[index] = next;
      return new Positions(partitions, changed);
    }
    int insertAt = -index - 1;
    int size = partitions.length;
    LogPartition[] morePartitions = Arrays.copyOf(partitions, size + 1);
    long[] moreNexts = Arrays.copyOf(nexts, size + 1);
    System.arraycopy(partitions, insertAt, morePartitions, insertAt + 1, size - insertAt);
    System.arraycopy(nexts, insertAt, moreNexts, insertAt + 1, size - insertAt);
    morePartitions[insertAt] = partition;
    moreNexts[insertAt] = next;
    return new Positions(morePartitions, moreNexts);
  }

  /** Per partition the larger of the two. */
  public Positions merge(Positions other) {
    Positions merged = this;
    for (int i = 0; i < other.partitions.length; i++) {
      int index = Arrays.binarySearch(merged.partitions, other.partitions[i]);
      if (index < 0 || merged.nexts[index] < other.nexts[i]) {
        merged = merged.with(other.partitions[i], other.nexts[i]);
      }
    }
    return merged;
  }

  /** Whether everything applied there is applied here. */
  public boolean covers(Positions other) {
    for (int i = 0; i < other.partitions.length; i++) {
      if (next(other.partitions[i]) < other.nexts[i]) {
        return false;
      }
    }
    return true;
  }

  /** In ascending order. */
  public Set<LogPartition> partitions() {
    return Collections.unmodifiableSet(new LinkedHashSet<>(Arrays.asList(partitions)));
  }

  public List<LogPosition> toProto() {
    return IntStream.range(0, partitions.length).mapToObj(this::position).toList();
  }

  private LogPosition position(int index) {
    LogPartition partition = partitions[index];
    return LogPosition.newBuilder()
        .setCell(partition.cell())
        .setIncarnation(partition.incarnation())
        .setPartition(partition.partition())
        .setOffset(nexts[index])
        .build();
  }

  public static Positions fromProto(List<LogPosition> proto) {
    Positions positions = EMPTY;
    for (LogPosition position : proto) {
      LogPartition partition =
          new LogPartition(position.getCell(), position.getIncarnation(), position.getPartition());
      positions = positions.with(partition, position.getOffset());
    }
    return positions;
  }

  /** How a journal keeps one position. */
  record Entry(int cell, int incarnation, int partition, long next) {}

  @JsonValue
  List<Entry> entries() {
    return IntStream.range(0, partitions.length).mapToObj(this::entry).toList();
  }

  private Entry entry(int index) {
    LogPartition partition = partitions[index];
    return new Entry(
        partition.cell(), partition.incarnation(), partition.partition(), nexts[index]);
  }

  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  static Positions ofEntries(List<Entry> entries) {
    Positions positions = EMPTY;
    for (Entry entry : entries) {
      positions =
          positions.with(
              new LogPartition(entry.cell(), entry.incarnation(), entry.partition()), entry.next());
    }
    return positions;
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Positions that
        && Arrays.equals(partitions, that.partitions)
        && Arrays.equals(nexts, that.nexts);
  }

  @Override
  public int hashCode() {
    return 31 * Arrays.hashCode(partitions) + Arrays.hashCode(nexts);
  }

  /** For example {@code {1/9f3c01aa/0=17, 1/9f3c01aa/1=4}}. */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder("{");
    for (int i = 0; i < partitions.length; i++) {
      text.append(i == 0 ? "" : ", ").append(partitions[i]).append('=').append(nexts[i]);
    }
    return text.append('}').toString();
  }
}
