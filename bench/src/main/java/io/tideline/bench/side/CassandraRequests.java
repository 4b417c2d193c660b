package io.tideline.bench.side;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.cql.Row;

/**
 * How much a Cassandra has been asked since it started, as it counts itself.
 *
 * @param reads of one partition each, and ranges of several
 * @param writes rows
 */
public record CassandraRequests(long reads, long writes) {

  static CassandraRequests of(int port, String keyspace) {
    try (CqlSession session = CassandraFront.connect(port)) {
      return new CassandraRequests(
          count(session, "coordinator_read_latency", keyspace)
              + count(session, "coordinator_scan_latency", keyspace),
          count(session, "coordinator_write_latency", keyspace));
    }
  }

  private static long count(CqlSession session, String view, String keyspace) {
    long count = 0;
    for (Row table : session.execute("SELECT keyspace_name, count FROM system_views." + view)) {
      if (keyspace.equals(table.getString(0))) count += table.getLong(1);
    }
    return count;
  }

  /** What came in between. */
  public CassandraRequests since(CassandraRequests before) {
    return new CassandraRequests(reads - before.reads, writes - before.writes);
  }

  public long all() {
    return reads + writes;
  }
}
