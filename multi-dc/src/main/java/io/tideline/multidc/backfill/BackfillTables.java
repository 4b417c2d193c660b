package io.tideline.multidc.backfill;

import static java.util.Objects.requireNonNullElse;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.DefaultConsistencyLevel;
import com.datastax.oss.driver.api.core.cql.Row;
import com.datastax.oss.driver.api.core.cql.SimpleStatement;
import com.google.protobuf.InvalidProtocolBufferException;
import io.tideline.persistence.AllRows;
import io.tideline.persistence.Schema;
import io.tideline.protocols.Positions;
import io.tideline.protocols.log.v1.AppliedPositions;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;

/** What the cell lacks of others and says again for others, a row for each of them. */
final class BackfillTables {
  private final CqlSession session;
  private final String wanted;
  private final String given;

  BackfillTables(CqlSession session, String keyspace) {
    this.session = session;
    this.wanted = wantedIn(keyspace);
    this.given = givenIn(keyspace);
  }

  private static String wantedIn(String keyspace) {
    return keyspace + ".backfills_wanted";
  }

  private static String givenIn(String keyspace) {
    return keyspace + ".backfills_given";
  }

  static CompletionStage<Void> create(CqlSession session, String keyspace) {
    return Schema.create(
        session,
        wantedIn(keyspace)
            + " (source int PRIMARY KEY, request bigint, reason text, since bigint,"
            + " posts bigint, users bigint, done_at bigint)",
        givenIn(keyspace)
            + " (cell int PRIMARY KEY, request bigint, walk text, after bigint,"
            + " posts bigint, users bigint, end_positions blob)");
  }

  CompletionStage<Backfills.State> state() {
    return wanted().thenCombine(given(), Backfills.State::new);
  }

  CompletionStage<List<Wanted>> wanted() {
    return rows(
        "SELECT source, request, reason, since, posts, users, done_at FROM " + wanted,
        row ->
            new Wanted(
                row.getInt(0),
                row.getLong(1),
                requireNonNullElse(row.getString(2), ""),
                row.getLong(3),
                row.getLong(4),
                row.getLong(5),
                row.getLong(6)));
  }

  /**
   * Asks for something unless something newer is asked for already. Rows are written under
   * conditions only, so that what one node ends is never what another one has just begun.
   */
  CompletionStage<Void> want(Wanted now) {
    return session
        .executeAsync(
            condition(
                "INSERT INTO "
                    + wanted
                    + " (source, request, reason, since, posts, users, done_at)"
                    + " VALUES (?, ?, ?, ?, 0, 0, 0) IF NOT EXISTS",
                now.source(),
                now.request(),
                now.reason(),
                now.sinceMillis()))
        .thenCompose(
            result ->
                result.wasApplied()
                    ? CompletableFuture.completedStage(result)
                    : session.executeAsync(
                        condition(
                            "UPDATE "
                                + wanted
                                + " SET request = ?, reason = ?, since = ?, posts = 0, users = 0,"
                                + " done_at = 0 WHERE source = ? IF request < ?",
                            now.request(),
                            now.reason(),
                            now.sinceMillis(),
                            now.source(),
                            now.request())))
        .thenAccept(written -> {});
  }

  /** How far it has come, unless something newer is asked for by now. */
  CompletionStage<Void> progress(Wanted now) {
    return session
        .executeAsync(
            condition(
                "UPDATE "
                    + wanted
                    + " SET posts = ?, users = ?, done_at = ? WHERE source = ? IF request = ?",
                now.posts(),
                now.users(),
                now.doneAtMillis(),
                now.source(),
                now.request()))
        .thenAccept(written -> {});
  }

  private static SimpleStatement condition(String cql, Object... values) {
    return SimpleStatement.newInstance(cql, values)
        .setConsistencyLevel(DefaultConsistencyLevel.LOCAL_QUORUM)
        .setSerialConsistencyLevel(DefaultConsistencyLevel.LOCAL_SERIAL);
  }

  private CompletionStage<List<Given>> given() {
    return rows(
        "SELECT cell, request, walk, after, posts, users, end_positions FROM " + given,
        row ->
            new Given(
                row.getInt(0),
                row.getLong(1),
                Given.Walk.valueOf(row.getString(2)),
                row.getLong(3),
                row.getLong(4),
                row.getLong(5),
                positions(row.getByteBuffer(6))));
  }

  CompletionStage<Void> give(Given now) {
    AppliedPositions end =
        AppliedPositions.newBuilder().addAllPositions(now.end().toProto()).build();
    return write(
        "INSERT INTO "
            + given
            + " (cell, request, walk, after, posts, users, end_positions)"
            + " VALUES (?, ?, ?, ?, ?, ?, ?)",
        now.cell(),
        now.request(),
        now.walk().name(),
        now.after(),
        now.posts(),
        now.users(),
        ByteBuffer.wrap(end.toByteArray()));
  }

  private static Positions positions(ByteBuffer bytes) {
    try {
      return Positions.fromProto(AppliedPositions.parseFrom(bytes).getPositionsList());
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException("positions of a back-fill cannot be read", e);
    }
  }

  private CompletionStage<Void> write(String cql, Object... values) {
    return session.executeAsync(quorum(cql, values)).thenAccept(written -> {});
  }

  private <T> CompletionStage<List<T>> rows(String cql, Function<Row, T> read) {
    return session.executeAsync(quorum(cql)).thenCompose(page -> AllRows.of(page, read));
  }

  private static SimpleStatement quorum(String cql, Object... values) {
    return SimpleStatement.newInstance(cql, values)
        .setConsistencyLevel(DefaultConsistencyLevel.LOCAL_QUORUM)
        .setIdempotent(true);
  }
}
