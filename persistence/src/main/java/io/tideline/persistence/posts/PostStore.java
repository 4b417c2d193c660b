package io.tideline.persistence.posts;

import static java.util.Objects.requireNonNull;

import com.datastax.oss.driver.api.core.CqlIdentifier;
import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.DefaultConsistencyLevel;
import com.datastax.oss.driver.api.core.cql.AsyncResultSet;
import com.datastax.oss.driver.api.core.cql.BoundStatement;
import com.datastax.oss.driver.api.core.cql.PreparedStatement;
import com.datastax.oss.driver.api.core.cql.Row;
import com.datastax.oss.driver.api.core.cql.SimpleStatement;
import com.datastax.oss.driver.api.core.cql.Statement;
import com.datastax.oss.driver.api.core.metadata.Node;
import com.datastax.oss.driver.api.core.metadata.TokenMap;
import com.github.benmanes.caffeine.cache.Interner;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.tideline.persistence.AllRows;
import io.tideline.persistence.Schema;
import io.tideline.persistence.Writes;
import io.tideline.persistence.timeline.Facts;
import io.tideline.persistence.timeline.Newest;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.persistence.timeline.Sources;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.PostFacts;
import io.tideline.protocols.log.v1.PostLine;
import io.tideline.protocols.log.v1.PostLineKind;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Every post of the cell in Cassandra, by id and by author; see the package for how rows merge. */
public final class PostStore {
  private static final int READS_IN_FLIGHT = 32;
  private static final int WRITES_IN_FLIGHT = 32;
  private static final int LARGEST_SLICE = 1_000;

  /** What the log has is read from memory as long as the store lacks it. */
  private static final Duration WRITE_LINGER = Duration.ofMillis(5);

  /** How many partitions are read in one request. */
  static final int MOST_TOGETHER = 16;

  /** Above every version until about the year 4200, so what is written with it stays. */
  private static final long FOR_EVER = 1L << 62;

  private static final String REF_COLUMNS = "id, version, flags, arrival, deleted_at, facts";

  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0).asReadOnlyBuffer();

  private final CqlSession session;
  private final CqlIdentifier keyspace;
  private final Writes writes;
  private final PreparedStatement writePost;
  private final PreparedStatement deletePost;
  private final PreparedStatement erasePost;
  private final PreparedStatement writeRef;
  private final PreparedStatement addTags;
  private final PreparedStatement deleteRef;
  private final PreparedStatement eraseRef;
  private final PreparedStatement arrive;
  private final PreparedStatement writeTag;
  private final PreparedStatement readPost;
  private final PreparedStatement readPosts;
  private final PreparedStatement readRef;
  private final PreparedStatement readRefs;
  private final PreparedStatement readRefsOfEach;
  private final PreparedStatement readTag;
  private final PreparedStatement eraseTag;
  private final PreparedStatement readAll;
  private final PreparedStatement eraseRefs;
  private final PreparedStatement markErased;
  private final PreparedStatement countErased;
  private final PreparedStatement doneErasing;
  private final PreparedStatement readErasure;
  private final PreparedStatement readPage;
  private final PreparedStatement readArrival;
  private final PreparedStatement writeKey;
  private final PreparedStatement readKey;
  private final PreparedStatement eraseKeys;
  private final ErasedAuthors erased;
  private final Interner<UserId> authors = Interner.newWeakInterner();
  private final Interner<LogPartition> partitions = Interner.newWeakInterner();

  /**
   * How the posts of an erased author went.
   *
   * @param posts how many there were
   */
  public record Erasure(int posts, long doneAtMillis) {}

  /** Prepares its statements and reads who is erased, so the tables must be there. */
  public PostStore(CqlSession session, String keyspace) {
    this.session = session;
    this.keyspace = CqlIdentifier.fromCql(keyspace);
    this.writes = new Writes(session, WRITE_LINGER);
    String posts = keyspace + ".posts";
    String byAuthor = keyspace + ".posts_by_author";
    String byTag = keyspace + ".posts_by_tag";
    String byKey = keyspace + ".posts_by_key";
    String erasedAuthors = keyspace + ".erased_authors";
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
    addTags =
        prepare(
            "UPDATE "
                + byAuthor
                + " USING TIMESTAMP ? SET tags = tags + ? WHERE author = ? AND id = ?");
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
    readPosts =
        prepare("SELECT author, version, line, deleted_at, id FROM " + posts + " WHERE id IN ?");
    String selectRefs = "SELECT " + REF_COLUMNS + " FROM " + byAuthor + " WHERE author = ?";
    readRef = prepare(selectRefs + " AND id = ?");
    readRefs = prepare(selectRefs + " AND id < ? AND id > ? LIMIT ?");
    readRefsOfEach =
        prepare(
            "SELECT "
                + REF_COLUMNS
                + ", author FROM "
                + byAuthor
                + " WHERE author IN ? AND id < ? AND id > ? PER PARTITION LIMIT ?");
    readTag =
        prepare("SELECT id, author FROM " + byTag + " WHERE tag = ? AND id < ? AND id > ? LIMIT ?");
    eraseTag =
        prepare("UPDATE " + byTag + " USING TIMESTAMP ? SET author = '' WHERE tag = ? AND id = ?");
    readAll = prepare("SELECT id, facts, tags FROM " + byAuthor + " WHERE author = ?");
    eraseRefs = prepare("DELETE FROM " + byAuthor + " USING TIMESTAMP ? WHERE author = ?");
    markErased =
        prepare("INSERT INTO " + erasedAuthors + " (author, at) VALUES (?, ?) USING TIMESTAMP ?");
    countErased =
        prepare("UPDATE " + erasedAuthors + " USING TIMESTAMP ? SET posts = ? WHERE author = ?");
    doneErasing =
        prepare("UPDATE " + erasedAuthors + " USING TIMESTAMP ? SET done_at = ? WHERE author = ?");
    readErasure = prepare("SELECT posts, done_at FROM " + erasedAuthors + " WHERE author = ?");
    readPage =
        prepare(
            "SELECT token(id), id, author, version, line, deleted_at FROM "
                + posts
                + " WHERE token(id) > ? LIMIT ?");
    readArrival = prepare("SELECT arrival FROM " + byAuthor + " WHERE author = ? AND id = ?");
    writeKey =
        prepare("INSERT INTO " + byKey + " (author, bits, id) VALUES (?, ?, ?) USING TIMESTAMP ?");
    readKey =
        prepare(
            "SELECT id FROM " + byKey + " WHERE author = ? AND bits = ? AND id >= ? AND id < ?");
    eraseKeys = prepare("DELETE FROM " + byKey + " USING TIMESTAMP ? WHERE author = ?");
    erased = readErased(session, erasedAuthors);
  }

  /**
   * Creates the keyspace and the tables where they are missing.
   *
   * @param replication as CQL has it, for example {@code {'class': 'NetworkTopologyStrategy',
   *     'eu-1': 3}}
   */
  public static CompletionStage<Void> createSchema(
      CqlSession session, String keyspace, String replication) {
    return Schema.change(
            session,
            "CREATE KEYSPACE IF NOT EXISTS " + keyspace + " WITH replication = " + replication)
        .thenCompose(
            created ->
                Schema.create(
                    session,
                    keyspace
                        + ".posts ("
                        + "id blob PRIMARY KEY, author text, version bigint, line blob,"
                        + " deleted_at bigint)",
                    // Levels keep a partition's rows, written over years, within a few files.
                    keyspace
                        + ".posts_by_author ("
                        + "author text, id blob, version bigint, flags int, facts blob,"
                        + " arrival tuple<int, int, int, bigint>, deleted_at bigint,"
                        + " tags set<text>, PRIMARY KEY ((author), id))"
                        + " WITH CLUSTERING ORDER BY (id DESC)"
                        + " AND compaction = {'class': 'LeveledCompactionStrategy'}",
                    // Says where to look: whether the post still has the tag, and still is, the
                    // others say.
                    keyspace
                        + ".posts_by_tag ("
                        + "tag text, id blob, author text,"
                        + " PRIMARY KEY ((tag), id)) WITH CLUSTERING ORDER BY (id DESC)"
                        + " AND compaction = {'class': 'LeveledCompactionStrategy'}",
                    keyspace
                        + ".posts_by_key ("
                        + "author text, bits bigint, id blob, PRIMARY KEY ((author), bits, id))"
                        + " WITH compaction = {'class': 'LeveledCompactionStrategy'}",
                    keyspace
                        + ".erased_authors ("
                        + "author text PRIMARY KEY, at bigint, posts int, done_at bigint)"))
        .thenCompose(
            created ->
                Schema.change(
                    session,
                    "ALTER TABLE "
                        + keyspace
                        + ".posts_by_author ADD IF NOT EXISTS tags set<text>"));
  }

  private static ErasedAuthors readErased(CqlSession session, String table) {
    ErasedAuthors erased = new ErasedAuthors();
    SimpleStatement all =
        SimpleStatement.newInstance("SELECT author, at FROM " + table)
            .setConsistencyLevel(DefaultConsistencyLevel.LOCAL_QUORUM);
    for (Row row : session.execute(all)) {
      if (!row.isNull(1)) {
        erased.add(new UserId(row.getString(0)), row.getLong(1));
      }
    }
    return erased;
  }

  /** Who is erased, as far as this node knows. */
  public ErasedAuthors erased() {
    return erased;
  }

  /**
   * Applies a line; again, late, or out of order makes no difference.
   *
   * <p>Fails with {@link IllegalArgumentException} when no retry can help: the line is malformed.
   */
  public CompletionStage<Void> write(PostLine line, LogPartition partition, long offset) {
    return write(line, partition, offset, false);
  }

  /**
   * As {@link #write}, and remembers under which key the post was accepted, so that {@link
   * #linesAfter} and {@link #lowest} find it.
   */
  public CompletionStage<Void> writeWithKey(PostLine line, LogPartition partition, long offset) {
    return write(line, partition, offset, true);
  }

  private CompletionStage<Void> write(
      PostLine line, LogPartition partition, long offset, boolean withKey) {
    try {
      checkVersion(line.getVersion());
      UserId author = new UserId(line.getAuthorId());
      return switch (line.getKind()) {
        case POST_LINE_KIND_PUBLISHED, POST_LINE_KIND_EDITED, POST_LINE_KIND_DELETED ->
            writePost(line, PostId.fromBytes(line.getPostId()), author, partition, offset, withKey);
        case POST_LINE_KIND_ERASED -> writeErased(author, line.getVersion());
        default ->
            throw new IllegalArgumentException(
                "a line is published, edited, deleted or erased, but this is "
                    + line.getKindValue());
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

  private CompletionStage<Void> writePost(
      PostLine line,
      PostId id,
      UserId author,
      LogPartition partition,
      long offset,
      boolean withKey) {
    Set<String> tags = new HashSet<>(Facts.of(line.getFacts()).tags());
    tags.remove("");
    if (erased.contains(author)) {
      return erase(id, author, tags);
    }
    List<BoundStatement> ref = new ArrayList<>();
    ref.add(arrival(line, id, author.value(), partition, offset));
    if (withKey && hasKey(id)) {
      ref.add(writeKey.bind(author.value(), id.keyBits(), bytes(id), id.hi()));
    }
    CompletionStage<Void> written =
        line.getKind() == PostLineKind.POST_LINE_KIND_DELETED
            ? writeDeleted(line, id, author.value(), ref)
            : writeLive(line, id, author.value(), tags, ref);
    // Who erases looks for posts once the author is known to be erased: either it finds this one,
    // or this finds the author.
    return written.thenCompose(
        done ->
            erased.contains(author)
                ? erase(id, author, tags)
                : CompletableFuture.completedStage(null));
  }

  /**
   * @param ref what else goes to the author's partitions
   */
  private CompletionStage<Void> writeLive(
      PostLine line, PostId id, String author, Set<String> tags, List<BoundStatement> ref) {
    long version = line.getVersion();
    ByteBuffer key = bytes(id);
    ByteBuffer facts = buffer(line.getFacts().toByteString());
    ref.add(writeRef.bind(author, key, version, PostRef.flagsOf(line), facts, version));
    // The tags of all versions, so that none is missed when the author is erased.
    if (!tags.isEmpty()) {
      ref.add(addTags.bind(version, tags, author, key));
    }
    List<List<BoundStatement>> partitions = new ArrayList<>();
    partitions.add(
        List.of(writePost.bind(key, author, version, buffer(line.toByteString()), version)));
    partitions.add(ref);
    for (String tag : tags) {
      partitions.add(List.of(writeTag.bind(tag, key, author, version)));
    }
    return writes.write(partitions);
  }

  private CompletionStage<Void> writeDeleted(
      PostLine line, PostId id, String author, List<BoundStatement> ref) {
    long version = line.getVersion();
    ByteBuffer key = bytes(id);
    ref.add(deleteRef.bind(author, key, version, version));
    ref.add(eraseRef.bind(FOR_EVER, NOTHING, author, key));
    return writes.write(
        List.of(
            List.of(
                deletePost.bind(key, author, version, version),
                erasePost.bind(FOR_EVER, NOTHING, key)),
            ref));
  }

  /**
   * Remembers for ever that the author is erased, and erases whatever there is; takes as long as
   * the author has posts.
   */
  private CompletionStage<Void> writeErased(UserId author, long at) {
    erased.add(author, at);
    // Behind what waits to be written of the author, so that it is counted.
    return writes
        .write(List.of(List.of(markErased.bind(author.value(), at, FOR_EVER))))
        .thenCompose(marked -> execute(readAll.bind(author.value())))
        .thenCompose(page -> eraseAll(author, page, 0))
        .thenCompose(posts -> execute(countErased.bind(earlierWins(), posts, author.value())))
        .thenCompose(counted -> execute(eraseRefs.bind(FOR_EVER, author.value())))
        .thenCompose(gone -> execute(eraseKeys.bind(FOR_EVER, author.value())))
        .thenCompose(
            gone ->
                execute(
                    doneErasing.bind(earlierWins(), System.currentTimeMillis(), author.value())))
        .thenAccept(done -> {});
  }

  /** A timestamp that loses against those that are made before it. */
  private static long earlierWins() {
    return FOR_EVER - System.currentTimeMillis();
  }

  private CompletionStage<Integer> eraseAll(UserId author, AsyncResultSet page, int before) {
    List<Row> rows = new ArrayList<>();
    page.currentPage().forEach(rows::add);
    int posts = before + rows.size();
    return new InFlight<Row>(WRITES_IN_FLIGHT, row -> erase(postId(row), author, tags(row)))
        .start(rows)
        .thenCompose(
            done ->
                page.hasMorePages()
                    ? page.fetchNextPage().thenCompose(next -> eraseAll(author, next, posts))
                    : CompletableFuture.completedStage(posts));
  }

  private static Set<String> tags(Row row) {
    Set<String> tags = new HashSet<>(facts(row.getBytesUnsafe(1)).tags());
    tags.addAll(row.getSet(2, String.class));
    tags.remove("");
    return tags;
  }

  /** Leaves of a post only that it is deleted, but for its row among those of its author. */
  private CompletionStage<Void> erase(PostId id, UserId author, Set<String> tags) {
    ByteBuffer key = bytes(id);
    long at = erased.since(author);
    List<List<BoundStatement>> partitions = new ArrayList<>();
    partitions.add(
        List.of(
            deletePost.bind(key, author.value(), at, at), erasePost.bind(FOR_EVER, NOTHING, key)));
    for (String tag : tags) {
      partitions.add(List.of(eraseTag.bind(FOR_EVER, tag, key)));
    }
    return writes.write(partitions);
  }

  /** How the posts of an author went; empty until all of them have gone. */
  public CompletionStage<Optional<Erasure>> erasure(UserId author) {
    return execute(readErasure.bind(author.value()))
        .thenApply(
            result ->
                Optional.ofNullable(result.one())
                    .filter(row -> !row.isNull(1))
                    .map(row -> new Erasure(row.getInt(0), row.getLong(1))));
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
    return new InFlight<List<PostId>>(
            READS_IN_FLIGHT,
            some ->
                execute(toReplicas(readPosts.bind(keys(some)), bytes(some.get(0))))
                    .thenCompose(page -> AllRows.of(page, row -> storedPost(postId(row, 4), row)))
                    .thenAccept(posts -> posts.forEach(post -> found.put(post.id(), post))))
        .start(together(new HashSet<>(ids), PostStore::bytes, MOST_TOGETHER))
        .thenApply(done -> found);
  }

  /**
   * The lines that are to be appended, in this order, now that this one is stored with its key:
   * they make one post of those that were accepted under one key. Mostly there are none.
   *
   * <p>Fails with {@link IllegalArgumentException} when no retry can help.
   *
   * @param cell which is to say so
   */
  public CompletionStage<List<PostLine>> linesAfter(PostLine line, int cell) {
    UserId author = new UserId(line.getAuthorId());
    if (line.getKind() == PostLineKind.POST_LINE_KIND_ERASED || erased.contains(author)) {
      return CompletableFuture.completedStage(List.of());
    }
    PostId id = PostId.fromBytes(line.getPostId());
    boolean alias =
        line.getKind() == PostLineKind.POST_LINE_KIND_DELETED
            && OneKey.isAlias(id, line.getVersion());
    if (alias || !hasKey(id)) {
      return CompletableFuture.completedStage(List.of());
    }
    PostId end = firstAt(id.millis() + PostId.KEY_LIFETIME.toMillis());
    return sameKey(author, id, end)
        .thenCompose(
            ids ->
                ids.size() < 2
                    ? CompletableFuture.completedStage(List.of())
                    : findAll(ids)
                        .thenApply(all -> OneKey.linesAfter(line, new TreeMap<>(all), cell)));
  }

  /** The id that a post goes by: the lowest of those under which it was accepted. */
  public CompletionStage<PostId> lowest(UserId author, PostId id) {
    if (!hasKey(id)) {
      return CompletableFuture.completedStage(id);
    }
    return sameKey(author, id, id)
        .thenCompose(
            lower ->
                lower.isEmpty()
                    ? CompletableFuture.completedStage(id)
                    : lowest(author, lower.get(0)));
  }

  /** What is imported twice under one key has one id. */
  private static boolean hasKey(PostId id) {
    return !id.isImported();
  }

  /** The ids from a day before this one on, lowest first, that are of the same key. */
  private CompletionStage<List<PostId>> sameKey(UserId author, PostId id, PostId end) {
    PostId begin = firstAt(id.millis() - PostId.KEY_LIFETIME.toMillis() + 1);
    return execute(readKey.bind(author.value(), id.keyBits(), bytes(begin), bytes(end)))
        .thenCompose(page -> AllRows.of(page, PostStore::postId));
  }

  private static PostId firstAt(long millis) {
    long latest = HybridClock.millisOf(Long.MAX_VALUE);
    return new PostId(HybridClock.ofMillis(Math.max(0, Math.min(millis, latest))), 0);
  }

  /**
   * A page of what an author has written.
   *
   * @param ids newest first, of those that are not deleted
   * @param next the next page begins below it; {@code null} = there is none
   */
  public record Written(List<PostId> ids, @Nullable PostId next) {}

  /**
   * An author's newest posts older than the given one. Where very many were deleted the page is
   * short, and may be empty.
   *
   * @param mostRead how many posts may be read for it, more or less
   */
  public CompletionStage<Written> written(
      UserId author, PostId olderThan, int limit, int mostRead) {
    return written(author, olderThan, limit, mostRead, limit + 1, new ArrayList<>());
  }

  private CompletionStage<Written> written(
      UserId author, PostId olderThan, int limit, int mayRead, int slice, List<PostId> found) {
    return newestOf(author, olderThan, slice)
        .thenCompose(
            refs -> {
              for (PostRef ref : refs) {
                if (ref.deleted()) continue;
                if (found.size() == limit) return page(found, found.get(limit - 1));
                found.add(ref.id());
              }
              if (refs.size() < slice) return page(found, null);
              PostId last = refs.get(refs.size() - 1).id();
              if (slice >= mayRead) return page(found, last);
              int next = Math.min(2 * slice, LARGEST_SLICE);
              return written(author, last, limit, mayRead - slice, next, found);
            });
  }

  private static CompletionStage<Written> page(List<PostId> found, @Nullable PostId next) {
    return CompletableFuture.completedStage(new Written(List.copyOf(found), next));
  }

  /** An author's newest posts older than the given one, newest first, deleted ones among them. */
  public CompletionStage<List<PostRef>> newestOf(UserId author, PostId olderThan, int limit) {
    return newestOf(author, olderThan, PostId.MIN, limit);
  }

  /** The newest {@code limit} refs between two ids, neither of them included. */
  CompletionStage<List<PostRef>> newestOf(
      UserId author, PostId olderThan, PostId newerThan, int limit) {
    if (erased.contains(author)) {
      return CompletableFuture.completedStage(List.of());
    }
    UserId shared = authors.intern(author);
    return execute(readRefs.bind(author.value(), bytes(olderThan), bytes(newerThan), limit))
        .thenCompose(page -> AllRows.of(page, row -> ref(shared, row)));
  }

  /**
   * The same of each of some authors who have their replicas in common, in one request.
   *
   * @param limit of refs for each
   * @return newest first, of those who have any
   */
  CompletionStage<Map<UserId, List<PostRef>>> newestOfEach(
      Collection<UserId> some, PostId olderThan, PostId newerThan, int limit) {
    Map<String, UserId> shared = new LinkedHashMap<>();
    for (UserId author : some) {
      if (!erased.contains(author)) shared.put(author.value(), authors.intern(author));
    }
    if (shared.isEmpty()) {
      return CompletableFuture.completedStage(Map.of());
    }
    List<String> names = List.copyOf(shared.keySet());
    BoundStatement read = readRefsOfEach.bind(names, bytes(olderThan), bytes(newerThan), limit);
    return execute(toReplicas(read, key(names.get(0))))
        .thenCompose(
            page -> AllRows.of(page, row -> ref(requireNonNull(shared.get(row.getString(6))), row)))
        .thenApply(refs -> refs.stream().collect(Collectors.groupingBy(ref -> ref.author)));
  }

  List<List<UserId>> together(Collection<UserId> all, int most) {
    return together(all, author -> key(author.value()), most);
  }

  /** Partitions in groups of at most so many, each of which the same replicas have. */
  private <T> List<List<T>> together(Collection<T> all, Function<T, ByteBuffer> key, int most) {
    Optional<TokenMap> tokens = session.getMetadata().getTokenMap();
    Map<Set<Node>, List<T>> open = new HashMap<>();
    List<List<T>> groups = new ArrayList<>();
    for (T one : all) {
      Set<Node> replicas =
          tokens.map(map -> map.getReplicas(keyspace, key.apply(one))).orElse(Set.of());
      // Whose replicas are not known is read alone: together they might be everywhere.
      List<T> group = replicas.isEmpty() ? null : open.get(replicas);
      if (group == null || group.size() == most) {
        group = new ArrayList<>();
        open.put(replicas, group);
        groups.add(group);
      }
      group.add(one);
    }
    return groups;
  }

  /** The driver itself finds the replicas of statements about one partition only. */
  private BoundStatement toReplicas(BoundStatement statement, ByteBuffer key) {
    return statement.setRoutingKeyspace(keyspace).setRoutingKey(key);
  }

  /** The author's post as timelines know it; empty when the store has never heard of it. */
  CompletionStage<Optional<PostRef>> ref(UserId author, PostId id) {
    if (erased.contains(author)) {
      return CompletableFuture.completedStage(Optional.empty());
    }
    UserId shared = authors.intern(author);
    return execute(readRef.bind(author.value(), bytes(id)))
        .thenApply(result -> Optional.ofNullable(result.one()).map(row -> ref(shared, row)));
  }

  /**
   * A post that has had a tag.
   *
   * @param author {@code null} when erased
   */
  record Tagged(PostId id, @Nullable UserId author) {}

  /** The newest {@code limit} posts that ever had the tag between two ids, both not included. */
  CompletionStage<List<Tagged>> newestTagged(
      String tag, PostId olderThan, PostId newerThan, int limit) {
    return execute(readTag.bind(tag, bytes(olderThan), bytes(newerThan), limit))
        .thenCompose(page -> AllRows.of(page, PostStore::tagged));
  }

  /**
   * The newest posts of all these sources together between two ids, neither of them included.
   *
   * <p>Deleted ones do not count towards the limit, nor those that have lost the tag; they are
   * reported so that an older line that comes late is known for what it is. Nor do live ones that
   * are not wanted, but when four times the limit are live, the search ends: who wants almost
   * nothing gets fewer than the limit, cut off.
   *
   * @param limit how many live ones that are wanted
   * @param wanted asked by whatever thread has read a post
   */
  public CompletionStage<Newest> newest(
      Sources sources, PostId olderThan, PostId newerThan, int limit, Predicate<PostRef> wanted) {
    return new NewestSearch(this, this::newestOfEach, sources, newerThan, limit, wanted)
        .olderThan(olderThan);
  }

  /** The same, for who looks at what is remembered of the log before and after. */
  public CompletionStage<Newest> newest(
      SharedSlices slices,
      Sources sources,
      PostId olderThan,
      PostId newerThan,
      int limit,
      Predicate<PostRef> wanted) {
    return new NewestSearch(this, slices::newestOfEach, sources, newerThan, limit, wanted)
        .olderThan(olderThan);
  }

  /**
   * Some of all posts.
   *
   * @param last where the next ones begin; {@code null} when there are none
   */
  public record Page(List<Kept> posts, @Nullable Long last) {}

  /**
   * What the store keeps of a post, as a line that says all of it.
   *
   * @param partition where it has arrived, at {@code offset}; {@code null} = not known
   */
  public record Kept(PostLine line, @Nullable LogPartition partition, long offset) {}

  /**
   * All posts, deleted ones among them, some at a time and in an order of the store's own.
   *
   * @param after what the page before said; {@link Long#MIN_VALUE} = from the beginning
   */
  public CompletionStage<Page> page(long after, int limit) {
    return execute(readPage.bind(after, limit))
        .thenCompose(page -> AllRows.of(page, row -> row))
        .thenCompose(
            rows -> {
              List<Kept> kept = Collections.synchronizedList(new ArrayList<>(rows.size()));
              Long last = rows.isEmpty() ? null : rows.get(rows.size() - 1).getLong(0);
              return new InFlight<Row>(READS_IN_FLIGHT, row -> kept(row, kept))
                  .start(rows)
                  .thenApply(done -> new Page(List.copyOf(kept), last));
            });
  }

  private CompletionStage<Void> kept(Row row, List<Kept> into) {
    String author = row.getString(2);
    boolean deleted = !row.isNull(5);
    if (author == null || (!deleted && row.isNull(3))) {
      // Only an edit of the erased: what it was of, nothing says.
      return CompletableFuture.completedStage(null);
    }
    ByteBuffer key = row.getBytesUnsafe(1);
    PostId id = new PostId(key.getLong(key.position()), key.getLong(key.position() + Long.BYTES));
    PostLine line = deleted ? deleted(id, author, row.getLong(5)) : whole(id, row);
    return execute(readArrival.bind(author, bytes(id)))
        .thenAccept(
            found -> {
              Row arrived = found.one();
              ByteBuffer arrival = arrived == null ? null : arrived.getBytesUnsafe(0);
              into.add(
                  arrival == null
                      ? new Kept(line, null, 0)
                      : new Kept(line, Arrival.partition(arrival), Arrival.offset(arrival)));
            });
  }

  private static PostLine whole(PostId id, Row row) {
    PostLine line = parse(id, row.getBytesUnsafe(4));
    if (line == null) {
      throw new IllegalStateException("post " + id + " has no line");
    }
    return line;
  }

  static PostLine deleted(PostId id, String author, long at) {
    return PostLine.newBuilder()
        .setKind(PostLineKind.POST_LINE_KIND_DELETED)
        .setPostId(id.toByteString())
        .setAuthorId(author)
        .setVersion(at)
        .build();
  }

  private static Tagged tagged(Row row) {
    String author = row.getString(1);
    boolean known = author != null && !author.isEmpty();
    return new Tagged(postId(row), known ? new UserId(author) : null);
  }

  private static PostId postId(Row row) {
    return postId(row, 0);
  }

  private static PostId postId(Row row, int column) {
    ByteBuffer id = row.getBytesUnsafe(column);
    return new PostId(id.getLong(id.position()), id.getLong(id.position() + Long.BYTES));
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
    boolean marked = !row.isNull(3);
    boolean deleted = marked || erased.contains(author);
    return new StoredPost(
        id,
        author,
        marked ? row.getLong(3) : deleted ? erased.since(author) : row.getLong(1),
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

  private CompletionStage<AsyncResultSet> execute(Statement<?> statement) {
    return session.executeAsync(statement);
  }

  private static List<ByteBuffer> keys(List<PostId> ids) {
    return ids.stream().map(PostStore::bytes).toList();
  }

  private static ByteBuffer key(String author) {
    return ByteBuffer.wrap(author.getBytes(StandardCharsets.UTF_8));
  }

  private static ByteBuffer bytes(PostId id) {
    return ByteBuffer.wrap(id.toBytes());
  }

  private static ByteBuffer buffer(ByteString bytes) {
    return bytes.asReadOnlyByteBuffer();
  }
}
