package io.tideline.multidc.log;

import java.util.Map;

/**
 * Where a log ends, by partition.
 *
 * @param incarnation which life of the log this is
 */
public record LogEnds(int incarnation, Map<Integer, Long> ends) {
  public LogEnds {
    ends = Map.copyOf(ends);
  }
}
