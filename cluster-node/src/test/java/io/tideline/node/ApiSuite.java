package io.tideline.node;

import static io.tideline.node.TestNode.ok;
import static io.tideline.node.TestNode.user;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.grpc.Status;
import io.tideline.protocols.v1.Card;
import io.tideline.protocols.v1.DeletePostRequest;
import io.tideline.protocols.v1.EditPostRequest;
import io.tideline.protocols.v1.FeedView;
import io.tideline.protocols.v1.FollowManyRequest;
import io.tideline.protocols.v1.FollowRequest;
import io.tideline.protocols.v1.GetPostRequest;
import io.tideline.protocols.v1.GetReadStateRequest;
import io.tideline.protocols.v1.GetReadStateResponse;
import io.tideline.protocols.v1.GetTopologyRequest;
import io.tideline.protocols.v1.ListFollowingRequest;
import io.tideline.protocols.v1.ListFollowingResponse;
import io.tideline.protocols.v1.ListPostsRequest;
import io.tideline.protocols.v1.ListPostsResponse;
import io.tideline.protocols.v1.MarkReadRequest;
import io.tideline.protocols.v1.Post;
import io.tideline.protocols.v1.PostContent;
import io.tideline.protocols.v1.PublishRequest;
import io.tideline.protocols.v1.PublishResponse;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import io.tideline.protocols.v1.Topology;
import io.tideline.protocols.v1.UnfollowRequest;
import io.tideline.protocols.v1.WatchFeedRequest;
import io.tideline.protocols.v1.WatchFeedResponse;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.IntStream;
import kamon.Kamon;
import org.apache.pekko.stream.KillSwitches;
import org.apache.pekko.stream.UniqueKillSwitch;
import org.apache.pekko.stream.javadsl.Keep;
import org.apache.pekko.stream.javadsl.Sink;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** What the public API promises, on whatever carries it. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class ApiSuite {
  private TestNode node;

  abstract String transport();

  @BeforeAll
  void start() {
    node = TestNode.start(transport(), java.util.Map.of());
  }

  @AfterAll
  void stop() throws Exception {
    if (node != null) node.close();
  }

  // --- what operators see ---

  @Test
  void what_is_measured_is_scraped() {
    Kamon.initWithoutAttaching(node.system().settings().config());
    try {
      String bob = user("bob");
      publish(bob, "measured");
      node.read(bob, request -> request);
      await()
          .atMost(Duration.ofSeconds(30))
          .untilAsserted(
              () ->
                  assertThat(metrics())
                      .containsPattern(ofThisNode("tideline_persist_seconds_count", "[1-9]"))
                      .containsPattern(ofThisNode("tideline_persist_failures_total", "0")));
    } finally {
      Kamon.stop();
    }
  }

  private String metrics() throws Exception {
    return HttpClient.newHttpClient()
        .send(
            HttpRequest.newBuilder(
                    URI.create("http://127.0.0.1:" + node.managementPort + "/metrics"))
                .version(HttpClient.Version.HTTP_1_1)
                .build(),
            HttpResponse.BodyHandlers.ofString())
        .body();
  }

  private String ofThisNode(String name, String value) {
    return name + "\\{[^}]*node=\"127.0.0.1:" + node.grpcPort + "\"[^}]*} " + value;
  }

  // --- what one publishes, others read ---

  @Test
  void a_post_is_read_by_followers_and_by_its_author_newest_first() {
    String ann = user("ann");
    String bob = user("bob");
    follow(ann, bob);
    publish(bob, "one");
    publish(bob, "two");
    PublishResponse last = publish(bob, "three");
    assertThat(texts(read(ann, last.getConsistencyToken()))).containsExactly("three", "two", "one");
    assertThat(texts(read(bob, last.getConsistencyToken()))).containsExactly("three", "two", "one");
  }

  @Test
  void an_unknown_user_reads_an_empty_feed() {
    ReadFeedResponse feed = read(user("nobody"), "");
    assertThat(feed.getCardsCount()).isZero();
    assertThat(feed.getEndOfFeed()).isTrue();
    assertThat(feed.getNextCursor()).isEmpty();
  }

  @Test
  void following_brings_older_posts_and_unfollowing_takes_them_away() {
    String ann = user("ann");
    String bob = user("bob");
    String cid = user("cid");
    PublishResponse bobs = publish(bob, "by bob");
    PublishResponse cids = publish(cid, "by cid");
    assertThat(texts(read(ann, ""))).isEmpty();
    String token = follow(ann, bob);
    assertThat(seen(ann, token, 1)).containsExactly("by bob");
    token = follow(ann, cid);
    assertThat(seen(ann, token, 2)).containsExactly("by cid", "by bob");
    token =
        ok(node.graph.unfollow(
                UnfollowRequest.newBuilder().setUserId(ann).setFolloweeId(bob).build()))
            .getConsistencyToken();
    assertThat(texts(read(ann, token))).containsExactly("by cid");
    assertThat(bobs.getPostId()).isLessThan(cids.getPostId());
  }

  @Test
  void an_edit_and_a_delete_reach_the_feeds() {
    String ann = user("ann");
    String bob = user("bob");
    follow(ann, bob);
    PublishResponse kept = publish(bob, "to be edited");
    PublishResponse gone = publish(bob, "to be deleted");
    assertThat(texts(read(ann, gone.getConsistencyToken()))).hasSize(2);
    edit(bob, kept.getPostId(), "edited");
    String token =
        ok(node.posts.deletePost(
                DeletePostRequest.newBuilder()
                    .setAuthorId(bob)
                    .setPostId(gone.getPostId())
                    .build()))
            .getConsistencyToken();
    ReadFeedResponse feed = read(ann, token);
    assertThat(texts(feed)).containsExactly("edited");
    assertThat(feed.getCards(0).getPost().getEditedAtMillis()).isPositive();
    // Deleting again succeeds, editing what is gone does not.
    ok(
        node.posts.deletePost(
            DeletePostRequest.newBuilder().setAuthorId(bob).setPostId(gone.getPostId()).build()));
    Refusal refusal = Refusal.of(() -> edit(bob, gone.getPostId(), "back again"));
    assertThat(refusal.code()).isEqualTo(Status.Code.NOT_FOUND);
    assertThat(refusal.reason()).isEqualTo("DELETED");
  }

  @Test
  void pages_follow_each_other_without_repeats_or_gaps_while_posts_arrive() {
    String ann = user("ann");
    String bob = user("bob");
    follow(ann, bob);
    List<String> ids = new ArrayList<>();
    PublishResponse last = PublishResponse.getDefaultInstance();
    for (int i = 0; i < 25; i++) {
      last = publish(bob, "post " + i);
      ids.add(0, last.getPostId());
    }
    ReadFeedResponse page = read(ann, last.getConsistencyToken(), 10, "");
    String newer = page.getNewerCursor();
    List<String> walked = new ArrayList<>(ids(page));
    List<String> late = new ArrayList<>();
    while (!page.getNextCursor().isEmpty()) {
      PublishResponse arrived = publish(bob, "late");
      late.add(arrived.getPostId());
      read(ann, arrived.getConsistencyToken());
      page = read(ann, "", 10, page.getNextCursor());
      walked.addAll(ids(page));
    }
    assertThat(walked).isEqualTo(ids);
    assertThat(page.getEndOfFeed()).isTrue();
    List<String> caughtUp = new ArrayList<>();
    ReadFeedResponse next;
    do {
      next = read(ann, "", 1, newer);
      caughtUp.addAll(ids(next));
      newer = next.getNewerCursor();
    } while (next.getCardsCount() > 0);
    assertThat(caughtUp).isEqualTo(late);
  }

  @Test
  void references_say_who_and_which_but_not_what() {
    String bob = user("bob");
    PublishResponse post = publish(bob, "long text");
    ReadFeedResponse feed =
        ok(
            node.feeds.readFeed(
                ReadFeedRequest.newBuilder()
                    .setUserId(bob)
                    .setConsistencyToken(post.getConsistencyToken())
                    .setView(FeedView.FEED_VIEW_REFS)
                    .build()));
    Post shown = feed.getCards(0).getPost();
    assertThat(shown.getPostId()).isEqualTo(post.getPostId());
    assertThat(shown.getAuthorId()).isEqualTo(bob);
    assertThat(shown.getText()).isEmpty();
  }

  @Test
  void a_watcher_sees_what_comes_changes_and_goes_and_resumes_where_it_left() throws Exception {
    String ann = user("ann");
    String bob = user("bob");
    follow(ann, bob);
    List<WatchFeedResponse> seen = new CopyOnWriteArrayList<>();
    UniqueKillSwitch watching = watch(ann, "", seen);
    await().until(() -> seen.stream().anyMatch(r -> !r.getCursor().isEmpty()));
    PublishResponse post = publish(bob, "hello");
    await().until(() -> seen.stream().anyMatch(WatchFeedResponse::hasAdded));
    edit(bob, post.getPostId(), "hello again");
    await().until(() -> seen.stream().anyMatch(WatchFeedResponse::hasChanged));
    String cursor =
        last(seen.stream().map(WatchFeedResponse::getCursor).filter(c -> !c.isEmpty()).toList());
    watching.shutdown();
    PublishResponse missed = publish(bob, "missed");
    read(ann, missed.getConsistencyToken());
    List<WatchFeedResponse> resumed = new CopyOnWriteArrayList<>();
    UniqueKillSwitch again = watch(ann, cursor, resumed);
    await().until(() -> resumed.stream().anyMatch(WatchFeedResponse::hasAdded));
    assertThat(
            resumed.stream()
                .filter(WatchFeedResponse::hasAdded)
                .map(r -> r.getAdded().getPost().getText()))
        .containsExactly("missed");
    ok(
        node.posts.deletePost(
            DeletePostRequest.newBuilder().setAuthorId(bob).setPostId(missed.getPostId()).build()));
    await().until(() -> resumed.stream().anyMatch(r -> !r.getRemovedPostId().isEmpty()));
    again.shutdown();
  }

  @Test
  void the_read_position_only_moves_forward_and_counts_what_is_newer() {
    String bob = user("bob");
    PublishResponse first = publish(bob, "1");
    PublishResponse second = publish(bob, "2");
    PublishResponse third = publish(bob, "3");
    read(bob, third.getConsistencyToken());
    assertThat(readState(bob).getUnreadCount()).isEqualTo(3);
    markRead(bob, second.getPostId());
    assertThat(readState(bob).getUnreadCount()).isEqualTo(1);
    assertThat(markRead(bob, first.getPostId())).isEqualTo(second.getPostId());
    assertThat(markRead(bob, "7ZZZZZZZZZZZZZZZZZZZZZZZZZ")).isEqualTo(third.getPostId());
    assertThat(readState(bob).getUnreadCount()).isZero();
  }

  @Test
  void an_author_s_posts_are_listed_newest_first_in_pages() {
    String bob = user("bob");
    List<String> ids = new ArrayList<>();
    PublishResponse last = PublishResponse.getDefaultInstance();
    for (int i = 0; i < 7; i++) {
      last = publish(bob, "post " + i);
      ids.add(0, last.getPostId());
    }
    List<String> listed = new ArrayList<>();
    String token = "";
    String consistency = last.getConsistencyToken();
    do {
      ListPostsResponse page =
          ok(
              node.posts.listPosts(
                  ListPostsRequest.newBuilder()
                      .setAuthorId(bob)
                      .setPageSize(3)
                      .setPageToken(token)
                      .setConsistencyToken(consistency)
                      .build()));
      page.getPostsList().forEach(post -> listed.add(post.getPostId()));
      token = page.getNextPageToken();
    } while (!token.isEmpty());
    assertThat(listed).isEqualTo(ids);
  }

  @Test
  void an_answer_knows_its_parent_and_its_thread() {
    String bob = user("bob");
    String ann = user("ann");
    PublishResponse root = publish(bob, "root");
    PublishResponse answer =
        ok(
            node.posts.publish(
                request(ann, "answer").toBuilder().setReplyTo(root.getPostId()).build()));
    PublishResponse deeper =
        ok(
            node.posts.publish(
                request(bob, "deeper").toBuilder().setReplyTo(answer.getPostId()).build()));
    Post post =
        ok(node.posts.getPost(GetPostRequest.newBuilder().setPostId(deeper.getPostId()).build()))
            .getPost();
    assertThat(post.getReplyTo().getAuthorId()).isEqualTo(ann);
    assertThat(post.getThreadRoot().getPostId()).isEqualTo(root.getPostId());
    assertThat(post.getThreadRoot().getAuthorId()).isEqualTo(bob);
  }

  @Test
  void many_are_followed_at_once_and_listed_by_id() {
    String ann = user("ann");
    List<String> many = IntStream.range(0, 700).mapToObj(i -> "%s-%03d".formatted(ann, i)).toList();
    int added =
        ok(node.graph.followMany(
                FollowManyRequest.newBuilder().setUserId(ann).addAllFolloweeIds(many).build()))
            .getAdded();
    assertThat(added).isEqualTo(700);
    added =
        ok(node.graph.followMany(
                FollowManyRequest.newBuilder().setUserId(ann).addAllFolloweeIds(many).build()))
            .getAdded();
    assertThat(added).isZero();
    List<String> listed = new ArrayList<>();
    String token = "";
    do {
      ListFollowingResponse page =
          ok(
              node.graph.listFollowing(
                  ListFollowingRequest.newBuilder().setUserId(ann).setPageToken(token).build()));
      listed.addAll(page.getFolloweeIdsList());
      token = page.getNextPageToken();
    } while (!token.isEmpty());
    assertThat(listed).isEqualTo(many);
  }

  @Test
  void the_topology_names_the_node_and_its_shards() {
    read(user("ann"), "");
    await().atMost(Duration.ofSeconds(20)).until(() -> topology().getShardOwnersCount() > 0);
    Topology topology = topology();
    assertThat(topology.getNodes(0).getGrpcAddress()).isEqualTo("127.0.0.1:" + node.grpcPort);
    assertThat(topology.getShardOwnersMap().values())
        .containsOnly(topology.getNodes(0).getNodeId());
  }

  // --- bad input ---

  @Test
  void a_page_token_that_is_none_is_named() {
    ListFollowingRequest request =
        ListFollowingRequest.newBuilder().setUserId(user("ann")).setPageToken("none").build();
    Refusal refusal = Refusal.of(() -> ok(node.graph.listFollowing(request)));
    assertThat(refusal.code()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    assertThat(refusal.fields()).containsExactly("page_token");
  }

  @Test
  void the_same_key_answers_with_the_same_post_and_refuses_another_body() {
    String bob = user("bob");
    PublishRequest request = request(bob, "once");
    PublishResponse first = ok(node.posts.publish(request));
    assertThat(ok(node.posts.publish(request)).getPostId()).isEqualTo(first.getPostId());
    Refusal refusal =
        Refusal.of(
            () ->
                ok(
                    node.posts.publish(
                        request.toBuilder()
                            .setContent(PostContent.newBuilder().setText("other"))
                            .build())));
    assertThat(refusal.code()).isEqualTo(Status.Code.ALREADY_EXISTS);
  }

  @Test
  void importing_twice_changes_nothing() {
    String bob = user("bob");
    PublishRequest request =
        request(bob, "old").toBuilder().setCreatedAtMillis(1_441_519_380_000L).build();
    PublishResponse first = ok(node.posts.publish(request));
    read(bob, first.getConsistencyToken());
    assertThat(ok(node.posts.publish(request)).getPostId()).isEqualTo(first.getPostId());
    assertThat(texts(read(bob, ""))).containsExactly("old");
    Refusal future =
        Refusal.of(
            () ->
                ok(
                    node.posts.publish(
                        request.toBuilder()
                            .setCreatedAtMillis(System.currentTimeMillis() + 3_600_000)
                            .build())));
    assertThat(future.fields()).containsExactly("created_at_millis");
  }

  @Test
  void what_is_wrong_with_a_field_is_said_by_its_name() {
    String bob = user("bob");
    assertInvalid("user_id", () -> read("", ""));
    assertInvalid("user_id", () -> read("no spaces", ""));
    assertInvalid("page_size", () -> read(bob, "", 1000, ""));
    assertInvalid("idempotency_key", () -> publishWith(r -> r.setIdempotencyKey("")));
    assertInvalid(
        "content.text",
        () -> publishWith(r -> r.setContent(PostContent.newBuilder().setText("x".repeat(5_001)))));
    assertInvalid("content", () -> publishWith(r -> r.setContent(PostContent.newBuilder())));
    assertInvalid("reply_to", () -> publishWith(r -> r.setReplyTo("garbage")));
    assertInvalid(
        "content.links[0]",
        () ->
            publishWith(
                r -> r.setContent(PostContent.newBuilder().setText("x").addLinks("not a url"))));
    assertInvalid("followee_id", () -> follow(bob, bob));
    assertInvalid("post_id", () -> markRead(bob, "garbage"));
  }

  @Test
  void cursors_that_are_garbage_forged_or_another_s_are_told_apart() {
    String ann = user("ann");
    String bob = user("bob");
    String cursor = read(bob, "").getNewerCursor();
    assertCursor("CURSOR_MALFORMED", ann, "garbage!");
    assertCursor("CURSOR_OF_ANOTHER_READER", ann, cursor);
    char flipped = cursor.charAt(cursor.length() - 5) == 'A' ? 'B' : 'A';
    String forged =
        cursor.substring(0, cursor.length() - 5) + flipped + cursor.substring(cursor.length() - 4);
    assertCursor("CURSOR_FORGED", bob, forged);
  }

  @Test
  void only_the_author_edits_and_unknown_posts_are_not_found() {
    String bob = user("bob");
    PublishResponse post = publish(bob, "mine");
    Refusal other = Refusal.of(() -> edit(user("eve"), post.getPostId(), "yours"));
    assertThat(other.code()).isEqualTo(Status.Code.PERMISSION_DENIED);
    Refusal unknown =
        Refusal.of(
            () ->
                ok(
                    node.posts.getPost(
                        GetPostRequest.newBuilder()
                            .setPostId("01ARZ3NDEKTSV4RRFFQ69G5FAV")
                            .build())));
    assertThat(unknown.code()).isEqualTo(Status.Code.NOT_FOUND);
    assertThat(unknown.reason()).isEqualTo("UNKNOWN_POST");
  }

  // --- the language of the tests ---

  private static PublishRequest request(String author, String text) {
    return PublishRequest.newBuilder()
        .setAuthorId(author)
        .setIdempotencyKey(UUID.randomUUID().toString())
        .setContent(PostContent.newBuilder().setText(text))
        .build();
  }

  private PublishResponse publish(String author, String text) {
    return ok(node.posts.publish(request(author, text)));
  }

  private void publishWith(java.util.function.Consumer<PublishRequest.Builder> change) {
    PublishRequest.Builder request = request(user("bob"), "fine").toBuilder();
    change.accept(request);
    ok(node.posts.publish(request.build()));
  }

  private void edit(String author, String post, String text) {
    ok(
        node.posts.editPost(
            EditPostRequest.newBuilder()
                .setAuthorId(author)
                .setPostId(post)
                .setContent(PostContent.newBuilder().setText(text))
                .build()));
  }

  private String follow(String user, String followee) {
    return ok(node.graph.follow(
            FollowRequest.newBuilder().setUserId(user).setFolloweeId(followee).build()))
        .getConsistencyToken();
  }

  private ReadFeedResponse read(String user, String token) {
    return read(user, token, 100, "");
  }

  private ReadFeedResponse read(String user, String token, int size, String cursor) {
    return ok(
        node.feeds.readFeed(
            ReadFeedRequest.newBuilder()
                .setUserId(user)
                .setPageSize(size)
                .setCursor(cursor)
                .setConsistencyToken(token)
                .build()));
  }

  /** A post that was published before the follow may reach the log a moment after it. */
  private List<String> seen(String user, String token, int expected) {
    await().until(() -> read(user, token).getCardsCount() == expected);
    return texts(read(user, token));
  }

  private UniqueKillSwitch watch(String user, String cursor, List<WatchFeedResponse> into) {
    return node.feeds
        .watchFeed(WatchFeedRequest.newBuilder().setUserId(user).setCursor(cursor).build())
        .viaMat(KillSwitches.single(), Keep.right())
        .toMat(Sink.foreach(into::add), Keep.left())
        .run(node.system());
  }

  private String markRead(String user, String post) {
    return ok(node.feeds.markRead(
            MarkReadRequest.newBuilder().setUserId(user).setPostId(post).build()))
        .getReadPostId();
  }

  private GetReadStateResponse readState(String user) {
    return ok(node.feeds.getReadState(GetReadStateRequest.newBuilder().setUserId(user).build()));
  }

  private Topology topology() {
    return ok(node.cluster.getTopology(GetTopologyRequest.getDefaultInstance())).getTopology();
  }

  private static List<String> texts(ReadFeedResponse feed) {
    return feed.getCardsList().stream().map(Card::getPost).map(Post::getText).toList();
  }

  private static List<String> ids(ReadFeedResponse feed) {
    return feed.getCardsList().stream().map(Card::getPost).map(Post::getPostId).toList();
  }

  private static <T> T last(List<T> list) {
    return list.get(list.size() - 1);
  }

  private void assertInvalid(String field, ThrowingCallable call) {
    Refusal refusal = Refusal.of(call);
    assertThat(refusal.code()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    assertThat(refusal.fields()).contains(field);
  }

  private void assertCursor(String reason, String reader, String cursor) {
    Refusal refusal = Refusal.of(() -> read(reader, "", 10, cursor));
    assertThat(refusal.code()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    assertThat(refusal.reason()).isEqualTo(reason);
    assertThat(refusal.fields()).containsExactly("cursor");
  }
}
