package io.tideline.bench.side;

import io.tideline.protocols.v1.PublishRequest;
import io.tideline.protocols.v1.PublishResponse;
import io.tideline.protocols.v1.ReadFeedRequest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;

/**
 * Nothing is fanned out: a page is put together when it is read, from the newest posts of each
 * followee, which an index holds in order. A few threads with a connection each, as many as one
 * core can use.
 */
final class PostgresFront {
  private static final int CONNECTIONS = 8;

  /** Above every id. */
  private static final String NEWEST = "~";

  private static final String SELECT =
      "SELECT p.id, p.card FROM (SELECT x.id FROM follows f CROSS JOIN LATERAL"
          + " (SELECT id FROM posts WHERE author = f.author AND id < ? ORDER BY id DESC LIMIT ?) x"
          + " WHERE f.reader = ? ORDER BY x.id DESC LIMIT ?) t JOIN posts p USING (id)"
          + " ORDER BY p.id DESC";

  static final String INSERT = "INSERT INTO posts (id, author, card) VALUES (?, ?, ?)";

  private record Session(
      Connection connection, PreparedStatement select, PreparedStatement insert) {}

  private final BlockingQueue<Session> sessions = new ArrayBlockingQueue<>(CONNECTIONS);
  private final Executor threads = Executors.newFixedThreadPool(CONNECTIONS);
  private final PostIds ids = new PostIds();

  private PostgresFront(int port) throws SQLException {
    for (int i = 0; i < CONNECTIONS; i++) {
      Connection connection = connect(port);
      sessions.add(
          new Session(
              connection,
              connection.prepareStatement(SELECT),
              connection.prepareStatement(INSERT)));
    }
  }

  /** Takes the port to serve and that of Postgres. */
  public static void main(String[] arguments) throws IOException, SQLException {
    var front = new PostgresFront(Integer.parseInt(arguments[1]));
    new FeedServer()
        .reads(front::read)
        .publishes(front::publish)
        .serveUntilParentLeaves(Integer.parseInt(arguments[0]));
  }

  static Connection connect(int port) throws SQLException {
    return DriverManager.getConnection(
        "jdbc:postgresql://127.0.0.1:%d/postgres?user=postgres&prepareThreshold=1".formatted(port));
  }

  private interface Work<R> {
    R with(Session session) throws SQLException;
  }

  private <R> CompletionStage<R> submit(Work<R> work) {
    return CompletableFuture.supplyAsync(() -> run(work), threads);
  }

  /** There are as many sessions as threads: none waits for one. */
  private <R> R run(Work<R> work) {
    Session session = sessions.remove();
    try {
      return work.with(session);
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    } finally {
      sessions.add(session);
    }
  }

  private CompletionStage<byte[]> read(ReadFeedRequest request) {
    return submit(session -> page(session.select(), request));
  }

  private static byte[] page(PreparedStatement select, ReadFeedRequest request)
      throws SQLException {
    select.setString(1, request.getCursor().isEmpty() ? NEWEST : request.getCursor());
    select.setInt(2, request.getPageSize());
    select.setString(3, request.getUserId());
    select.setInt(4, request.getPageSize());
    List<byte[]> cards = new ArrayList<>(request.getPageSize());
    String newest = "";
    String oldest = "";
    try (ResultSet rows = select.executeQuery()) {
      while (rows.next()) {
        oldest = rows.getString(1);
        if (newest.isEmpty()) newest = oldest;
        cards.add(rows.getBytes(2));
      }
    }
    return PageBytes.of(cards, oldest, newest.getBytes(StandardCharsets.US_ASCII));
  }

  private CompletionStage<PublishResponse> publish(PublishRequest request) {
    String id = ids.next();
    return submit(
        session -> {
          PreparedStatement insert = session.insert();
          insert.setString(1, id);
          insert.setString(2, request.getAuthorId());
          insert.setBytes(3, PostIds.cardOf(id, request).toByteArray());
          insert.executeUpdate();
          return PublishResponse.newBuilder().setPostId(id).build();
        });
  }
}
