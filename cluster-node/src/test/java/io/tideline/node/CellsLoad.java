package io.tideline.node;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import io.grpc.StatusRuntimeException;
import io.tideline.client.TidelineClient;
import io.tideline.protocols.v1.FollowManyRequest;
import io.tideline.protocols.v1.FollowRequest;
import io.tideline.protocols.v1.GetReadStateRequest;
import io.tideline.protocols.v1.ListFollowingRequest;
import io.tideline.protocols.v1.MarkReadRequest;
import io.tideline.protocols.v1.Post;
import io.tideline.protocols.v1.PostContent;
import io.tideline.protocols.v1.PublishRequest;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import io.tideline.protocols.v1.UnfollowRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/**
 * People of several cells, each of whom calls one: authors who post, readers who follow all of
 * them, come to follow others and leave them again, read and mark what they have read. All that was
 * acknowledged is remembered, and judged at the end by what each cell says.
 */
final class CellsLoad implements AutoCloseable {
  private static final int FEW = 3;
  private static final int VISITED = 3;
  private static final Duration PATIENCE = Duration.ofMinutes(4);
  private static final Duration GENTLE = Duration.ofMillis(600);

  /** One call that was answered: in which cell, when, and how long it took. */
  record Answered(String cell, boolean read, long at, double millis) {}

  private final String name;
  private final Map<String, TidelineClient> cells;
  private final History history = new History();
  private final List<String> readers = new ArrayList<>();
  private final Set<String> authors = new HashSet<>();
  private final Map<String, Set<String>> following = new ConcurrentHashMap<>();
  private final Map<String, String> lastPosts = new ConcurrentHashMap<>();
  private final Map<String, String> readTo = new ConcurrentHashMap<>();
  private final Map<String, String> shownReadTo = new ConcurrentHashMap<>();
  private final ConcurrentLinkedQueue<Answered> answered = new ConcurrentLinkedQueue<>();
  private final ConcurrentLinkedQueue<Throwable> wrong = new ConcurrentLinkedQueue<>();
  private final AtomicInteger keys = new AtomicInteger();
  private final AtomicInteger failedCalls = new AtomicInteger();
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final List<CompletableFuture<Void>> running = new ArrayList<>();
  private volatile boolean stopped;

  /** Few, with 0.6 s between what each of them does. */
  CellsLoad(String name, Map<String, TidelineClient> cells) {
    this(name, cells, GENTLE, FEW);
  }

  /**
   * @param name so that nobody is known from before
   * @param cells a client of each, by name
   * @param pause between what each of them does
   * @param people how many authors, and how many readers, call each cell
   */
  CellsLoad(String name, Map<String, TidelineClient> cells, Duration pause, int people) {
    this.name = name;
    this.cells = new TreeMap<>(cells);
    List<String> visited = people("visited", VISITED);
    this.cells.keySet().forEach(cell -> authors.addAll(people(cell + "-author", people)));
    this.cells.forEach(
        (cell, client) -> {
          people(cell + "-reader", people).forEach(reader -> settle(client, reader));
        });
    TidelineClient any = this.cells.values().iterator().next();
    visited.forEach(person -> publish("", any, person));
    this.cells.forEach(
        (cell, client) -> {
          people(cell + "-author", people)
              .forEach(author -> goOn(pause, () -> publish(cell, client, author)));
          people(cell + "-reader", people)
              .forEach(reader -> goOn(pause, new Reader(cell, client, reader, visited)::step));
          goOn(GENTLE, () -> readers.forEach(reader -> lookWhereItWasRead(cell, client, reader)));
        });
  }

  private List<String> people(String role, int count) {
    return IntStream.range(0, count).mapToObj(i -> name + "-" + role + "-" + i).toList();
  }

  private void settle(TidelineClient client, String reader) {
    insist(
        () ->
            client.followMany(
                FollowManyRequest.newBuilder()
                    .setUserId(reader)
                    .addAllFolloweeIds(authors)
                    .build()));
    readers.add(reader);
  }

  private void goOn(Duration pause, Runnable step) {
    running.add(
        CompletableFuture.runAsync(
            () -> {
              try {
                while (!stopped) {
                  step.run();
                  Thread.sleep(pause.toMillis());
                }
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              } catch (RuntimeException | AssertionError e) {
                wrong.add(e);
              }
            },
            threads));
  }

  private void publish(String cell, TidelineClient client, String author) {
    String key = "key " + keys.incrementAndGet();
    history.attempts(author, key);
    PublishRequest request =
        PublishRequest.newBuilder()
            .setAuthorId(author)
            .setIdempotencyKey(key)
            .setContent(PostContent.newBuilder().setText(key))
            .build();
    String post = timed(cell, false, () -> client.publish(request)).getPostId();
    history.acknowledged(author, key, post);
    notBack(lastPosts, author, post, "newest post", author);
  }

  private final class Reader {
    private final String cell;
    private final TidelineClient client;
    private final String reader;
    private final List<String> visited;
    private final Set<String> followed;
    private int steps;

    Reader(String cell, TidelineClient client, String reader, List<String> visited) {
      this.cell = cell;
      this.client = client;
      this.reader = reader;
      this.visited = visited;
      followed = following.computeIfAbsent(reader, name -> new HashSet<>(authors));
    }

    void step() {
      String person = visited.get(steps++ % visited.size());
      if (followed.remove(person)) {
        UnfollowRequest leave =
            UnfollowRequest.newBuilder().setUserId(reader).setFolloweeId(person).build();
        timed(cell, false, () -> client.unfollow(leave));
      } else {
        FollowRequest visit =
            FollowRequest.newBuilder().setUserId(reader).setFolloweeId(person).build();
        timed(cell, false, () -> client.follow(visit));
        followed.add(person);
      }
      ReadFeedResponse page =
          timed(
              cell,
              true,
              () -> client.readFeed(ReadFeedRequest.newBuilder().setUserId(reader).build()));
      if (page.getCardsCount() == 0) return;
      MarkReadRequest mark =
          MarkReadRequest.newBuilder()
              .setUserId(reader)
              .setPostId(page.getCards(page.getCardsCount() / 2).getPost().getPostId())
              .build();
      String position = timed(cell, false, () -> client.markRead(mark)).getReadPostId();
      notBack(readTo, reader, position, "read position acknowledged", reader);
    }
  }

  private void lookWhereItWasRead(String cell, TidelineClient client, String reader) {
    GetReadStateRequest request = GetReadStateRequest.newBuilder().setUserId(reader).build();
    try {
      String position = client.getReadState(request).join().getReadPostId();
      notBack(shownReadTo, cell + " " + reader, position, "read position in " + cell, reader);
    } catch (CompletionException e) {
      if (!passes(e)) throw e;
    }
  }

  private static void notBack(
      Map<String, String> positions, String key, String position, String what, String whose) {
    String before = positions.put(key, position);
    if (before != null) {
      assertThat(position).as("%s, %s", what, whose).isGreaterThanOrEqualTo(before);
    }
  }

  private <T> T timed(String cell, boolean read, Supplier<CompletableFuture<T>> call) {
    long startedAt = System.nanoTime();
    T answer = insist(call);
    long now = System.nanoTime();
    answered.add(new Answered(cell, read, now, (now - startedAt) / 1e6));
    return answer;
  }

  /** Again and again until it is answered; what does not pass is the caller's. */
  private <T> T insist(Supplier<CompletableFuture<T>> call) {
    long giveUpAt = System.nanoTime() + PATIENCE.toNanos();
    while (true) {
      try {
        return call.get().join();
      } catch (CompletionException e) {
        if (!passes(e) || System.nanoTime() > giveUpAt) throw e;
        failedCalls.incrementAndGet();
      }
      try {
        TimeUnit.MILLISECONDS.sleep(100);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  /** Whether it may be answered later. */
  static boolean passes(CompletionException e) {
    return e.getCause() instanceof StatusRuntimeException failure
        && TestClient.isWorthRetrying(failure);
  }

  /** Nobody has been told anything wrong so far. */
  void assertWell() {
    assertThat(wrong).isEmpty();
  }

  /** The milliseconds of the calls in a cell between two moments, shortest first. */
  List<Double> millis(String cell, boolean reads, long from, long to) {
    return answered.stream()
        .filter(call -> call.cell.equals(cell) && call.read == reads)
        .filter(call -> call.at - from >= 0 && call.at - to < 0)
        .map(Answered::millis)
        .sorted()
        .toList();
  }

  /** How many posts, follows and marks were acknowledged in all cells between two moments. */
  long writes(long from, long to) {
    return cells.keySet().stream().mapToLong(cell -> millis(cell, false, from, to).size()).sum();
  }

  List<String> readers() {
    return List.copyOf(readers);
  }

  /** No more calls; returns when all that are under way have been answered. */
  void stop() {
    stopped = true;
    CompletableFuture.allOf(running.toArray(CompletableFuture[]::new)).join();
    assertWell();
    following.forEach(history::follows);
  }

  /** Fails unless the cell has all that was acknowledged, and nothing else. */
  void verify(String cell) {
    TidelineClient client = requireNonNull(cells.get(cell));
    for (String reader : readers) {
      assertThat(followed(client, reader))
          .as("whom %s follows in %s", reader, cell)
          .containsExactlyInAnyOrderElementsOf(following.get(reader));
      List<Post> feed = feed(client, reader);
      assertThatCode(() -> history.verify(reader, feed))
          .as("what %s finds in %s", reader, cell)
          .doesNotThrowAnyException();
      assertThat(
              client
                  .getReadState(GetReadStateRequest.newBuilder().setUserId(reader).build())
                  .join()
                  .getReadPostId())
          .as("how far %s has read in %s", reader, cell)
          .isEqualTo(readTo.get(reader));
    }
  }

  /**
   * Whether the cells show the same now: newest pages, whom everybody follows, how far they read.
   */
  boolean isSameEverywhere() {
    return readers.stream()
        .allMatch(
            reader ->
                cells.values().stream().map(client -> seenBy(client, reader)).distinct().count()
                    == 1);
  }

  private static List<Object> seenBy(TidelineClient client, String reader) {
    ReadFeedRequest newest =
        ReadFeedRequest.newBuilder().setUserId(reader).setPageSize(100).build();
    return List.of(
        client.readFeed(newest).join().getCardsList().stream()
            .map(card -> card.getPost().getPostId())
            .toList(),
        Set.copyOf(followed(client, reader)),
        client
            .getReadState(GetReadStateRequest.newBuilder().setUserId(reader).build())
            .join()
            .getReadPostId());
  }

  private static Collection<String> followed(TidelineClient client, String reader) {
    return client
        .listFollowing(ListFollowingRequest.newBuilder().setUserId(reader).build())
        .join()
        .getFolloweeIdsList();
  }

  /** All of it, newest first. */
  static List<Post> feed(TidelineClient client, String reader) {
    List<Post> feed = new ArrayList<>();
    String next = "";
    do {
      ReadFeedRequest request =
          ReadFeedRequest.newBuilder().setUserId(reader).setPageSize(100).setCursor(next).build();
      ReadFeedResponse page = client.readFeed(request).join();
      page.getCardsList().forEach(card -> feed.add(card.getPost()));
      next = page.getNextCursor();
    } while (!next.isEmpty());
    return feed;
  }

  @Override
  public String toString() {
    return "%d posts, %d calls answered, %d failed and were repeated"
        .formatted(history.size(), answered.size(), failedCalls.get());
  }

  @Override
  public void close() {
    stopped = true;
    threads.shutdownNow();
  }
}
