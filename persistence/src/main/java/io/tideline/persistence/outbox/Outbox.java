package io.tideline.persistence.outbox;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.DefaultConsistencyLevel;
import com.datastax.oss.driver.api.core.cql.AsyncResultSet;
import com.datastax.oss.driver.api.core.cql.PreparedStatement;
import com.datastax.oss.driver.api.core.cql.Row;
import com.datastax.oss.driver.api.core.cql.SimpleStatement;
import io.tideline.persistence.Schema;
import io.tideline.persistence.Writes;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.UserId;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionStage;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Users who may have persisted something that the log has not acknowledged, in 16 buckets, by the
 * minute (the slot) in which they were marked.
 */
public final class Outbox {
  /** For ever: a user's bucket is where their row is found again. */
  public static final int BUCKETS = 16;

  private static final String AT = " USING TIMESTAMP ?";
  private static final List<Integer> ALL_BUCKETS = IntStream.range(0, BUCKETS).boxed().toList();

  /** Nothing waits for a row to go. */
  private static final Duration CLEAR_LINGER = Duration.ofMillis(200);

  /** A row that appears later may lie in a slot that nobody reads any more. */
  private static final Duration MARK_TIMEOUT = Duration.ofMinutes(1);

  /** Since when, in hybrid time, something of a user has been outstanding. */
  record Outstanding(UserId user, long at) {
    Instant since() {
      return Instant.ofEpochMilli(HybridClock.millisOf(at));
    }

    long slot() {
      return slotOf(at);
    }
  }

  /**
   * Some rows of a few slots.
   *
   * @param next where the rest of them begins; {@code null} behind the last
   */
  record Page(List<Outstanding> rows, @Nullable ByteBuffer next) {}

  private final CqlSession session;
  private final Writes marks;
  private final Writes clears;
  private final InstantSource clock;
  private final PreparedStatement mark;
  private final PreparedStatement clear;
  private final PreparedStatement read;
  private final PreparedStatement saveSwept;
  private final PreparedStatement readSwept;

  /** Prepares its statements, so the tables must be there. */
  public Outbox(CqlSession session, String keyspace) {
    this(session, keyspace, InstantSource.system());
  }

  Outbox(CqlSession session, String keyspace, InstantSource clock) {
    this.session = session;
    this.marks = new Writes(session);
    this.clears = new Writes(session, CLEAR_LINGER);
    this.clock = clock;
    String rows = keyspace + ".outbox";
    String swept = keyspace + ".outbox_swept";
    mark = prepare("INSERT INTO " + rows + " (bucket, slot, user, at) VALUES (?, ?, ?, ?)" + AT);
    clear = prepare("DELETE FROM " + rows + AT + " WHERE bucket = ? AND slot = ? AND user = ?");
    read = prepare("SELECT user, at FROM " + rows + " WHERE bucket = ? AND slot IN ?");
    saveSwept = prepare("INSERT INTO " + swept + " (bucket, slot) VALUES (?, ?)");
    readSwept = prepare("SELECT bucket, slot FROM " + swept + " WHERE bucket IN ?");
  }

  /** Creates the tables where they are missing; the keyspace must be there. */
  public static CompletionStage<Void> createSchema(CqlSession session, String keyspace) {
    // Rows live for about a second, so nearly all of the table is tombstones. Sweeps read only the
    // slots of the last minutes; what lies behind them goes after ten minutes instead of ten days,
    // and small files are rewritten as soon as that drops some. A replica that was away for longer
    // may bring a cleared row back. That does no harm: in a slot that is still read, it wakes a
    // user who has nothing to announce, and is cleared again; in any other nobody sees it.
    return Schema.create(
        session,
        keyspace
            + ".outbox (bucket int, slot bigint, user text, at bigint,"
            + " PRIMARY KEY ((bucket, slot), user)) WITH gc_grace_seconds = 600"
            + " AND compaction = {'class': 'LeveledCompactionStrategy',"
            + " 'sstable_size_in_mb': 16, 'tombstone_compaction_interval': 600,"
            + " 'unchecked_tombstone_compaction': true}",
        keyspace + ".outbox_swept (bucket int PRIMARY KEY, slot bigint)");
  }

  /**
   * Remembers that the user may have something to announce. Fails when that took a minute: then the
   * row may have come too late to be seen.
   *
   * @param at hybrid time of now, which orders this against every other mark and clear of the user
   */
  public CompletionStage<Void> mark(UserId user, long at) {
    return marks
        .write(List.of(List.of(mark.bind(bucketOf(user), slotOf(at), user.value(), at, at))))
        .thenAccept(
            written -> {
              Duration taken =
                  Duration.ofMillis(clock.instant().toEpochMilli() - HybridClock.millisOf(at));
              if (taken.compareTo(MARK_TIMEOUT) > 0) {
                throw new IllegalStateException(
                    "marking " + user + " took " + taken + ", more than " + MARK_TIMEOUT);
              }
            });
  }

  /**
   * Forgets the mark of that time, and earlier ones of the same minute: everything is announced.
   */
  public CompletionStage<Void> clear(UserId user, long at) {
    return clears.write(List.of(List.of(clear.bind(at, bucketOf(user), slotOf(at), user.value()))));
  }

  /**
   * Users who were marked in these slots of the bucket.
   *
   * @param from where an earlier page of the same slots ended; {@code null} for the first
   */
  CompletionStage<Page> read(int bucket, List<Long> slots, @Nullable ByteBuffer from, int size) {
    return session
        .executeAsync(read.bind(bucket, slots).setPageSize(size).setPagingState(from))
        .thenApply(Outbox::page);
  }

  private static Page page(AsyncResultSet result) {
    List<Outstanding> rows = new ArrayList<>();
    for (Row row : result.currentPage()) {
      rows.add(new Outstanding(new UserId(row.getString(0)), row.getLong(1)));
    }
    return new Page(rows, result.getExecutionInfo().getPagingState());
  }

  /** By bucket the slot below which there are no rows and will be none, as far as it was saved. */
  CompletionStage<Map<Integer, Long>> swept() {
    return session
        .executeAsync(readSwept.bind(ALL_BUCKETS))
        .thenApply(
            rows -> {
              Map<Integer, Long> swept = new HashMap<>();
              rows.currentPage().forEach(row -> swept.put(row.getInt(0), row.getLong(1)));
              return swept;
            });
  }

  CompletionStage<Void> saveSwept(int bucket, long slot) {
    return session.executeAsync(saveSwept.bind(bucket, slot)).thenAccept(written -> {});
  }

  static int bucketOf(UserId user) {
    return Math.floorMod(user.value().hashCode(), BUCKETS);
  }

  static long slotOf(long at) {
    return slotOf(Instant.ofEpochMilli(HybridClock.millisOf(at)));
  }

  static long slotOf(Instant time) {
    return Math.floorDiv(time.getEpochSecond(), 60L);
  }

  private PreparedStatement prepare(String cql) {
    return session.prepare(
        SimpleStatement.newInstance(cql)
            .setConsistencyLevel(DefaultConsistencyLevel.LOCAL_QUORUM)
            .setIdempotent(true));
  }
}
