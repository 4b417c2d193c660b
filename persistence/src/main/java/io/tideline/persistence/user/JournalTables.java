package io.tideline.persistence.user;

import com.datastax.oss.driver.api.core.CqlSession;
import io.tideline.persistence.Schema;
import java.util.List;
import java.util.concurrent.CompletionStage;

/**
 * The tables of the journal and the snapshots, as the Cassandra plugin wants them.
 *
 * <p>Made here and not by the plugin, which makes them when the first user wakes up, while others
 * already ask.
 */
public final class JournalTables {
  private static final List<String> TABLES =
      List.of(
          "messages (persistence_id text, partition_nr bigint, sequence_nr bigint,"
              + " timestamp timeuuid, timebucket text, writer_uuid text, ser_id int,"
              + " ser_manifest text, event_manifest text, event blob, meta_ser_id int,"
              + " meta_ser_manifest text, meta blob, tags set<text>,"
              + " PRIMARY KEY ((persistence_id, partition_nr), sequence_nr, timestamp))",
          "metadata (persistence_id text PRIMARY KEY, deleted_to bigint,"
              + " properties map<text, text>)",
          "snapshots (persistence_id text, sequence_nr bigint, timestamp bigint, ser_id int,"
              + " ser_manifest text, snapshot_data blob, snapshot blob, meta_ser_id int,"
              + " meta_ser_manifest text, meta blob, PRIMARY KEY (persistence_id, sequence_nr))"
              + " WITH CLUSTERING ORDER BY (sequence_nr DESC)");

  private JournalTables() {}

  /** Creates what is missing; the keyspace must be there. */
  public static CompletionStage<Void> create(CqlSession session, String keyspace) {
    return Schema.create(
        session, TABLES.stream().map(table -> keyspace + "." + table).toArray(String[]::new));
  }
}
