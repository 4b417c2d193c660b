package io.tideline.persistence.user;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.DefaultConsistencyLevel;
import com.datastax.oss.driver.api.core.cql.PreparedStatement;
import com.datastax.oss.driver.api.core.cql.Row;
import com.datastax.oss.driver.api.core.cql.SimpleStatement;
import io.tideline.persistence.AllRows;
import io.tideline.persistence.user.UserEvent.Erased;
import io.tideline.persistence.user.UserEvent.IntentAccepted;
import io.tideline.persistence.user.UserEvent.IntentApplied;
import io.tideline.persistence.user.UserEvent.RemainsDeleted;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.IntentLine;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.function.Predicate;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.persistence.cassandra.query.javadsl.CassandraReadJournal;
import org.apache.pekko.persistence.query.EventEnvelope;
import org.apache.pekko.persistence.query.PersistenceQuery;
import org.apache.pekko.stream.javadsl.Sink;
import org.jspecify.annotations.Nullable;

/** All users of the cell and what each has decided, read from the journal; wakes nobody. */
public final class UserStates {
  private static final String PREFIX = UserEntity.TYPE_KEY.name() + "|";

  private final ActorSystem<?> system;
  private final CqlSession session;
  private final CassandraReadJournal journal;
  private final PreparedStatement readPage;
  private final int cell;
  private final Predicate<UserId> erased;

  /**
   * Some of all users.
   *
   * @param last where the next ones begin; {@code null} when there are none
   */
  public record Page(List<UserId> users, @Nullable Long last) {}

  /** Prepares its statement, so the tables must be there. */
  public UserStates(
      ActorSystem<?> system,
      CqlSession session,
      String keyspace,
      int cell,
      Predicate<UserId> erased) {
    this.system = system;
    this.session = session;
    this.cell = cell;
    this.erased = erased;
    journal =
        PersistenceQuery.get(system)
            .getReadJournalFor(CassandraReadJournal.class, CassandraReadJournal.Identifier());
    readPage =
        session.prepare(
            SimpleStatement.newInstance(
                    "SELECT DISTINCT persistence_id, partition_nr,"
                        + " token(persistence_id, partition_nr) FROM "
                        + keyspace
                        + ".messages WHERE token(persistence_id, partition_nr) > ? LIMIT ?")
                .setConsistencyLevel(DefaultConsistencyLevel.LOCAL_QUORUM)
                .setIdempotent(true));
  }

  /**
   * All users, some at a time and in an order of the journal's own.
   *
   * @param after what the page before said; {@link Long#MIN_VALUE} = from the beginning
   */
  public CompletionStage<Page> page(long after, int limit) {
    return session
        .executeAsync(readPage.bind(after, limit))
        .thenCompose(page -> AllRows.of(page, row -> row))
        .thenApply(
            rows ->
                new Page(
                    rows.stream().filter(UserStates::begins).map(UserStates::user).toList(),
                    rows.isEmpty() ? null : rows.get(rows.size() - 1).getLong(2)));
  }

  /** A long journal has several partitions. */
  private static boolean begins(Row row) {
    String id = row.getString(0);
    return id != null && id.startsWith(PREFIX) && row.getLong(1) == 0;
  }

  private static UserId user(Row row) {
    return new UserId(String.valueOf(row.getString(0)).substring(PREFIX.length()));
  }

  private static boolean decides(UserEvent event) {
    return event instanceof IntentAccepted
        || event instanceof IntentApplied
        || event instanceof Erased
        || event instanceof RemainsDeleted;
  }

  /**
   * What a user has decided by some event, and before it: of events that have one number the newest
   * counts, as recovery has it.
   */
  private record Folded(User before, long number, User user) {
    static final Folded NOTHING = new Folded(User.EMPTY, 0, User.EMPTY);

    Folded and(EventEnvelope next) {
      User then = next.sequenceNr() == number ? before : user;
      UserEvent event = (UserEvent) next.event();
      return new Folded(then, next.sequenceNr(), decides(event) ? then.after(event) : then);
    }
  }

  /** What the user has decided so far, as lines that change nothing where they are known. */
  public CompletionStage<List<IntentLine>> lines(UserId user) {
    return journal
        .currentEventsByPersistenceId(UserEntity.persistenceId(user).id(), 0, Long.MAX_VALUE)
        .runWith(Sink.fold(Folded.NOTHING, Folded::and), system)
        .thenApply(folded -> StateLines.of(user, folded.user(), cell, erased));
  }
}
