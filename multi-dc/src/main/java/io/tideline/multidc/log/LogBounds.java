package io.tideline.multidc.log;

import io.tideline.protocols.LogPartition;
import io.tideline.protocols.Positions;
import java.util.Map;
import java.util.function.ToLongBiFunction;
import java.util.stream.Collectors;

/**
 * Where a log begins and ends, and how far its consumer group has come; by partition.
 *
 * @param incarnation which life of the log this is
 */
public record LogBounds(int incarnation, Map<Integer, Partition> partitions) {

  public LogBounds {
    partitions = Map.copyOf(partitions);
  }

  /**
   * Of one partition.
   *
   * @param begin the first offset that is still there
   * @param end the offset that the next line will get
   * @param done the group is done with every line below; of posts they are in the post store
   */
  public record Partition(long begin, long end, long done) {}

  /** How many lines the group is not done with yet, by partition. */
  public Map<Integer, Long> groupLag() {
    return byPartition((number, bounds) -> bounds.end() - Math.max(bounds.begin(), bounds.done()));
  }

  /** The same once the group has come this far, by partition. */
  LogBounds doneTo(Map<Integer, Long> done) {
    return new LogBounds(
        incarnation,
        partitions.entrySet().stream()
            .collect(
                Collectors.toMap(
                    Map.Entry::getKey,
                    each -> {
                      Partition was = each.getValue();
                      long now = done.getOrDefault(each.getKey(), was.done());
                      return new Partition(was.begin(), Math.max(was.end(), now), now);
                    })));
  }

  /** Where the cell's log ends. */
  public Positions end(int cell) {
    Positions end = Positions.EMPTY;
    for (var partition : partitions.entrySet()) {
      end =
          end.with(
              new LogPartition(cell, incarnation, partition.getKey()), partition.getValue().end());
    }
    return end;
  }

  /** How many lines of the cell's log lie at or above these positions, by partition. */
  public Map<Integer, Long> lag(int cell, Positions applied) {
    return byPartition(
        (number, bounds) ->
            Math.max(0, bounds.end() - applied.next(new LogPartition(cell, incarnation, number))));
  }

  private Map<Integer, Long> byPartition(ToLongBiFunction<Integer, Partition> lines) {
    return partitions.entrySet().stream()
        .collect(
            Collectors.toMap(
                Map.Entry::getKey, entry -> lines.applyAsLong(entry.getKey(), entry.getValue())));
  }
}
