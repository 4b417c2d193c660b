package io.tideline.bench.side;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.cql.Row;
import java.util.HashMap;
import java.util.Map;

/**
 * How much a Cassandra has been asked since it started, as it counts itself.
 *
 * @param reads by table; of one partition each, and ranges of several
 * @param writes by table
 */
public record CassandraRequests(Map<String, Long> reads, Map<String, Long> writes) {
  public CassandraRequests {
    reads = Map.copyOf(reads);
    writes = Map.copyOf(writes);
  }

  static CassandraRequests of(int port, String keyspace) {
    try (CqlSession session = CassandraFront.connect(port)) {
      Map<String, Long> reads = new HashMap<>();
      count(session, "coordinator_read_latency", keyspace, reads);
      count(session, "coordinator_scan_latency", keyspace, reads);
      Map<String, Long> writes = new HashMap<>();
      count(session, "coordinator_write_latency", keyspace, writes);
      return new CassandraRequests(reads, writes);
    }
  }

  private static void count(
      CqlSession session, String view, String keyspace, Map<String, Long> counts) {
    for (Row table :
        session.execute("SELECT keyspace_name, table_name, count FROM system_views." + view)) {
      if (keyspace.equals(table.getString(0))) {
        counts.merge(String.valueOf(table.getString(1)), table.getLong(2), Long::sum);
      }
    }
  }

  /** What came in between. */
  public CassandraRequests since(CassandraRequests before) {
    return new CassandraRequests(
        difference(reads, before.reads), difference(writes, before.writes));
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
