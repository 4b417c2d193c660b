package io.tideline.bench.side;

import com.google.protobuf.ByteString;
import io.tideline.bench.data.Corpus;
import io.tideline.bench.data.Dataset;
import io.tideline.bench.data.Page;
import io.tideline.bench.driver.Rpc;
import io.tideline.client.TidelineClient;
import io.tideline.protocols.v1.Card;
import io.tideline.protocols.v1.FollowManyRequest;
import io.tideline.protocols.v1.PostContent;
import io.tideline.protocols.v1.PublishRequest;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** A node of Tideline whose timelines stay resident. */
public final class TidelineSide implements Side {
  /** How many entries of a timeline are in memory. */
  private static final int CAPACITY = 800;

  private static final int WALK = 100;
  private static final int UNDER_WAY = 256;

  /** The limit has their answers in memory. */
  private static final int MOST_DEEP = 70_000;

  /** Who follows the marks, which are so many that each partition of the log has one. */
  private static final String WITNESS = "bench-witness";

  private static final int MARKS = 100;
  private static final Duration TO_SETTLE = Duration.ofMinutes(2);

  private final int megabytes;
  private final List<String> options;
  private final TidelineNode node;

  private TidelineSide(Path home, Path directory, int readers) {
    // Twice what timelines need, so that collecting is not what is measured.
    megabytes = 1_024 + readers / 8;
    options =
        List.of(
            TidelineNode.AGENT,
            "-Xmx" + megabytes + "m",
            "-Dtideline.persistence.user.passivate-after=24h");
    node = TidelineNode.start(home, directory, options);
  }

  /**
   * Starts servers and node.
   *
   * @param home the checkout; its cluster-node must be built
   * @param readers how many timelines must fit into memory
   */
  public static TidelineSide start(Path home, Path directory, int readers) {
    return new TidelineSide(home, directory, readers);
  }

  private TidelineClient client() {
    return node.client();
  }

  /** Brings follows and posts in, by the API. */
  public void fill(Dataset dataset) {
    try (TidelineClient client = client()) {
      var marks = FollowManyRequest.newBuilder().setUserId(WITNESS);
      for (int i = 0; i < MARKS; i++) marks.addFolloweeIds(markOf(i));
      client.followMany(marks.build()).join();
    }
    node.fill(dataset);
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
    // One object for each id, in however many timelines it is.
    Map<String, String> ids = new ConcurrentHashMap<>();
    List<Page> newest = new ArrayList<>();
    List<Page> deep = new ArrayList<>();
    Map<String, Integer> expected = dataset.entries();
    Duration patience = TO_SETTLE.plusMillis(10L * dataset.readers().size());
    long giveUpAt = System.nanoTime() + patience.toNanos();
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
                              cards.putAll(walk.cards);
                              walk.ids.replaceAll(id -> ids.computeIfAbsent(id, one -> one));
                              timelines.put(reader, walk.ids);
                              return walk.keepPages(file, newest, deep);
                            }));
          }
        }
        waiting = short_;
        if (!waiting.isEmpty() && System.nanoTime() > giveUpAt) {
          throw new IllegalStateException(
              "%d timelines, as that of %s, are not complete after %d s"
                  .formatted(waiting.size(), waiting.get(0), patience.toSeconds()));
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
      for (Page page : further) {
        kept =
            kept.thenCompose(
                done ->
                    isFull(deep)
                        ? CompletableFuture.completedFuture(null)
                        : keep(file, page, deep));
      }
      return kept;
    }

    private static boolean isFull(List<Page> pages) {
      synchronized (pages) {
        return pages.size() >= MOST_DEEP;
      }
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
    return "one node (-Xmx%dm, Kamon agent), Cassandra 5.0 (%s) and Kafka (%s) of local-stack"
        .formatted(megabytes, Heap.limitOf(node.cassandraPid()), Heap.limitOf(node.kafka().pid()));
  }

  @Override
  public InetSocketAddress address() {
    return node.address();
  }

  @Override
  public List<Long> processes() {
    return node.processes();
  }

  @Override
  public String cursor(Page page) {
    return page.cursor();
  }

  @Override
  public OptionalLong cassandraWrites() {
    try (CassandraCounters counters = node.cassandraCounters()) {
      return OptionalLong.of(counters.now().allWrites());
    }
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

  @Override
  public boolean keepAwake(Collection<String> readers) {
    node.restart(options);
    node.readNewest(readers);
    return true;
  }

  private static String markOf(int number) {
    return "bench-mark-" + number;
  }

  @Override
  public void close() {
    node.close();
  }
}
