package io.tideline.bench.side;

import java.util.HashMap;
import java.util.Map;

/**
 * How much a Cassandra has been asked since it started, as it counts itself.
 *
 * @param statements of all clients
 * @param reads by table of one keyspace, in partitions: one statement may read several
 * @param writes by table of one keyspace, in partitions
 */
public record CassandraRequests(
    long statements, Map<String, Long> reads, Map<String, Long> writes) {
  public CassandraRequests {
    reads = Map.copyOf(reads);
    writes = Map.copyOf(writes);
  }

  /** What came in between. */
  public CassandraRequests since(CassandraRequests before) {
    return new CassandraRequests(
        statements - before.statements,
        difference(reads, before.reads),
        difference(writes, before.writes));
  }

  private static Map<String, Long> difference(Map<String, Long> now, Map<String, Long> before) {
    Map<String, Long> since = new HashMap<>(now);
    before.forEach((table, count) -> since.merge(table, -count, Long::sum));
    return since;
  }

  public long allReads() {
    return sum(reads);
  }

  public long allWrites() {
    return sum(writes);
  }

  private static long sum(Map<String, Long> counts) {
    return counts.values().stream().mapToLong(Long::longValue).sum();
  }
}
