package io.tideline.persistence.posts;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.DefaultConsistencyLevel;
import com.datastax.oss.driver.api.core.cql.AsyncResultSet;
import com.datastax.oss.driver.api.core.cql.BatchStatement;
import com.datastax.oss.driver.api.core.cql.BatchType;
import com.datastax.oss.driver.api.core.cql.BoundStatement;
import com.datastax.oss.driver.api.core.cql.PreparedStatement;
import com.datastax.oss.driver.api.core.cql.Row;
import com.datastax.oss.driver.api.core.cql.SimpleStatement;
import com.datastax.oss.driver.api.core.cql.Statement;
import com.github.benmanes.caffeine.cache.Interner;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.tideline.persistence.timeline.Facts;
import io.tideline.persistence.timeline.Newest;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.persistence.timeline.Sources;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.PostFacts;
import io.tideline.protocols.log.v1.PostLine;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Every post of the cell in Cassandra, by id and by author; see the package for how rows merge. */
public final class PostStore {
  private static final int READS_IN_FLIGHT = 32;

  /** Changing tables takes seconds where reading them takes milliseconds. */
  private static final Duration SCHEMA_TIMEOUT = Duration.ofMinutes(1);

  /** Above every version until about the year 4200, so what is written with it stays. */
  private static final long FOR_EVER = 1L << 62;

  private static final String REF_COLUMNS = "id, version, flags, arrival, deleted_at, facts";

  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0).asReadOnlyBuffer();

  private final CqlSession session;
  private final PreparedStatement writePost;
  private final PreparedStatement deletePost;
  private final PreparedStatement erasePost;
  private final PreparedStatement writeRef;
  private final PreparedStatement deleteRef;
  private final PreparedStatement eraseRef;
  private final PreparedStatement arrive;
  private final PreparedStatement writeTag;
  private final PreparedStatement readPost;
  private final PreparedStatement readRef;
  private final PreparedStatement readRefs;
  private final PreparedStatement readTag;
  private final Interner<UserId> authors = Interner.newWeakInterner();
  private final Interner<LogPartition> partitions = Interner.newWeakInterner();

  /** Prepares its statements, so the tables must be there. */
  public PostStore(CqlSession session, String keyspace) {
    this.session = session;
    String posts = keyspace + ".posts";
    String byAuthor = keyspace + ".posts_by_author";
    String byTag = keyspace + ".posts_by_tag";
    writePost =
        prepare(
            "INSERT INTO "
                + posts
                + " (id, author, version, line) VALUES (?, ?, ?, ?)"
                + " USING TIMESTAMP ?");
    deletePost =
        prepare(
            "INSERT INTO "
                + posts
                + " (id, author, deleted_at) VALUES (?, ?, ?)"
                + " USING TIMESTAMP ?");
    erasePost = prepare("UPDATE " + posts + " USING TIMESTAMP ? SET line = ? WHERE id = ?");
    writeRef =
        prepare(
            "INSERT INTO "
                + byAuthor
                + " (author, id, version, flags, facts)"
                + " VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?");
    deleteRef =
        prepare(
            "INSERT INTO "
                + byAuthor
                + " (author, id, deleted_at) VALUES (?, ?, ?)"
                + " USING TIMESTAMP ?");
    eraseRef =
        prepare(
            "UPDATE " + byAuthor + " USING TIMESTAMP ? SET facts = ? WHERE author = ? AND id = ?");
    arrive =
        prepare(
            "UPDATE "
                + byAuthor
                + " USING TIMESTAMP ? SET arrival = ?"
                + " WHERE author = ? AND id = ?");
    writeTag =
        prepare("INSERT INTO " + byTag + " (tag, id, author) VALUES (?, ?, ?) USING TIMESTAMP ?");
    readPost = prepare("SELECT author, version, line, deleted_at FROM " + posts + " WHERE id = ?");
    String selectRefs = "SELECT " + REF_COLUMNS + " FROM " + byAuthor + " WHERE author = ?";
    readRef = prepare(selectRefs + " AND id = ?");
    readRefs = prepare(selectRefs + " AND id < ? AND id > ? LIMIT ?");
    readTag =
        prepare("SELECT id, author FROM " + byTag + " WHERE tag = ? AND id < ? AND id > ? LIMIT ?");
  }

  /**
   * Creates the keyspace and the tables where they are missing.
   *
   * @param replication as CQL has it, for example {@code {'class': 'NetworkTopologyStrategy',
   *     'eu-1': 3}}
   */
  public static CompletionStage<Void> createSchema(
      CqlSession session, String keyspace, String replication) {
    return inTurn(
        session,
        List.of(
            "CREATE KEYSPACE IF NOT EXISTS " + keyspace + " WITH replication = " + replication,
            "CREATE TABLE IF NOT EXISTS "
                + keyspace
                + ".posts ("
                + "id blob PRIMARY KEY, author text, version bigint, line blob, deleted_at bigint)",
            // Levels keep an author's rows, written over years, within a few files.
            "CREATE TABLE IF NOT EXISTS "
                + keyspace
                + ".posts_by_author ("
                + "author text, id blob, version bigint, flags int, facts blob,"
                + " arrival tuple<int, int, int, bigint>, deleted_at bigint,"
                + " PRIMARY KEY ((author), id)) WITH CLUSTERING ORDER BY (id DESC)"
                + " AND compaction = {'class': 'LeveledCompactionStrategy'}",
            // Says where to look: whether the post still has the tag, and still is, the others say.
            "CREATE TABLE IF NOT EXISTS "
                + keyspace
                + ".posts_by_tag ("
                + "tag text, id blob, author text,"
                + " PRIMARY KEY ((tag), id)) WITH CLUSTERING ORDER BY (id DESC)"));
  }

  private static CompletionStage<Void> inTurn(CqlSession session, List<String> statements) {
    CompletionStage<Void> done = CompletableFuture.completedStage(null);
    for (String statement : statements) {
      SimpleStatement change = SimpleStatement.newInstance(statement).setTimeout(SCHEMA_TIMEOUT);
      done = done.thenCompose(previous -> session.executeAsync(change)).thenAccept(result -> {});
    }
    return done;
  }

  /**
   * Applies a line; again, late, or out of order makes no difference.
   *
   * <p>Fails with {@link IllegalArgumentException} when no retry can help: the line is malformed.
   */
  public CompletionStage<Void> write(PostLine line, LogPartition partition, long offset) {
    try {
      checkVersion(line.getVersion());
      PostId id = PostId.fromBytes(line.getPostId());
      String author = new UserId(line.getAuthorId()).value();
      return switch (line.getKind()) {
        case POST_LINE_KIND_PUBLISHED, POST_LINE_KIND_EDITED ->
            writeLive(line, id, author, partition, offset);
        case POST_LINE_KIND_DELETED -> writeDeleted(line, id, author, partition, offset);
        default ->
            throw new IllegalArgumentException(
                "a line is published, edited or deleted, but this is " + line.getKindValue());
      };
    } catch (IllegalArgumentException malformed) {
      return CompletableFuture.failedStage(malformed);
    }
  }

  private static void checkVersion(long version) {
    if (version <= 0 || version >= FOR_EVER) {
      throw new IllegalArgumentException(
          "a version is positive and below " + FOR_EVER + ", but this is " + version);
    }
  }

  private CompletionStage<Void> writeLive(
      PostLine line, PostId id, String author, LogPartition partition, long offset) {
    List<String> tags = Facts.of(line.getFacts()).tags();
    long version = line.getVersion();
    ByteBuffer key = bytes(id);
    List<CompletionStage<?>> writes = new ArrayList<>();
    writes.add(execute(writePost.bind(key, author, version, buffer(line.toByteString()), version)));
    ByteBuffer facts = buffer(line.getFacts().toByteString());
    writes.add(
        execute(
            together(
                writeRef.bind(author, key, version, PostRef.flagsOf(line), facts, version),
                arrival(line, id, author, partition, offset))));
    for (String tag : tags) {
      if (!tag.isEmpty()) {
        writes.add(execute(writeTag.bind(tag, key, author, version)));
      }
    }
    return all(writes);
  }

  private CompletionStage<Void> writeDeleted(
      PostLine line, PostId id, String author, LogPartition partition, long offset) {
    long version = line.getVersion();
    ByteBuffer key = bytes(id);
    return all(
        List.of(
            execute(
                together(
                    deletePost.bind(key, author, version, version),
                    erasePost.bind(FOR_EVER, NOTHING, key))),
            execute(
                together(
                    deleteRef.bind(author, key, version, version),
                    eraseRef.bind(FOR_EVER, NOTHING, author, key),
                    arrival(line, id, author, partition, offset)))));
  }

  private BoundStatement arrival(
      PostLine line, PostId id, String author, LogPartition partition, long offset) {
    return arrive
        .boundStatementBuilder()
        .setLong(0, Arrival.timestamp(id, line.getKind(), partition, offset))
        .setBytesUnsafe(1, Arrival.encode(partition, offset))
        .setString(2, author)
        .setByteBuffer(3, bytes(id))
        .build();
  }

  /** What the store knows of a post; empty when it has never heard of it. */
  public CompletionStage<Optional<StoredPost>> find(PostId id) {
    return execute(readPost.bind(bytes(id)))
        .thenApply(result -> Optional.ofNullable(result.one()).map(row -> storedPost(id, row)));
  }

  /** {@link #find} for many; posts that the store has never heard of are absent. */
  public CompletionStage<Map<PostId, StoredPost>> findAll(Collection<PostId> ids) {
    Map<PostId, StoredPost> found = new ConcurrentHashMap<>();
    return new InFlight<PostId>(
            READS_IN_FLIGHT,
            id -> find(id).thenAccept(post -> post.ifPresent(known -> found.put(id, known))))
        .start(new HashSet<>(ids))
        .thenApply(done -> found);
  }

  /** An author's newest posts older than the given one, newest first, deleted ones among them. */
  public CompletionStage<List<PostRef>> newestOf(UserId author, PostId olderThan, int limit) {
    return newestOf(author, olderThan, PostId.MIN, limit);
  }

  /** The newest {@code limit} refs between two ids, neither of them included. */
  CompletionStage<List<PostRef>> newestOf(
      UserId author, PostId olderThan, PostId newerThan, int limit) {
    UserId shared = authors.intern(author);
    return execute(readRefs.bind(author.value(), bytes(olderThan), bytes(newerThan), limit))
        .thenCompose(page -> collect(page, row -> ref(shared, row), new ArrayList<>()));
  }

  /** The author's post as timelines know it; empty when the store has never heard of it. */
  CompletionStage<Optional<PostRef>> ref(UserId author, PostId id) {
    UserId shared = authors.intern(author);
    return execute(readRef.bind(author.value(), bytes(id)))
        .thenApply(result -> Optional.ofNullable(result.one()).map(row -> ref(shared, row)));
  }

  /** A post that has had a tag. */
  record Tagged(PostId id, UserId author) {}

  /** The newest {@code limit} posts that ever had the tag between two ids, both not included. */
  CompletionStage<List<Tagged>> newestTagged(
      String tag, PostId olderThan, PostId newerThan, int limit) {
    return execute(readTag.bind(tag, bytes(olderThan), bytes(newerThan), limit))
        .thenCompose(page -> collect(page, PostStore::tagged, new ArrayList<>()));
  }

  /**
   * The newest posts of all these sources together between two ids, neither of them included.
   *
   * <p>Deleted ones do not count towards the limit; they are reported so that a create that comes
   * late is known for what it is. Nor do live ones that are not wanted, but when four times the
   * limit are live, the search ends: who wants almost nothing gets fewer than the limit, cut off.
   *
   * @param limit how many live ones that are wanted
   * @param wanted asked by whatever thread has read a post
   */
  public CompletionStage<Newest> newest(
      Sources sources, PostId olderThan, PostId newerThan, int limit, Predicate<PostRef> wanted) {
    return new NewestSearch(this, READS_IN_FLIGHT, sources, newerThan, limit, wanted)
        .olderThan(olderThan);
  }

  private static <T> CompletionStage<List<T>> collect(
      AsyncResultSet page, Function<Row, T> read, List<T> found) {
    for (Row row : page.currentPage()) {
      found.add(read.apply(row));
    }
    return page.hasMorePages()
        ? page.fetchNextPage().thenCompose(next -> collect(next, read, found))
        : CompletableFuture.completedStage(found);
  }

  private static Tagged tagged(Row row) {
    ByteBuffer id = row.getBytesUnsafe(0);
    return new Tagged(
        new PostId(id.getLong(id.position()), id.getLong(id.position() + Long.BYTES)),
        new UserId(row.getString(1)));
  }

  private PostRef ref(UserId author, Row row) {
    ByteBuffer id = row.getBytesUnsafe(0);
    ByteBuffer arrival = row.getBytesUnsafe(3);
    boolean deleted = !row.isNull(4);
    return new PostRef(
        id.getLong(id.position()),
        id.getLong(id.position() + Long.BYTES),
        row.getLong(deleted ? 4 : 1),
        author,
        partitions.intern(Arrival.partition(arrival)),
        Arrival.offset(arrival),
        deleted ? PostRef.DELETED : row.getInt(2),
        deleted ? Facts.NONE : facts(row.getBytesUnsafe(5)));
  }

  private static Facts facts(@Nullable ByteBuffer column) {
    if (column == null || !column.hasRemaining()) {
      return Facts.NONE;
    }
    try {
      return Facts.of(PostFacts.parseFrom(column));
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException("the stored facts of a post cannot be read", e);
    }
  }

  private StoredPost storedPost(PostId id, Row row) {
    UserId author = authors.intern(new UserId(row.getString(0)));
    boolean deleted = !row.isNull(3);
    return new StoredPost(
        id,
        author,
        row.getLong(deleted ? 3 : 1),
        deleted,
        deleted ? null : parse(id, row.getBytesUnsafe(2)));
  }

  private static @Nullable PostLine parse(PostId id, ByteBuffer line) {
    try {
      return PostLine.parseFrom(line);
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException("the stored line of post " + id + " cannot be read", e);
    }
  }

  private PreparedStatement prepare(String cql) {
    return session.prepare(
        SimpleStatement.newInstance(cql)
            .setConsistencyLevel(DefaultConsistencyLevel.LOCAL_QUORUM)
            .setIdempotent(true));
  }

  /** Statements on one partition: one mutation, applied whole. */
  private static BatchStatement together(BoundStatement... statements) {
    return BatchStatement.newInstance(BatchType.UNLOGGED, statements)
        .setConsistencyLevel(DefaultConsistencyLevel.LOCAL_QUORUM)
        .setIdempotent(true);
  }

  private CompletionStage<AsyncResultSet> execute(Statement<?> statement) {
    return session.executeAsync(statement);
  }

  private static CompletionStage<Void> all(List<CompletionStage<?>> stages) {
    return CompletableFuture.allOf(
        stages.stream()
            .map(CompletionStage::toCompletableFuture)
            .toArray(CompletableFuture<?>[]::new));
  }

  private static ByteBuffer bytes(PostId id) {
    return ByteBuffer.wrap(id.toBytes());
  }

  private static ByteBuffer buffer(ByteString bytes) {
    return bytes.asReadOnlyByteBuffer();
  }
}
