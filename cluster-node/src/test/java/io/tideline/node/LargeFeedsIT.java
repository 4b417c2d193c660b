package io.tideline.node;

import static io.tideline.node.TestNode.ok;
import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Comparator.reverseOrder;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.datastax.oss.driver.api.core.CqlSession;
import io.grpc.Status;
import io.tideline.persistence.timeline.ResidentTimeline;
import io.tideline.persistence.timeline.ResidentTimelines;
import io.tideline.persistence.timeline.TimelineView;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.v1.FeedView;
import io.tideline.protocols.v1.FollowManyRequest;
import io.tideline.protocols.v1.FollowRequest;
import io.tideline.protocols.v1.GetReadStateRequest;
import io.tideline.protocols.v1.GetReadStateResponse;
import io.tideline.protocols.v1.MarkReadRequest;
import io.tideline.protocols.v1.MuteRequest;
import io.tideline.protocols.v1.PublishRequest;
import io.tideline.protocols.v1.PublishResponse;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import io.tideline.protocols.v1.UnmuteRequest;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.pekko.stream.connectors.cassandra.javadsl.CassandraSessionRegistry;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Readers and authors as large as is promised, with timelines as large as they are by default.
 *
 * <p>The author has 5,000 resident followers in the build. The promised 100,000 need a heap of
 * their own and several minutes:
 *
 * <pre>{@code
 * ./mvnw verify -pl cluster-node -am -Dit.test=LargeFeedsIT -Dtest=none \
 *     -Dsurefire.failIfNoSpecifiedTests=false -Dfailsafe.failIfNoSpecifiedTests=false \
 *     -Dtideline.test.followers=100000 -DargLine.extra=-Xmx8g
 * }</pre>
 */
@Tag("alone")
class LargeFeedsIT {
  private static final int FOLLOWERS = Integer.getInteger("tideline.test.followers", 5_000);
  private static final int FOLLOWS = 10_000;
  private static final int WRITERS = 2_000;
  private static final int TIMED_POSTS = 50;
  private static final int MUTED_POSTS = 1_000;
  private static final int CAPACITY = 800;
  private static final int CALLS_UNDER_WAY = 128;
  private static final Duration PATIENCE = Duration.ofMinutes(2);

  private static final Executor LATER =
      CompletableFuture.delayedExecutor(200, TimeUnit.MILLISECONDS);

  private static TestNode node;

  @BeforeAll
  static void start() {
    node = TestNode.start("netty", Map.of("tideline.persistence.user.passivate-after", "2h"));
  }

  @AfterAll
  static void stop() throws Exception {
    if (node != null) node.close();
  }

  @Test
  void the_node_knows_which_replicas_have_the_posts_of_an_author() {
    CqlSession session =
        CassandraSessionRegistry.get(node.system())
            .sessionFor("pekko.persistence.cassandra")
            .underlying()
            .toCompletableFuture()
            .join();
    String keyspace =
        node.system().settings().config().getString("tideline.node.cassandra.keyspace");
    ByteBuffer author = ByteBuffer.wrap("ann".getBytes(UTF_8));
    await()
        .untilAsserted(
            () ->
                assertThat(session.getMetadata().getTokenMap().orElseThrow())
                    .extracting(tokens -> tokens.getReplicas(keyspace, author))
                    .asInstanceOf(InstanceOfAssertFactories.COLLECTION)
                    .hasSize(1));
  }

  @Test
  void a_post_reaches_every_follower_of_a_large_author() {
    String author = "large";
    List<String> followers = IntStream.range(0, FOLLOWERS).mapToObj(i -> "follower-" + i).toList();
    each(FOLLOWERS, i -> node.graph.follow(follow(followers.get(i), author)));
    each(FOLLOWERS, i -> node.feeds.readFeed(refs(followers.get(i)).build()));
    List<ResidentTimeline> views = followers.stream().map(LargeFeedsIT::resident).toList();

    long[] nanos = new long[TIMED_POSTS];
    List<String> posts = new ArrayList<>();
    for (int i = 0; i < TIMED_POSTS; i++) {
      String post = publish(author, "post " + i).getPostId();
      nanos[i] = nanosUntilAllHave(views, post);
      posts.add(0, post);
    }
    report("from acknowledged to the last of %,d resident followers".formatted(FOLLOWERS), nanos);
    each(
        FOLLOWERS,
        i ->
            node.feeds
                .readFeed(refs(followers.get(i)).setPageSize(100).build())
                .thenAccept(page -> assertThat(ids(page)).isEqualTo(posts)));
  }

  @Test
  void a_reader_with_as_many_follows_as_there_may_be_misses_nothing() {
    String reader = "curious";
    List<String> authors = IntStream.range(0, FOLLOWS).mapToObj(i -> "author-" + i).toList();
    for (List<String> half :
        List.of(authors.subList(0, FOLLOWS / 2), authors.subList(FOLLOWS / 2, FOLLOWS))) {
      done(
          () ->
              node.graph.followMany(
                  FollowManyRequest.newBuilder()
                      .setUserId(reader)
                      .addAllFolloweeIds(half)
                      .build()));
    }
    done(() -> node.feeds.readFeed(refs(reader).build()));
    List<ResidentTimeline> view = List.of(resident(reader));
    int step = FOLLOWS / WRITERS;
    List<String> posts = new ArrayList<>();
    long[] nanos = new long[TIMED_POSTS];
    for (int i = 0; i < TIMED_POSTS; i++) {
      posts.add(publish(authors.get(i * step), "timed").getPostId());
      nanos[i] = nanosUntilAllHave(view, posts.get(i));
    }
    report("from acknowledged to the reader with %,d follows".formatted(FOLLOWS), nanos);
    List<PublishResponse> rest =
        publishMany(WRITERS - TIMED_POSTS, i -> authors.get((i + TIMED_POSTS) * step));
    rest.forEach(post -> posts.add(post.getPostId()));
    posts.sort(reverseOrder());
    awaitArrival(reader, posts.subList(0, CAPACITY));
    awaitStored();

    List<String> walked = new ArrayList<>();
    ReadFeedResponse page = page(reader, 100, "");
    while (true) {
      walked.addAll(ids(page));
      if (page.getEndOfFeed()) break;
      assertThat(page.getCardsCount()).isEqualTo(100);
      page = page(reader, 100, page.getNextCursor());
    }
    assertThat(walked).isEqualTo(posts);
  }

  @Test
  void undoing_a_mute_brings_back_more_than_a_timeline_holds() {
    String reader = "forgiving";
    String loud = "loud";
    String quiet = "quiet";
    done(() -> node.graph.follow(follow(reader, loud)));
    done(() -> node.graph.follow(follow(reader, quiet)));
    ReadFeedResponse before = seen(reader, publish(quiet, "before"));
    done(
        () ->
            node.filters.mute(
                MuteRequest.newBuilder().setUserId(reader).setTargetId(loud).build()));
    List<String> hidden =
        publishMany(MUTED_POSTS, i -> loud).stream()
            .map(PublishResponse::getPostId)
            .sorted()
            .toList();
    PublishResponse last = publish(quiet, "after");
    ReadFeedResponse muted = seen(reader, last);
    assertThat(muted.getCardsList())
        .extracting(card -> card.getPost().getText())
        .containsExactly("after", "before");
    done(
        () ->
            node.feeds.markRead(
                MarkReadRequest.newBuilder()
                    .setUserId(reader)
                    .setCursor(muted.getNewerCursor())
                    .build()));
    assertThat(readState(reader).getUnreadCount()).isZero();
    awaitStored();

    done(
        () ->
            node.filters.unmute(
                UnmuteRequest.newBuilder().setUserId(reader).setTargetId(loud).build()));
    // The newest entry has been read: of 800 entries in memory the others are unread.
    GetReadStateResponse unread = readState(reader);
    assertThat(unread.getUnreadCount()).isEqualTo(CAPACITY - 1);
    assertThat(unread.getAtLeast()).isTrue();
    assertThat(newer(reader, muted.getNewerCursor())).isEqualTo(hidden);
    List<String> sinceBefore = new ArrayList<>(hidden);
    sinceBefore.add(last.getPostId());
    Collections.sort(sinceBefore);
    assertThat(newer(reader, before.getNewerCursor())).isEqualTo(sinceBefore);
  }

  /** What a walk towards newer entries returns, with the gap counting down exactly. */
  private static List<String> newer(String reader, String from) {
    List<String> found = new ArrayList<>();
    List<Integer> gaps = new ArrayList<>();
    String cursor = from;
    while (true) {
      ReadFeedResponse page = page(reader, 60, cursor);
      if (page.getCardsCount() == 0) break;
      found.addAll(ids(page));
      gaps.add(found.size() + page.getGap());
      cursor = page.getNewerCursor();
    }
    assertThat(gaps).as("returned and left").containsOnly(found.size());
    return found;
  }

  // --- how long it takes ---

  /** Nanoseconds until the last one shows the post: looks at one until it has it, then on. */
  private static long nanosUntilAllHave(List<ResidentTimeline> timelines, String post) {
    PostId id = PostId.parse(post);
    long acknowledged = System.nanoTime();
    for (ResidentTimeline timeline : timelines) {
      while (!has(timeline, id)) {
        assertThat(System.nanoTime() - acknowledged)
            .as("nanoseconds until %s shows %s", timeline.user(), post)
            .isLessThan(PATIENCE.toNanos());
        LockSupport.parkNanos(TimeUnit.MICROSECONDS.toNanos(100));
      }
    }
    return System.nanoTime() - acknowledged;
  }

  private static boolean has(ResidentTimeline timeline, PostId post) {
    TimelineView view = timeline.view();
    return view != null && view.contains(post);
  }

  private static void report(String what, long[] nanos) {
    Arrays.sort(nanos);
    System.out.printf(
        "%s: median %.1f ms, p99 %.1f ms of %d posts%n",
        what,
        nanos[nanos.length / 2] / 1e6,
        nanos[(int) Math.ceil(nanos.length * 0.99) - 1] / 1e6,
        nanos.length);
  }

  // --- the calls ---

  private static ResidentTimeline resident(String user) {
    return requireNonNull(
        node.node().residents().get(new UserId(user), ResidentTimelines.HOME), user);
  }

  private static <T> T done(Supplier<CompletionStage<T>> call) {
    return ok(trying(call, deadline()));
  }

  private static long deadline() {
    return System.nanoTime() + PATIENCE.toNanos();
  }

  /** Tries again what is {@code UNAVAILABLE}, as a good client does. */
  private static <T> CompletionStage<T> trying(Supplier<CompletionStage<T>> call, long deadline) {
    return call.get()
        .exceptionallyCompose(
            failure ->
                Status.fromThrowable(failure).getCode() == Status.Code.UNAVAILABLE
                        && System.nanoTime() < deadline
                    ? CompletableFuture.supplyAsync(() -> call, LATER)
                        .thenCompose(again -> trying(again, deadline))
                    : CompletableFuture.failedStage(failure));
  }

  private static CompletionStage<PublishResponse> publishing(PublishRequest request) {
    return node.posts.publish(request);
  }

  private static PublishResponse publish(String author, String text) {
    PublishRequest request = TestNode.post(author, text);
    return done(() -> publishing(request));
  }

  /** So many posts by these authors in turn, some at once. */
  private static List<PublishResponse> publishMany(int count, IntFunction<String> author) {
    List<PublishRequest> requests =
        IntStream.range(0, count)
            .mapToObj(i -> TestNode.post(author.apply(i), "post " + i))
            .toList();
    return each(count, i -> publishing(requests.get(i)));
  }

  private static FollowRequest follow(String user, String followee) {
    return FollowRequest.newBuilder().setUserId(user).setFolloweeId(followee).build();
  }

  /** The newest page that has this post. */
  private static ReadFeedResponse seen(String reader, PublishResponse post) {
    return done(
        () ->
            node.feeds.readFeed(
                ReadFeedRequest.newBuilder()
                    .setUserId(reader)
                    .setConsistencyToken(post.getConsistencyToken())
                    .build()));
  }

  /** Calls many times, some at once; the answers in order. */
  private static <T> List<T> each(int count, IntFunction<CompletionStage<T>> call) {
    Semaphore window = new Semaphore(CALLS_UNDER_WAY);
    List<CompletionStage<T>> answers = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      window.acquireUninterruptibly();
      int number = i;
      answers.add(
          trying(() -> call.apply(number), deadline())
              .whenComplete((answer, failure) -> window.release()));
    }
    return answers.stream().map(TestNode::ok).collect(Collectors.toList());
  }

  private static void awaitArrival(String reader, List<String> posts) {
    ResidentTimeline timeline = resident(reader);
    List<PostId> missing = new ArrayList<>(posts.stream().map(PostId::parse).toList());
    await("everything to arrive")
        .atMost(PATIENCE)
        .until(
            () -> {
              missing.removeIf(post -> has(timeline, post));
              return missing.isEmpty();
            });
  }

  /** The store trails the log by a moment. */
  private static void awaitStored() {
    await("everything to be stored")
        .pollDelay(Duration.ofSeconds(2))
        .atMost(PATIENCE)
        .until(() -> node.node().log().storeLag().values().stream().allMatch(lag -> lag == 0));
  }

  private static GetReadStateResponse readState(String reader) {
    return done(
        () -> node.feeds.getReadState(GetReadStateRequest.newBuilder().setUserId(reader).build()));
  }

  private static ReadFeedRequest.Builder refs(String reader) {
    return ReadFeedRequest.newBuilder().setUserId(reader).setView(FeedView.FEED_VIEW_REFS);
  }

  private static ReadFeedResponse page(String reader, int size, String cursor) {
    return done(
        () -> node.feeds.readFeed(refs(reader).setPageSize(size).setCursor(cursor).build()));
  }

  private static List<String> ids(ReadFeedResponse page) {
    return page.getCardsList().stream().map(card -> card.getPost().getPostId()).toList();
  }
}
