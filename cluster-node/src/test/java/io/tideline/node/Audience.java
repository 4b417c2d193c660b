package io.tideline.node;

import static org.awaitility.Awaitility.await;

import io.grpc.StatusRuntimeException;
import io.tideline.protocols.v1.Post;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Some authors, and readers who follow all of them; everything they do is recorded. */
final class Audience {
  private static final Duration PATIENCE = Duration.ofSeconds(90);

  private final TestClient client;
  private final History history = new History();
  private final List<String> authors;
  private final List<String> readers;
  private final String name;
  private final AtomicInteger keys = new AtomicInteger();

  private Audience(TestClient client, String name, int authors, int readers) {
    this.client = client;
    this.name = name;
    this.authors = named(name + "-author-", authors);
    this.readers = named(name + "-reader-", readers);
  }

  /** Everybody follows, everybody has one post of each author, and all feeds are awake. */
  static Audience gather(TestClient client, String name, int authors, int readers) {
    Audience audience = new Audience(client, name, authors, readers);
    Set<String> all = Set.copyOf(audience.authors);
    for (String reader : audience.readers) {
      client.follow(reader, all);
      audience.history.follows(reader, all);
    }
    audience.authors.forEach(audience::publish);
    audience.verify();
    return audience;
  }

  private static List<String> named(String prefix, int count) {
    return IntStream.range(0, count).mapToObj(i -> prefix + i).toList();
  }

  List<String> authors() {
    return authors;
  }

  List<String> readers() {
    return readers;
  }

  History history() {
    return history;
  }

  String newKey(String author) {
    String key = name + " " + keys.getAndIncrement();
    history.attempts(author, key);
    return key;
  }

  /** Publishes, on whatever node takes it. */
  void publish(String author) {
    String key = newKey(author);
    history.acknowledged(author, key, client.publish(author, key));
  }

  /** Publishes on this node at the first attempt. */
  void publishAt(ClusterNode node, String author) {
    String key = newKey(author);
    history.acknowledged(author, key, client.publishAt(node, author, key));
  }

  /** All authors publish, each one post after the other, until this is closed. */
  Load underLoad() {
    return new Load();
  }

  final class Load implements AutoCloseable {
    private final AtomicBoolean stopped = new AtomicBoolean();
    private final ExecutorService threads = Executors.newFixedThreadPool(authors.size());
    private final List<CompletableFuture<Void>> publishing = new ArrayList<>();

    private Load() {
      for (String author : authors) {
        publishing.add(CompletableFuture.runAsync(() -> publishOnAndOn(author), threads));
      }
    }

    private void publishOnAndOn(String author) {
      while (!stopped.get()) {
        publish(author);
        // About 80 in a minute: a feed keeps 800.
        sleep(Duration.ofMillis(700));
      }
    }

    /** Returns when this many more posts have been acknowledged. */
    void awaitMore(int posts) {
      int wanted = history.size() + posts;
      await(posts + " more posts")
          .atMost(PATIENCE)
          .failFast(() -> publishing.stream().anyMatch(CompletableFuture::isDone))
          .until(() -> history.size() >= wanted);
    }

    @Override
    public void close() {
      stopped.set(true);
      try {
        CompletableFuture.allOf(publishing.toArray(CompletableFuture[]::new)).join();
      } finally {
        threads.shutdownNow();
      }
    }
  }

  /** Every reader finds what is owed, once and in order, as soon as it has arrived. */
  void verify() {
    for (String reader : readers) {
      await(reader + " to find everything")
          .atMost(PATIENCE)
          .pollInterval(Duration.ofMillis(100))
          .untilAsserted(() -> history.verify(reader, client.read(reader)));
    }
  }

  /** What everybody finds now, after it has been judged. */
  List<List<String>> feeds() {
    verify();
    return readers.stream().map(reader -> ids(client.read(reader))).toList();
  }

  /** Every reader finds everything at this node, at the first attempt. */
  void verifyAt(ClusterNode node) {
    for (String reader : readers) history.verify(reader, client.readAt(node, reader));
  }

  /** Every reader finds everything at this node soon. */
  void awaitAt(ClusterNode node) {
    await("all feeds to be read at " + node)
        .atMost(Duration.ofSeconds(30))
        .ignoreExceptionsMatching(
            e -> e instanceof StatusRuntimeException failure && TestClient.isWorthRetrying(failure))
        .untilAsserted(() -> verifyAt(node));
  }

  private static List<String> ids(List<Post> feed) {
    return feed.stream().map(Post::getPostId).collect(Collectors.toList());
  }

  private static void sleep(Duration duration) {
    try {
      Thread.sleep(duration.toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
