package io.tideline.bench.side;

import com.google.protobuf.ByteString;
import io.tideline.bench.data.Corpus;
import io.tideline.bench.data.Dataset;
import io.tideline.bench.data.Page;
import io.tideline.bench.driver.Rpc;
import io.tideline.client.TidelineClient;
import io.tideline.localstack.LocalCassandra;
import io.tideline.localstack.LocalStack;
import io.tideline.protocols.v1.Card;
import io.tideline.protocols.v1.FollowManyRequest;
import io.tideline.protocols.v1.PostContent;
import io.tideline.protocols.v1.PublishRequest;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** One node of Tideline, run as users run it, with a Cassandra and a Kafka of its own. */
public final class TidelineSide implements Side {
  /** How many entries of a timeline are in memory. */
  private static final int CAPACITY = 800;

  private static final int WALK = 100;
  private static final int MOST_FOLLOWEES_PER_CALL = 5_000;
  private static final int UNDER_WAY = 256;

  /** Who follows the marks, which are so many that each partition of the log has one. */
  private static final String WITNESS = "bench-witness";

  private static final int MARKS = 100;
  private static final Duration TO_SETTLE = Duration.ofMinutes(2);

  private final int grpcPort = ServerProcess.freePort();
  private final int managementPort = ServerProcess.freePort();
  private final int megabytes;
  private final LocalStack stack;
  private final ServerProcess node;

  private TidelineSide(Path home, Path directory, int readers) {
    Path build = home.resolve("cluster-node").resolve("target");
    megabytes = 1_024 + readers / 20;
    stack =
        LocalStack.start(
            LocalStack.Options.in(directory.resolve("stack")).withReport(TidelineSide::ignore));
    try {
      node =
          ServerProcess.java(
              name(),
              directory.resolve("tideline.log"),
              List.of(
                  "-Xmx" + megabytes + "m",
                  "-javaagent:" + build.resolve("agent/kanela-agent.jar"),
                  "-Dtideline.persistence.user.passivate-after=24h"),
              classPath(build),
              Map.of(
                  "TIDELINE_LOG", "text",
                  "TIDELINE_GRPC_PORT", Integer.toString(grpcPort),
                  "TIDELINE_CLUSTER_PORT", Integer.toString(ServerProcess.freePort()),
                  "TIDELINE_MANAGEMENT_PORT", Integer.toString(managementPort),
                  "TIDELINE_CASSANDRA", stack.cassandra().contactPoint(),
                  "TIDELINE_CASSANDRA_DC", LocalCassandra.DATA_CENTER,
                  "TIDELINE_KAFKA", stack.kafka().bootstrapServers()),
              "io.tideline.node.cli.ChildNode");
    } catch (RuntimeException e) {
      stack.close();
      throw e;
    }
  }

  /**
   * Starts servers and node.
   *
   * @param home the checkout; its cluster-node must be built
   * @param readers how many timelines must fit into memory
   */
  public static TidelineSide start(Path home, Path directory, int readers) {
    var side = new TidelineSide(home, directory, readers);
    try {
      side.node.awaitReady(side::isReady);
    } catch (RuntimeException e) {
      side.close();
      throw e;
    }
    return side;
  }

  private static void ignore(String news) {
    // The servers' ports interest nobody here.
  }

  private static String classPath(Path build) {
    try (Stream<Path> files = Files.list(build)) {
      Path jar =
          files
              .filter(file -> file.getFileName().toString().matches("tideline-cluster-node-.*jar"))
              .findFirst()
              .orElseThrow(() -> new IllegalStateException("no jar of a node in " + build));
      return jar + File.pathSeparator + Files.readString(build.resolve("class-path")).strip();
    } catch (IOException e) {
      throw new UncheckedIOException("the node is not built in " + build, e);
    }
  }

  private boolean isReady() {
    try {
      var url = URI.create("http://127.0.0.1:" + managementPort + "/ready").toURL();
      var connection = (HttpURLConnection) url.openConnection();
      try {
        return connection.getResponseCode() == 200;
      } finally {
        connection.disconnect();
      }
    } catch (IOException e) {
      return false;
    }
  }

  private TidelineClient client() {
    return TidelineClient.builder()
        .cell("127.0.0.1:" + grpcPort)
        .deadline(Duration.ofSeconds(60))
        .build();
  }

  /** Brings follows and posts in, by the API. */
  public void fill(Dataset dataset) {
    try (TidelineClient client = client()) {
      var marks = FollowManyRequest.newBuilder().setUserId(WITNESS);
      for (int i = 0; i < MARKS; i++) marks.addFolloweeIds(markOf(i));
      client.followMany(marks.build()).join();
      try (var window = new Window(UNDER_WAY)) {
        dataset
            .follows()
            .forEach(
                (reader, followees) -> {
                  for (int from = 0; from < followees.size(); from += MOST_FOLLOWEES_PER_CALL) {
                    int to = Math.min(followees.size(), from + MOST_FOLLOWEES_PER_CALL);
                    var request =
                        FollowManyRequest.newBuilder()
                            .setUserId(reader)
                            .addAllFolloweeIds(followees.subList(from, to))
                            .build();
                    window.run(() -> client.followMany(request));
                  }
                });
      }
      try (var window = new Window(UNDER_WAY)) {
        for (Dataset.SourcePost post : dataset.posts()) {
          var request =
              PublishRequest.newBuilder()
                  .setAuthorId(post.author())
                  .setIdempotencyKey(post.key())
                  .setContent(PostContent.newBuilder().setTitle(post.title()))
                  .setCreatedAtMillis(post.createdAtMillis())
                  .build();
          window.run(() -> client.publish(request));
        }
      }
    }
  }

  /**
   * Reads every timeline, which makes it resident, until each has all of its entries, and keeps the
   * answers.
   *
   * @param answers the file that {@link LimitSide} takes
   */
  public Corpus read(Dataset dataset, Path answers) {
    Map<String, List<String>> timelines = new ConcurrentHashMap<>();
    Map<String, ByteString> cards = new ConcurrentHashMap<>();
    List<Page> newest = new ArrayList<>();
    List<Page> deep = new ArrayList<>();
    Map<String, Integer> expected = dataset.entries();
    long giveUpAt = System.nanoTime() + TO_SETTLE.toNanos();
    try (TidelineClient client = client();
        AnswerFile file = AnswerFile.create(answers)) {
      List<String> waiting = List.copyOf(dataset.readers());
      while (!waiting.isEmpty()) {
        List<String> short_ = new ArrayList<>();
        try (var window = new Window(UNDER_WAY / 4)) {
          for (String reader : waiting) {
            int entries = Math.min(CAPACITY, expected.getOrDefault(reader, 0));
            var walk = new Walk(client, reader, entries);
            window.run(
                () ->
                    walk.go()
                        .thenCompose(
                            whole -> {
                              if (!whole) {
                                synchronized (short_) {
                                  short_.add(reader);
                                }
                                return CompletableFuture.completedFuture(null);
                              }
                              timelines.put(reader, walk.ids);
                              cards.putAll(walk.cards);
                              return walk.keepPages(file, newest, deep);
                            }));
          }
        }
        waiting = short_;
        if (!waiting.isEmpty() && System.nanoTime() > giveUpAt) {
          throw new IllegalStateException(
              "%d timelines, as that of %s, are not complete after %d s"
                  .formatted(waiting.size(), waiting.get(0), TO_SETTLE.toSeconds()));
        }
      }
    }
    return new Corpus(timelines, cards, List.copyOf(newest), List.copyOf(deep));
  }

  /** One reader's way down the feed. */
  private static final class Walk {
    private final TidelineClient client;
    private final String reader;
    private final int entries;
    private final List<String> ids = new ArrayList<>();
    private final Map<String, ByteString> cards = new ConcurrentHashMap<>();
    private final List<Page> further = new ArrayList<>();

    private Walk(TidelineClient client, String reader, int entries) {
      this.client = client;
      this.reader = reader;
      this.entries = entries;
    }

    /** True when there were as many entries as there should be. */
    private CompletableFuture<Boolean> go() {
      return page("");
    }

    private CompletableFuture<Boolean> page(String cursor) {
      var request =
          ReadFeedRequest.newBuilder()
              .setUserId(reader)
              .setPageSize(Math.min(WALK, entries - ids.size()))
              .setCursor(cursor)
              .build();
      return client.readFeed(request).thenCompose(this::take);
    }

    private CompletableFuture<Boolean> take(ReadFeedResponse page) {
      for (Card card : page.getCardsList()) {
        ids.add(card.getPost().getPostId());
        cards.put(card.getPost().getPostId(), card.toByteString());
      }
      if (ids.size() >= entries || page.getNextCursor().isEmpty() || page.getCardsCount() == 0) {
        return CompletableFuture.completedFuture(ids.size() == entries);
      }
      if (ids.size() + Rpc.PAGE_SIZE <= entries) {
        further.add(new Page(reader, ids.size(), page.getNextCursor()));
      }
      return page(page.getNextCursor());
    }

    private CompletableFuture<@Nullable Void> keepPages(
        AnswerFile file, List<Page> newest, List<Page> deep) {
      CompletableFuture<@Nullable Void> kept = keep(file, new Page(reader, 0, ""), newest);
      for (Page page : further) kept = kept.thenCompose(done -> keep(file, page, deep));
      return kept;
    }

    private CompletableFuture<@Nullable Void> keep(AnswerFile file, Page page, List<Page> pages) {
      return client
          .readFeed(Side.request(page, page.cursor()))
          .thenAccept(
              answer -> {
                file.add(page.reader(), page.cursor(), answer);
                synchronized (pages) {
                  pages.add(page);
                }
              });
    }
  }

  @Override
  public String name() {
    return "tideline";
  }

  @Override
  public String describe() {
    return "one node (-Xmx%dm, Kamon agent), Cassandra 5.0 and Kafka of local-stack"
        .formatted(megabytes);
  }

  @Override
  public InetSocketAddress address() {
    return ServerProcess.loopback(grpcPort);
  }

  @Override
  public List<Long> processes() {
    List<Long> pids = new ArrayList<>(node.pids());
    pids.add(stack.cassandra().pid());
    pids.add(stack.kafka().pid());
    return pids;
  }

  @Override
  public String cursor(Page page) {
    return page.cursor();
  }

  @Override
  public OptionalLong cassandraWrites() {
    return OptionalLong.of(CassandraWrites.of(stack.cassandra().port(), "tideline"));
  }

  /**
   * Each partition of the log is delivered in order: when a post that was published last has come
   * out of each, so has everything before.
   */
  @Override
  public void awaitDelivered() {
    Set<String> missing = ConcurrentHashMap.newKeySet();
    try (TidelineClient client = client()) {
      try (var window = new Window(MARKS)) {
        for (int i = 0; i < MARKS; i++) {
          var mark =
              PublishRequest.newBuilder()
                  .setAuthorId(markOf(i))
                  .setIdempotencyKey(UUID.randomUUID().toString())
                  .setContent(PostContent.newBuilder().setTitle("mark"))
                  .build();
          window.run(
              () -> client.publish(mark).thenAccept(answer -> missing.add(answer.getPostId())));
        }
      }
      var witness = ReadFeedRequest.newBuilder().setUserId(WITNESS).setPageSize(MARKS).build();
      long giveUpAt = System.nanoTime() + TO_SETTLE.toNanos();
      while (!missing.isEmpty()) {
        for (Card card : client.readFeed(witness).join().getCardsList()) {
          missing.remove(card.getPost().getPostId());
        }
        if (System.nanoTime() > giveUpAt) {
          throw new IllegalStateException(
              "posts have not reached their followers after " + TO_SETTLE);
        }
      }
    }
  }

  private static String markOf(int number) {
    return "bench-mark-" + number;
  }

  @Override
  public void close() {
    node.close();
    stack.close();
  }
}
