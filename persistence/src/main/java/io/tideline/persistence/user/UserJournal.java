package io.tideline.persistence.user;

import com.datastax.oss.driver.api.core.cql.PreparedStatement;
import com.datastax.oss.driver.api.core.cql.Row;
import com.datastax.oss.driver.api.core.cql.SimpleStatement;
import com.typesafe.config.Config;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.function.Function;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.persistence.AtomicWrite;
import org.apache.pekko.persistence.PersistentRepr;
import org.apache.pekko.persistence.cassandra.journal.CassandraJournal;
import org.apache.pekko.persistence.cassandra.query.javadsl.CassandraReadJournal;
import org.apache.pekko.persistence.query.PersistenceQuery;
import org.apache.pekko.persistence.typed.PersistenceId;
import org.apache.pekko.stream.connectors.cassandra.javadsl.CassandraSession;
import org.apache.pekko.stream.connectors.cassandra.javadsl.CassandraSessionRegistry;
import scala.Function1;
import scala.collection.immutable.Seq;
import scala.concurrent.Future;
import scala.jdk.javaapi.FutureConverters;
import scala.runtime.BoxedUnit;
import scala.util.Try;

/**
 * The plugin's journal, which finds the number of a user's last event with one query where the
 * plugin makes four: how far events were deleted, and the last one of this partition and of the
 * next two. None of that can change the answer while a partition has an event and is far from full.
 */
public final class UserJournal extends CassandraJournal {
  private final CassandraSession session;
  private final String readProfile;
  private final long partitionSize;
  private final String selectLast;
  private final String selectDeletedTo;

  private final ConcurrentMap<String, CompletionStage<PreparedStatement>> prepared =
      new ConcurrentHashMap<>();

  /** By user, the number that two last events have: one of a writer that stood still too long. */
  private final ConcurrentMap<String, Long> doubled = new ConcurrentHashMap<>();

  /** By user, the write that is under way. */
  private final ConcurrentMap<String, CompletionStage<?>> writing = new ConcurrentHashMap<>();

  /**
   * Called by Pekko Persistence.
   *
   * @param config the plugin's journal's
   * @param path where that stands, two names below all settings of the plugin
   */
  public UserJournal(Config config, String path) {
    super(config, path);
    String plugin = path.substring(0, path.lastIndexOf('.'));
    var system = context().system();
    session = CassandraSessionRegistry.get(system).sessionFor(plugin);
    readProfile = system.settings().config().getString(plugin + ".read-profile");
    partitionSize = config.getLong("target-partition-size");
    String keyspace = config.getString("keyspace");
    selectLast =
        "SELECT sequence_nr FROM %s.%s WHERE persistence_id = ? AND partition_nr = ? ORDER BY sequence_nr DESC LIMIT 2"
            .formatted(keyspace, config.getString("table"));
    selectDeletedTo =
        "SELECT deleted_to FROM %s.%s WHERE persistence_id = ?"
            .formatted(keyspace, config.getString("metadata-table"));
  }

  @Override
  public Future<Seq<Try<BoxedUnit>>> asyncWriteMessages(Seq<AtomicWrite> events) {
    String id = events.head().persistenceId();
    Future<Seq<Try<BoxedUnit>>> written = super.asyncWriteMessages(events);
    CompletionStage<?> end = FutureConverters.asJava(written).exceptionally(failure -> null);
    writing.put(id, end);
    end.thenRun(() -> writing.remove(id, end));
    return written;
  }

  @Override
  public Future<Object> asyncReadHighestSequenceNr(String id, long from) {
    CompletionStage<?> before = writing.getOrDefault(id, CompletableFuture.completedStage(null));
    long partition = partitionOf(from);
    return FutureConverters.asScala(
        before
            .thenCompose(done -> last(id, partition))
            .thenCompose(
                last ->
                    last.isPresent() && isFarFromFull(last.get())
                        ? CompletableFuture.completedStage(last.get())
                        : search(id, from, last))
            .thenApply(Function.identity()));
  }

  /**
   * @param last the last event of the partition of {@code from}
   */
  private CompletionStage<Long> search(String id, long from, Optional<Long> last) {
    return select(selectDeletedTo, id)
        .thenCompose(
            rows -> {
              long deleted = rows.isEmpty() ? 0 : rows.get(0).getLong("deleted_to");
              long known = Math.max(from, deleted);
              long partition = partitionOf(known);
              return partition == partitionOf(from)
                  ? searchAfter(id, partition, known, false, last)
                  : search(id, partition, known, false);
            });
  }

  /** Events that are written together are in one partition, and may leave another one empty. */
  private CompletionStage<Long> search(String id, long partition, long known, boolean afterEmpty) {
    return last(id, partition)
        .thenCompose(last -> searchAfter(id, partition, known, afterEmpty, last));
  }

  private CompletionStage<Long> searchAfter(
      String id, long partition, long known, boolean afterEmpty, Optional<Long> last) {
    return last.isEmpty() && afterEmpty
        ? CompletableFuture.completedStage(known)
        : search(id, partition + 1, Math.max(known, last.orElse(known)), last.isEmpty());
  }

  private CompletionStage<Optional<Long>> last(String id, long partition) {
    return select(selectLast, id, partition)
        .thenApply(
            rows -> {
              if (rows.isEmpty()) return Optional.empty();
              long last = rows.get(0).getLong("sequence_nr");
              if (rows.size() > 1 && rows.get(1).getLong("sequence_nr") == last) {
                doubled.put(id, last);
              }
              return Optional.of(last);
            });
  }

  /**
   * The plugin stops at the first event that has the last number. Where there is another one, both
   * are read, and the filter behind this drops that of the older writer.
   */
  @Override
  public Future<BoxedUnit> asyncReplayMessages(
      String id, long from, long to, long max, Function1<PersistentRepr, BoxedUnit> replay) {
    Long last = doubled.remove(id);
    long end = last != null && last == to ? to + 1 : to;
    return super.asyncReplayMessages(id, from, end, max, replay);
  }

  /**
   * Some events of a user, both numbers inclusive; of those that have one number the newest, as
   * recovery has it.
   */
  static <E> CompletionStage<List<E>> events(
      ActorSystem<?> system, PersistenceId user, long from, long to, Function<Object, E> read) {
    return PersistenceQuery.get(system)
        .getReadJournalFor(CassandraReadJournal.class, CassandraReadJournal.Identifier())
        // It would stop at the first one that has the last number.
        .currentEventsByPersistenceId(user.id(), from, to + 1)
        .filter(envelope -> envelope.sequenceNr() <= to)
        .runFold(
            new TreeMap<Long, E>(),
            (events, envelope) -> {
              events.put(envelope.sequenceNr(), read.apply(envelope.event()));
              return events;
            },
            system)
        .thenApply(events -> List.copyOf(events.values()));
  }

  /**
   * Deletes the rows of all events up to this number; fails when Cassandra does. The plugin takes
   * what it once meant to delete for deleted, and does not try again.
   */
  public static CompletionStage<?> deleteRows(ActorSystem<?> system, PersistenceId user, long to) {
    String plugin = "pekko.persistence.cassandra";
    Config config = system.settings().config().getConfig(plugin);
    Config journal = config.getConfig("journal");
    String delete =
        "DELETE FROM %s.%s WHERE persistence_id = ? AND partition_nr = ? AND sequence_nr <= ?"
            .formatted(journal.getString("keyspace"), journal.getString("table"));
    CassandraSession session = CassandraSessionRegistry.get(system).sessionFor(plugin);
    CompletionStage<?> done = CompletableFuture.completedStage(null);
    long last = (to - 1) / journal.getLong("target-partition-size");
    for (long partition = 0; partition <= last; partition++) {
      SimpleStatement each = SimpleStatement.newInstance(delete, user.id(), partition, to);
      done =
          done.thenCompose(
              before ->
                  session.executeWrite(
                      each.setExecutionProfileName(config.getString("write-profile"))));
    }
    return done;
  }

  private CompletionStage<List<Row>> select(String query, Object... values) {
    CompletionStage<PreparedStatement> statement =
        prepared.computeIfAbsent(query, session::prepare);
    return statement
        .whenComplete(
            (ready, failure) -> {
              if (failure != null) prepared.remove(query, statement);
            })
        .thenApply(ready -> ready.bind(values).setExecutionProfileName(readProfile))
        .thenCompose(session::selectAll);
  }

  private long partitionOf(long number) {
    return (number - 1) / partitionSize;
  }

  private boolean isFarFromFull(long last) {
    return (last - 1) % partitionSize < partitionSize - partitionSize / 10;
  }
}
