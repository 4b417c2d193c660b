package io.tideline.bench.side;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.cql.PreparedStatement;
import com.google.protobuf.ByteString;
import io.tideline.bench.data.Corpus;
import io.tideline.bench.data.Dataset;
import io.tideline.bench.data.Page;
import io.tideline.localstack.Compiler;
import io.tideline.localstack.LocalCassandra;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/** Another usual way: timelines in Cassandra, written to every follower, behind a gRPC front. */
public final class CassandraSide implements Side {
  private static final int UNDER_WAY = 512;

  private final int grpcPort = ServerProcess.freePort();
  private final LocalCassandra cassandra;
  private final ServerProcess front;
  private final Corpus corpus;

  private CassandraSide(Path directory, Dataset dataset, Corpus corpus) {
    this.corpus = corpus;
    cassandra =
        LocalCassandra.start(
            LocalCassandra.Options.in(directory.resolve("cassandra"))
                .withCompiler(Compiler.FULL)
                .withReport(CassandraSide::ignore));
    try {
      fill();
      Path followers = directory.resolve("followers-cassandra");
      FollowersFile.write(followers, dataset.followers());
      front =
          ServerProcess.front(
              "Cassandra",
              directory.resolve("cassandra-front.log"),
              CassandraFront.class,
              Integer.toString(grpcPort),
              Integer.toString(cassandra.port()),
              followers.toString());
    } catch (RuntimeException e) {
      cassandra.close();
      throw e;
    }
  }

  private static void ignore(String news) {
    // Its port interests nobody here.
  }

  /** Starts Cassandra and its front and fills them with what Tideline answered. */
  public static CassandraSide start(Path directory, Dataset dataset, Corpus corpus) {
    var side = new CassandraSide(directory, dataset, corpus);
    try {
      side.front.awaitPort(side.grpcPort);
    } catch (RuntimeException e) {
      side.close();
      throw e;
    }
    return side;
  }

  private void fill() {
    try (CqlSession session = CassandraFront.connect(cassandra.port())) {
      session.execute(
          "CREATE KEYSPACE bench WITH replication ="
              + " {'class': 'SimpleStrategy', 'replication_factor': 1}");
      session.execute(
          "CREATE TABLE bench.timelines (reader text, post_id text, card blob,"
              + " PRIMARY KEY (reader, post_id)) WITH CLUSTERING ORDER BY (post_id DESC)");
      PreparedStatement insert = session.prepare(CassandraFront.INSERT);
      try (var window = new Window(UNDER_WAY)) {
        corpus
            .timelines()
            .forEach(
                (reader, ids) -> {
                  for (String id : ids) {
                    ByteString card = corpus.cards().getOrDefault(id, ByteString.EMPTY);
                    window.run(
                        () ->
                            session.executeAsync(
                                insert.bind(reader, id, card.asReadOnlyByteBuffer())));
                  }
                });
      }
    }
  }

  @Override
  public String name() {
    return "cassandra";
  }

  @Override
  public String describe() {
    return "Cassandra 5.0 of local-stack (%s), a partition for each reader with whole cards, behind grpc-java on Netty (%s) with the DataStax driver"
        .formatted(Heap.limitOf(cassandra.pid()), Heap.limitOf(front.pids().get(0)));
  }

  @Override
  public InetSocketAddress address() {
    return ServerProcess.loopback(grpcPort);
  }

  @Override
  public List<Long> processes() {
    List<Long> pids = new ArrayList<>(front.pids());
    pids.add(cassandra.pid());
    return pids;
  }

  @Override
  public String cursor(Page page) {
    return corpus.above(page);
  }

  @Override
  public OptionalLong cassandraWrites() {
    try (var counters = new CassandraCounters(cassandra.port(), "bench")) {
      return OptionalLong.of(counters.now().allWrites());
    }
  }

  @Override
  public void close() {
    front.close();
    cassandra.close();
  }
}
