package io.tideline.bench.side;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.cql.Row;
import java.util.HashMap;
import java.util.Map;

/** Asks a Cassandra how much it is asked, with four statements each time. */
public final class CassandraCounters implements AutoCloseable {
  private final CqlSession session;
  private final String keyspace;

  CassandraCounters(int port, String keyspace) {
    this.session = CassandraFront.connect(port);
    this.keyspace = keyspace;
  }

  public CassandraRequests now() {
    long statements = 0;
    for (Row metric : session.execute("SELECT name, value FROM system_views.cql_metrics")) {
      String name = String.valueOf(metric.getString(0));
      if (name.endsWith("_statements_executed")) statements += (long) metric.getDouble(1);
    }
    Map<String, Long> reads = new HashMap<>();
    count("coordinator_read_latency", reads);
    count("coordinator_scan_latency", reads);
    Map<String, Long> writes = new HashMap<>();
    count("coordinator_write_latency", writes);
    return new CassandraRequests(statements, reads, writes);
  }

  private void count(String view, Map<String, Long> counts) {
    for (Row table :
        session.execute("SELECT keyspace_name, table_name, count FROM system_views." + view)) {
      if (keyspace.equals(table.getString(0))) {
        counts.merge(String.valueOf(table.getString(1)), table.getLong(2), Long::sum);
      }
    }
  }

  @Override
  public void close() {
    session.close();
  }
}
