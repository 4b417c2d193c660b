package io.tideline.bench.side;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.cql.Row;

/** How much is written to a Cassandra, as it counts itself. */
final class CassandraWrites {
  private CassandraWrites() {}

  /** Rows written to one keyspace since it started. */
  static long of(int port, String keyspace) {
    long writes = 0;
    try (CqlSession session = CassandraFront.connect(port)) {
      for (Row table :
          session.execute(
              "SELECT keyspace_name, count FROM system_views.coordinator_write_latency")) {
        if (keyspace.equals(table.getString(0))) writes += table.getLong(1);
      }
    }
    return writes;
  }
}
