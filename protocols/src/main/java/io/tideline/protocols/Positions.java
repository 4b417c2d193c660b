package io.tideline.protocols;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonFormat;
import com.fasterxml.jackson.annotation.JsonPropertyOrder;
import com.fasterxml.jackson.annotation.JsonValue;
import io.tideline.protocols.log.v1.LogOffsets;
import io.tideline.protocols.log.v1.LogPosition;
import io.tideline.protocols.log.v1.LogPositions;
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

  // Arrays.binarySearch compares through an interface; this is inlined. With one whole log, as a
  // cell by itself has, each partition is where its number says.
  private int indexOf(LogPartition partition) {
    int number = partition.partition();
    if (number < partitions.length && partitions[number].compareTo(partition) == 0) return number;
    int low = 0;
    int high = partitions.length - 1;
    while (low <= high) {
      int middle = (low + high) >>> 1;
      int order = partitions[middle].compareTo(partition);
      if (order == 0) {
        return middle;
      }
      if (order < 0) {
        low = middle + 1;
      } else {
        high = middle - 1;
      }
    }
    return -low - 1;
  }

  /** The next offset to apply; 0 when nothing is known of the partition. */
  public long next(LogPartition partition) {
    int index = indexOf(partition);
    return index < 0 ? 0 : nexts[index];
  }

  /** Whether anything is said of the partition, be it that nothing of it has been applied. */
  public boolean knows(LogPartition partition) {
    return indexOf(partition) >= 0;
  }

  public boolean contains(LogPartition partition, long offset) {
    return offset < next(partition);
  }

  /** The same, but for one partition; it may also go back. */
  public Positions with(LogPartition partition, long next) {
    if (next < 0) {
      throw new IllegalArgumentException("an offset is not negative, but this is " + next);
    }
    int index = indexOf(partition);
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
  @SuppressWarnings("ReferenceEquality") // Often they are one; comparing each number would not pay.
  public Positions merge(Positions other) {
    if (this == other || partitions.length == 0) return other;
    if (Arrays.equals(partitions, other.partitions)) return mergeOfTheSame(other);
    Positions merged = this;
    for (int i = 0; i < other.partitions.length; i++) {
      merged = merged.atLeast(other.partitions[i], other.nexts[i]);
    }
    return merged;
  }

  /** Makes something new only where each is ahead of the other somewhere. */
  private Positions mergeOfTheSame(Positions other) {
    boolean ahead = false;
    boolean behind = false;
    for (int i = 0; i < nexts.length; i++) {
      ahead |= nexts[i] > other.nexts[i];
      behind |= nexts[i] < other.nexts[i];
    }
    if (!behind) return this;
    if (!ahead) return other;
    long[] most = nexts.clone();
    for (int i = 0; i < most.length; i++) most[i] = Math.max(most[i], other.nexts[i]);
    return new Positions(partitions, most);
  }

  private Positions atLeast(LogPartition partition, long next) {
    int index = indexOf(partition);
    return index >= 0 && nexts[index] >= next ? this : with(partition, next);
  }

  /** The same, but of partitions that the other knows as well not beyond it. */
  public Positions atMost(Positions other) {
    Positions least = this;
    for (int i = 0; i < other.partitions.length; i++) {
      if (next(other.partitions[i]) > other.nexts[i]) {
        least = least.with(other.partitions[i], other.nexts[i]);
      }
    }
    return least;
  }

  /** The same; what it has in common with another one is not kept twice, and compares faster. */
  public Positions like(Positions other) {
    return partitions != other.partitions && Arrays.equals(partitions, other.partitions)
        ? new Positions(other.partitions, nexts)
        : this;
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

  /** Whether something is said here of every partition that the other knows. */
  public boolean knowsAllOf(Positions other) {
    if (Arrays.equals(partitions, other.partitions)) return true;
    return Arrays.stream(other.partitions).allMatch(this::knows);
  }

  /** Whether everything applied there is applied here, of the partitions that both know. */
  public boolean coversWhatBothKnow(Positions other) {
    for (int i = 0; i < other.partitions.length; i++) {
      int index = indexOf(other.partitions[i]);
      if (index >= 0 && nexts[index] < other.nexts[i]) return false;
    }
    return true;
  }

  /** The same, but only for the partitions that the other knows. */
  public Positions of(Positions other) {
    Positions some = EMPTY;
    for (int i = 0; i < partitions.length; i++) {
      if (other.knows(partitions[i])) some = some.with(partitions[i], nexts[i]);
    }
    return some;
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

  /** A partition that is there twice counts with the larger offset. */
  public static Positions fromProto(List<LogPosition> proto) {
    Positions positions = EMPTY;
    for (LogPosition position : proto) {
      positions =
          positions.atLeast(
              new LogPartition(
                  position.getCell(), position.getIncarnation(), position.getPartition()),
              position.getOffset());
    }
    return positions;
  }

  /** One message per log, a number per partition: a third of the size of {@link #toProto}. */
  LogPositions toCompactProto() {
    LogPositions.Builder proto = LogPositions.newBuilder();
    int at = 0;
    while (at < partitions.length) {
      LogPartition first = partitions[at];
      LogOffsets.Builder log =
          proto.addLogsBuilder().setCell(first.cell()).setIncarnation(first.incarnation());
      for (int number = 0; at < partitions.length && first.sameLog(partitions[at]); number++) {
        boolean known = partitions[at].partition() == number;
        log.addNextOffsets(known ? nexts[at++] + 1 : 0);
      }
    }
    return proto.build();
  }

  static Positions fromCompactProto(LogPositions proto) {
    int most = 0;
    for (LogOffsets log : proto.getLogsList()) {
      most += log.getNextOffsetsCount();
    }
    LogPartition[] partitions = new LogPartition[most];
    long[] nexts = new long[most];
    int size = 0;
    for (LogOffsets log : proto.getLogsList()) {
      for (int number = 0; number < log.getNextOffsetsCount(); number++) {
        long nextOffset = log.getNextOffsets(number);
        if (nextOffset == 0) {
          continue;
        }
        partitions[size] = new LogPartition(log.getCell(), log.getIncarnation(), number);
        nexts[size] = nextOffset - 1;
        if (nexts[size] < 0
            || (size > 0 && partitions[size - 1].compareTo(partitions[size]) >= 0)) {
          throw new IllegalArgumentException("positions are negative or out of order");
        }
        size++;
      }
    }
    return new Positions(Arrays.copyOf(partitions, size), Arrays.copyOf(nexts, size));
  }

  /** How a journal keeps one position: an array of four numbers. */
  @JsonFormat(shape = JsonFormat.Shape.ARRAY)
  @JsonPropertyOrder({"cell", "incarnation", "partition", "next"})
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
          positions.atLeast(
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
