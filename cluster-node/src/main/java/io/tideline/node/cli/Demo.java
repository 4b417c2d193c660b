package io.tideline.node.cli;

import io.tideline.protocols.v1.Card;
import io.tideline.protocols.v1.FollowManyRequest;
import io.tideline.protocols.v1.GetTopologyRequest;
import io.tideline.protocols.v1.NodeState;
import io.tideline.protocols.v1.PostContent;
import io.tideline.protocols.v1.PublishRequest;
import io.tideline.protocols.v1.PublishResponse;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import io.tideline.protocols.v1.Topology;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.function.Supplier;

/** The story that {@code tideline demo} tells; every claim it makes it has checked. */
final class Demo {
  private static final Duration PATIENCE = Duration.ofSeconds(90);
  private static final int LIVE_POSTS = 100;
  private static final int WIDTH = 96;

  private final List<String> addresses;
  private final Story story;
  private final ExampleGraph graph = ExampleGraph.create();
  private final Map<String, List<String>> expected = new HashMap<>();

  Demo(List<String> addresses, Story story) {
    this.addresses = addresses;
    this.story = story;
  }

  void showNodes() {
    try (FeedClient client = via(0)) {
      Topology topology = eventually(() -> topology(client), this::allUp);
      NodesCommand.table(topology).lines().forEach(story::say);
      story.check(allUp(topology), "all %d nodes are up", addresses.size());
    }
  }

  private boolean allUp(Topology topology) {
    return topology.getNodesList().stream()
            .filter(node -> node.getState() == NodeState.NODE_STATE_UP)
            .count()
        == addresses.size();
  }

  static Topology topology(FeedClient client) {
    return client.call(Methods.GET_TOPOLOGY, GetTopologyRequest.getDefaultInstance()).getTopology();
  }

  /** Writes the example graph; its calls may be repeated, so a second demo changes nothing. */
  void fill() {
    story.say(
        "%d people, %d follows, %d posts of one week, the same every time",
        graph.people().size(), graph.followCount(), graph.posts().size());
    long startedAt = System.nanoTime();
    try (FeedClient client = via(0)) {
      List<CompletableFuture<?>> calls = new ArrayList<>();
      for (String person : graph.people()) {
        calls.add(
            client.send(
                Methods.FOLLOW_MANY,
                FollowManyRequest.newBuilder()
                    .setUserId(person)
                    .addAllFolloweeIds(graph.followeesOf(person))
                    .build()));
      }
      List<CompletableFuture<PublishResponse>> published = new ArrayList<>();
      for (ExampleGraph.ExamplePost post : graph.posts()) {
        published.add(client.send(Methods.PUBLISH, request(post)));
      }
      calls.addAll(published);
      CompletableFuture.allOf(calls.toArray(CompletableFuture[]::new)).join();
      story.say(
          "%d calls in %.1f s, each durable in Cassandra before it was answered",
          calls.size(), secondsSince(startedAt));
      story.check(
          published.stream()
              .map(call -> call.join().getPostId())
              .toList()
              .equals(graph.posts().stream().map(post -> post.id().toString()).toList()),
          "every post has the id that its time, author and key say");
    }
  }

  private static PublishRequest request(ExampleGraph.ExamplePost post) {
    return PublishRequest.newBuilder()
        .setAuthorId(post.author())
        .setIdempotencyKey(post.key())
        .setContent(PostContent.newBuilder().setText(post.text()))
        .setCreatedAtMillis(post.createdAtMillis())
        .build();
  }

  /** Reads all feeds through all nodes, and shows the top of two. */
  void readFeeds() {
    for (int i = 0; i < 2; i++) {
      String reader = graph.people().get(i);
      try (FeedClient client = via(i)) {
        eventually(() -> idsOf(read(client, reader)), expectedOf(reader)::equals);
        story.say("");
        story.say(
            "The home feed of %s, who follows %s (read from %s):",
            reader, String.join(", ", graph.followeesOf(reader)), addresses.get(i));
        read(client, reader).stream()
            .limit(5)
            .forEach(card -> story.say("  " + FeedText.line(card.getPost(), WIDTH)));
      }
    }
    story.say("");
    long startedAt = System.nanoTime();
    int entries = 0;
    int wrong = 0;
    for (int node = 0; node < addresses.size(); node++) {
      try (FeedClient client = via(node)) {
        for (String reader : graph.people()) {
          List<String> feed =
              eventually(() -> idsOf(read(client, reader)), expectedOf(reader)::equals);
          entries += feed.size();
          if (!feed.equals(expectedOf(reader))) wrong++;
        }
      }
    }
    story.say(
        "%d feeds through each of %d nodes: %,d entries in %.1f s",
        graph.people().size(), addresses.size(), entries, secondsSince(startedAt));
    story.check(wrong == 0, "each is, id for id, what the graph says");
  }

  /** One person watches through one node what another posts through the next. */
  void watchLive() {
    String reader = graph.people().get(0);
    String author = graph.followeesOf(reader).iterator().next();
    int readerNode = addresses.size() - 1;
    try (FeedClient readers = via(readerNode);
        FeedClient authors = via(0);
        Screen screen = Screen.of(readers, reader, PATIENCE)) {
      story.say(
          "%s watches through %s, %s posts through %s:",
          reader, addresses.get(readerNode), author, addresses.get(0));
      double[] durable = new double[LIVE_POSTS];
      double[] visible = new double[LIVE_POSTS];
      for (int i = 0; i < LIVE_POSTS; i++) {
        long sentAt = System.nanoTime();
        String id = publish(authors, author, "Live from the pier, number " + (i + 1)).getPostId();
        long acknowledgedAt = System.nanoTime();
        long seenAt = screen.seenAt(id);
        durable[i] = (acknowledgedAt - sentAt) / 1e6;
        visible[i] = Math.max(0, (seenAt - acknowledgedAt) / 1e6);
        if (i == 0) {
          story.say(
              "the first one is durable after %.1f ms, on the other screen %.1f ms later",
              durable[i], visible[i]);
        }
      }
      Arrays.sort(durable);
      Arrays.sort(visible);
      boolean allSeen = visible[LIVE_POSTS - 1] < PATIENCE.toMillis();
      story.say(
          "%d posts, one after the other: durable after %.1f ms (p50), %.1f ms (p99);",
          LIVE_POSTS, durable[LIVE_POSTS / 2], durable[LIVE_POSTS * 99 / 100]);
      story.say(
          "from durable to the other screen %.1f ms (p50), %.1f ms (p99)",
          visible[LIVE_POSTS / 2], visible[LIVE_POSTS * 99 / 100]);
      story.check(allSeen && screen.isOn(), "all of them arrived");
    }
  }

  private PublishResponse publish(FeedClient client, String author, String text) {
    PublishResponse published =
        client.call(
            Methods.PUBLISH,
            PublishRequest.newBuilder()
                .setAuthorId(author)
                .setIdempotencyKey(UUID.randomUUID().toString())
                .setContent(PostContent.newBuilder().setText(text))
                .build());
    graph.readersOf(author).forEach(reader -> expect(reader, published.getPostId()));
    return published;
  }

  private void expect(String reader, String postId) {
    List<String> feed = expectedOf(reader);
    feed.add(postId);
    // The text form of an id sorts as the id.
    feed.sort(Comparator.reverseOrder());
  }

  private List<String> expectedOf(String reader) {
    return expected.computeIfAbsent(reader, person -> new ArrayList<>(graph.feedOf(person)));
  }

  /** Ends a node without warning, reads and writes on, and counts what is there afterwards. */
  void loseNode(int lost, long pid, Runnable kill) {
    long shards;
    try (FeedClient client = via(0)) {
      shards = shardsOf(topology(client), addresses.get(lost));
    }
    story.say(
        "kill -9 %d: the node on %s, which owned %d shards, is gone",
        pid, addresses.get(lost), shards);
    // The lost one first: every client has to notice for itself.
    List<String> order = new ArrayList<>(addresses);
    order.add(0, order.remove(lost));
    try (FeedClient client = FeedClient.of(order, PATIENCE)) {
      kill.run();
      long startedAt = System.nanoTime();
      Map<String, CompletableFuture<Double>> answered = new HashMap<>();
      for (String reader : graph.people()) {
        answered.put(
            reader,
            client
                .send(Methods.READ_FEED, ReadFeedRequest.newBuilder().setUserId(reader).build())
                .thenApply(answer -> secondsSince(startedAt)));
      }
      String author = graph.people().get(1);
      publish(client, author, "Written while a node was dying");
      double written = secondsSince(startedAt);
      double[] times =
          answered.values().stream().mapToDouble(CompletableFuture::join).sorted().toArray();
      long atOnce = Arrays.stream(times).filter(seconds -> seconds < 1).count();
      story.say(
          "%d of %d feeds are read within a second, the others once their shards have moved: the"
              + " last after %.1f s",
          atOnce, times.length, times[times.length - 1]);
      story.say("a post of %s, sent at the same moment, is durable after %.1f s", author, written);
      int wrong = 0;
      for (String reader : graph.people()) {
        List<String> feed =
            eventually(() -> idsOf(read(client, reader)), expectedOf(reader)::equals);
        if (!feed.equals(expectedOf(reader))) wrong++;
      }
      story.check(wrong == 0, "all %d feeds are complete, the new post included", times.length);
    }
  }

  private static long shardsOf(Topology topology, String address) {
    return topology.getNodesList().stream()
        .filter(node -> node.getGrpcAddress().equals(address))
        .flatMap(
            node -> topology.getShardOwnersMap().values().stream().filter(node.getNodeId()::equals))
        .count();
  }

  private FeedClient via(int node) {
    return FeedClient.of(List.of(addresses.get(node)), PATIENCE);
  }

  static List<Card> read(FeedClient client, String reader) {
    List<Card> cards = new ArrayList<>();
    String cursor = "";
    ReadFeedResponse page;
    do {
      page =
          client.call(
              Methods.READ_FEED,
              ReadFeedRequest.newBuilder()
                  .setUserId(reader)
                  .setPageSize(50)
                  .setCursor(cursor)
                  .build());
      cards.addAll(page.getCardsList());
      cursor = page.getNextCursor();
    } while (!page.getEndOfFeed() && !cursor.isEmpty());
    return cards;
  }

  static List<String> idsOf(List<Card> cards) {
    return cards.stream().map(card -> card.getPost().getPostId()).toList();
  }

  /** Delivery follows by itself, a little later: looks again until it has, or 20 s are over. */
  static <T> T eventually(Supplier<T> look, Predicate<T> fits) {
    long giveUpAt = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    T found = look.get();
    while (!fits.test(found) && System.nanoTime() < giveUpAt) {
      try {
        TimeUnit.MILLISECONDS.sleep(50);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return found;
      }
      found = look.get();
    }
    return found;
  }

  private static double secondsSince(long nanoTime) {
    return (System.nanoTime() - nanoTime) / 1e9;
  }
}
