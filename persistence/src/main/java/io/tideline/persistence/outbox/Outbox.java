package io.tideline.persistence.outbox;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.DefaultConsistencyLevel;
import com.datastax.oss.driver.api.core.cql.AsyncResultSet;
import com.datastax.oss.driver.api.core.cql.PreparedStatement;
import com.datastax.oss.driver.api.core.cql.Row;
import com.datastax.oss.driver.api.core.cql.SimpleStatement;
import io.tideline.protocols.UserId;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** Users who may have persisted something that the log has not acknowledged, in 16 buckets. */
public final class Outbox {
  /** For ever: a user's bucket is where their row is found again. */
  public static final int BUCKETS = 16;

  private static final int PAGE_SIZE = 500;

  /** Changing tables takes seconds where reading them takes milliseconds. */
  private static final Duration SCHEMA_TIMEOUT = Duration.ofMinutes(1);

  /** Since when something of a user has been outstanding. */
  record Outstanding(UserId user, Instant since) {}

  private final CqlSession session;
  private final InstantSource clock;
  private final PreparedStatement mark;
  private final PreparedStatement clear;
  private final PreparedStatement read;
  private final PreparedStatement one;

  /** Prepares its statements, so the table must be there. */
  public Outbox(CqlSession session, String keyspace) {
    this(session, keyspace, InstantSource.system());
  }

  Outbox(CqlSession session, String keyspace, InstantSource clock) {
    this.session = session;
    this.clock = clock;
    String table = keyspace + ".outbox";
    mark =
        prepare(
            "INSERT INTO "
                + table
                + " (bucket, user, marked_at) VALUES (?, ?, ?) USING TIMESTAMP ?");
    clear = prepare("DELETE FROM " + table + " USING TIMESTAMP ? WHERE bucket = ? AND user = ?");
    read = prepare("SELECT user, marked_at FROM " + table + " WHERE bucket = ? AND user > ?");
    one = prepare("SELECT user FROM " + table + " WHERE bucket = ? AND user = ?");
  }

  /** Creates the table where it is missing; the keyspace must be there. */
  public static CompletionStage<Void> createSchema(CqlSession session, String keyspace) {
    // Rows live for milliseconds, so nearly all of the table is tombstones: they go after ten
    // minutes instead of ten days, and small files are rewritten as soon as that drops some. A
    // replica that was away for longer may bring a cleared row back: the sweeper then wakes a user
    // who has nothing to announce, and the row is cleared again.
    return session
        .executeAsync(
            SimpleStatement.newInstance(
                    "CREATE TABLE IF NOT EXISTS "
                        + keyspace
                        + ".outbox (bucket int, user text, marked_at timestamp,"
                        + " PRIMARY KEY ((bucket), user)) WITH gc_grace_seconds = 600"
                        + " AND compaction = {'class': 'LeveledCompactionStrategy',"
                        + " 'sstable_size_in_mb': 16, 'tombstone_compaction_interval': 600,"
                        + " 'unchecked_tombstone_compaction': true}")
                .setTimeout(SCHEMA_TIMEOUT))
        .thenAccept(created -> {});
  }

  /**
   * Remembers that the user may have something to announce.
   *
   * @param at hybrid time, which orders this against every other mark and clear of the user
   */
  public CompletionStage<Void> mark(UserId user, long at) {
    return session
        .executeAsync(mark.bind(bucketOf(user), user.value(), clock.instant(), at))
        .thenAccept(written -> {});
  }

  /** Forgets the user as marked at that time or before: everything is announced. */
  public CompletionStage<Void> clear(UserId user, long at) {
    return session
        .executeAsync(clear.bind(at, bucketOf(user), user.value()))
        .thenAccept(written -> {});
  }

  /** Whether the user is marked. */
  public CompletionStage<Boolean> contains(UserId user) {
    return session
        .executeAsync(one.bind(bucketOf(user), user.value()))
        .thenApply(rows -> rows.one() != null);
  }

  /** Users of a bucket who were marked at least this long ago, at most {@code limit} of them. */
  public CompletionStage<List<UserId>> olderThan(Duration age, int bucket, int limit) {
    return olderThan(age, bucket, "", limit)
        .thenApply(rows -> rows.stream().map(Outstanding::user).toList());
  }

  /** The same, of the users who sort behind the given name. */
  CompletionStage<List<Outstanding>> olderThan(Duration age, int bucket, String after, int limit) {
    Instant latest = clock.instant().minus(age);
    return session
        .executeAsync(read.bind(bucket, after).setPageSize(PAGE_SIZE))
        .thenCompose(page -> collect(page, latest, limit, new ArrayList<>()));
  }

  private static CompletionStage<List<Outstanding>> collect(
      AsyncResultSet page, Instant latest, int limit, List<Outstanding> found) {
    for (Row row : page.currentPage()) {
      Instant since = row.getInstant(1);
      if (!since.isAfter(latest) && found.size() < limit) {
        found.add(new Outstanding(new UserId(row.getString(0)), since));
      }
    }
    return page.hasMorePages() && found.size() < limit
        ? page.fetchNextPage().thenCompose(next -> collect(next, latest, limit, found))
        : CompletableFuture.completedStage(found);
  }

  static int bucketOf(UserId user) {
    return Math.floorMod(user.value().hashCode(), BUCKETS);
  }

  private PreparedStatement prepare(String cql) {
    return session.prepare(
        SimpleStatement.newInstance(cql)
            .setConsistencyLevel(DefaultConsistencyLevel.LOCAL_QUORUM)
            .setIdempotent(true));
  }
}
