package io.tideline.bench.side;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.config.DefaultDriverOption;
import com.datastax.oss.driver.api.core.config.DriverConfigLoader;
import com.datastax.oss.driver.api.core.cql.AsyncResultSet;
import com.datastax.oss.driver.api.core.cql.BoundStatement;
import com.datastax.oss.driver.api.core.cql.PreparedStatement;
import com.datastax.oss.driver.api.core.cql.Row;
import io.tideline.protocols.v1.PublishRequest;
import io.tideline.protocols.v1.PublishResponse;
import io.tideline.protocols.v1.ReadFeedRequest;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Semaphore;

/**
 * Timelines as Cassandra partitions, newest first, each row with its whole card: a page is one read
 * of one partition. A post is written to every follower's partition before it is answered.
 * Followers are in the front's memory, so that no time goes into looking them up.
 */
final class CassandraFront {
  /** Above every id. */
  private static final String NEWEST = "~";

  /** How many writes may be under way, all posts together; more would time out. */
  private static final int WRITES_UNDER_WAY = 1_024;

  /** Both together are fewer than the connection takes; it refuses more. */
  private static final int READS_UNDER_WAY = 1_024;

  private final CqlSession session;
  private final PreparedStatement select;
  private final PreparedStatement insert;
  private final Map<String, List<String>> followers;
  private final PostIds ids = new PostIds();
  private final Semaphore window = new Semaphore(WRITES_UNDER_WAY);
  private final Throttle reads = new Throttle(READS_UNDER_WAY);

  private CassandraFront(int cassandraPort, Map<String, List<String>> followers) {
    this.session = connect(cassandraPort);
    this.followers = followers;
    select =
        session.prepare(
            "SELECT post_id, card FROM bench.timelines WHERE reader = ? AND post_id < ? LIMIT ?");
    insert = session.prepare(INSERT);
  }

  static final String INSERT =
      "INSERT INTO bench.timelines (reader, post_id, card) VALUES (?, ?, ?)";

  /** Takes the port to serve, that of Cassandra, and the file with the followers. */
  public static void main(String[] arguments) throws IOException {
    var front =
        new CassandraFront(
            Integer.parseInt(arguments[1]), FollowersFile.read(Path.of(arguments[2])));
    new FeedServer()
        .reads(front::read)
        .publishes(front::publish)
        .serveUntilParentLeaves(Integer.parseInt(arguments[0]));
  }

  static CqlSession connect(int port) {
    return CqlSession.builder()
        .addContactPoint(ServerProcess.loopback(port))
        .withLocalDatacenter("datacenter1")
        .withConfigLoader(
            DriverConfigLoader.programmaticBuilder()
                .withDuration(DefaultDriverOption.REQUEST_TIMEOUT, Duration.ofSeconds(20))
                .withInt(DefaultDriverOption.CONNECTION_MAX_REQUESTS, 4_096)
                .build())
        .build();
  }

  private CompletionStage<byte[]> read(ReadFeedRequest request) {
    String below = request.getCursor().isEmpty() ? NEWEST : request.getCursor();
    BoundStatement page = select.bind(request.getUserId(), below, request.getPageSize());
    return reads.run(() -> session.executeAsync(page)).thenApply(CassandraFront::page);
  }

  private static byte[] page(AsyncResultSet rows) {
    List<byte[]> cards = new ArrayList<>();
    String newest = "";
    String oldest = "";
    for (Row row : rows.currentPage()) {
      ByteBuffer card = row.getByteBuffer(1);
      String id = row.getString(0);
      if (card == null || id == null) continue;
      byte[] bytes = new byte[card.remaining()];
      card.get(bytes);
      cards.add(bytes);
      if (newest.isEmpty()) newest = id;
      oldest = id;
    }
    return PageBytes.of(cards, oldest, newest.getBytes(StandardCharsets.US_ASCII));
  }

  private CompletionStage<PublishResponse> publish(PublishRequest request) {
    String id = ids.next();
    ByteBuffer card = ByteBuffer.wrap(PostIds.cardOf(id, request).toByteArray());
    List<String> of = followers.getOrDefault(request.getAuthorId(), List.of());
    // Writes wait for room, which calls must not: they would keep the answers from coming in.
    return CompletableFuture.completedFuture(of)
        .thenComposeAsync(readers -> write(readers, id, card))
        .thenApply(done -> PublishResponse.newBuilder().setPostId(id).build());
  }

  private CompletableFuture<Void> write(List<String> readers, String id, ByteBuffer card) {
    List<CompletableFuture<AsyncResultSet>> writes = new ArrayList<>(readers.size());
    for (String reader : readers) {
      window.acquireUninterruptibly();
      writes.add(
          session
              .executeAsync(insert.bind(reader, id, card))
              .whenComplete((done, failure) -> window.release())
              .toCompletableFuture());
    }
    return CompletableFuture.allOf(writes.toArray(CompletableFuture[]::new));
  }
}
