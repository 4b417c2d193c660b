package io.tideline.node;

import static io.tideline.node.TestNode.ok;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.tideline.protocols.v1.DeletePostRequest;
import io.tideline.protocols.v1.DescribeTimelineRequest;
import io.tideline.protocols.v1.EditPostRequest;
import io.tideline.protocols.v1.GetPostRequest;
import io.tideline.protocols.v1.GetReadStateRequest;
import io.tideline.protocols.v1.GetTopologyRequest;
import io.tideline.protocols.v1.ListPostsRequest;
import io.tideline.protocols.v1.MuteRequest;
import io.tideline.protocols.v1.PostContent;
import io.tideline.protocols.v1.PublishResponse;
import io.tideline.protocols.v1.ReadFeedResponse;
import io.tideline.protocols.v1.UnfollowRequest;
import io.tideline.protocols.v1.UnmuteRequest;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Callable;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a consistency token promises on three nodes: writers and readers call different ones. */
class ReadYourWritesIT {
  private static final int ROUNDS = 20;

  private static List<TestNode> nodes = List.of();
  private static TestNode writing;
  private static TestNode reading;
  private static TestNode third;

  private String author;
  private String reader;

  @BeforeAll
  static void start() {
    nodes = TestNode.startCell(3, "netty", Map.of());
    writing = nodes.get(0);
    reading = nodes.get(1);
    third = nodes.get(2);
    for (TestNode node : nodes) {
      await(node.grpcAddress() + " to see all nodes")
          .atMost(Duration.ofMinutes(2))
          .until(
              () ->
                  ok(node.cluster.getTopology(GetTopologyRequest.getDefaultInstance()))
                          .getTopology()
                          .getNodesCount()
                      == nodes.size());
    }
  }

  @AfterAll
  static void stop() throws Exception {
    for (TestNode node : nodes) node.close();
  }

  @BeforeEach
  void settle() {
    author = userOf(writing);
    reader = userOf(reading);
    answered(() -> writing.follow(reader, author));
  }

  @Test
  void what_is_published_at_one_node_is_read_at_the_others() {
    for (int round = 0; round < ROUNDS; round++) {
      PublishResponse post = publish(author);
      PublishResponse own = publish(reader);
      for (TestNode node : List.of(reading, third)) {
        assertThat(read(node, reader, post)).contains(post.getPostId());
        assertThat(read(node, reader, own)).contains(post.getPostId(), own.getPostId());
        assertThat(text(node, post)).isEqualTo("of the moment");
        assertThat(listed(node, post)).contains(post.getPostId());
      }
    }
  }

  @Test
  void what_is_edited_or_deleted_at_one_node_is_so_at_the_others() {
    for (int round = 0; round < ROUNDS; round++) {
      PublishResponse post = publish(author);
      assertThat(read(reading, reader, post)).contains(post.getPostId());
      String edit = edit(post);
      for (TestNode node : List.of(reading, third)) {
        assertThat(text(node, post.getPostId(), edit)).isEqualTo("edited");
        ReadFeedResponse page = answered(() -> node.read(reader, r -> r.setConsistencyToken(edit)));
        assertThat(page.getCards(0).getPost().getText()).isEqualTo("edited");
      }
      String delete =
          ok(writing.posts.deletePost(
                  DeletePostRequest.newBuilder()
                      .setAuthorId(author)
                      .setPostId(post.getPostId())
                      .build()))
              .getConsistencyToken();
      for (TestNode node : List.of(reading, third)) {
        assertThat(read(node, reader, delete)).doesNotContain(post.getPostId());
      }
    }
  }

  @Test
  void what_is_decided_at_one_node_holds_at_the_others() {
    String other = userOf(third);
    PublishResponse post = publish(other);
    listed(third, other, post);
    for (int round = 0; round < ROUNDS; round++) {
      String follow = writing.follow(reader, other);
      assertThat(read(third, reader, follow)).contains(post.getPostId());
      String mute =
          ok(third.filters.mute(
                  MuteRequest.newBuilder().setUserId(reader).setTargetId(other).build()))
              .getConsistencyToken();
      assertThat(read(writing, reader, mute)).doesNotContain(post.getPostId());
      String unmute =
          ok(writing.filters.unmute(
                  UnmuteRequest.newBuilder().setUserId(reader).setTargetId(other).build()))
              .getConsistencyToken();
      assertThat(read(reading, reader, unmute)).contains(post.getPostId());
      String unfollow =
          ok(third.graph.unfollow(
                  UnfollowRequest.newBuilder().setUserId(reader).setFolloweeId(other).build()))
              .getConsistencyToken();
      assertThat(read(writing, reader, unfollow)).doesNotContain(post.getPostId());
    }
  }

  @Test
  void a_node_that_lags_says_by_how_much_until_it_has_caught_up() {
    PublishResponse first = publish(author);
    assertThat(read(reading, reader, first)).containsExactly(first.getPostId());
    reading.node().log().tail().pause();
    try {
      PublishResponse second = publish(author);
      PublishResponse last = publish(author);
      // The store is ahead of the node that lags: it must not stand in for the timelines.
      assertThat(listed(third, last)).contains(last.getPostId());

      for (TestNode node : nodes) {
        assertLagging(2, () -> node.read(reader, r -> r.setConsistencyToken(token(last))));
        assertLagging(1, () -> node.read(reader, r -> r.setConsistencyToken(token(second))));
        assertLagging(2, () -> readState(node, token(last)));
      }
      assertLagging(2, () -> getPost(reading, last.getPostId(), token(last)));
      assertThat(text(third, last)).isEqualTo("of the moment");
      assertThat(listed(reading, last)).contains(last.getPostId());
      assertThat(ids(reading.read(reader, r -> r))).containsExactly(first.getPostId());

      reading.node().log().tail().resume();
      assertThat(read(writing, reader, last))
          .containsExactly(last.getPostId(), second.getPostId(), first.getPostId());
    } finally {
      reading.node().log().tail().resume();
    }
  }

  @Test
  void a_list_waits_for_the_store_and_not_for_the_node() {
    PublishResponse first = publish(author);
    assertThat(listed(third, first)).containsExactly(first.getPostId());
    PublishResponse second;
    String edit;
    nodes.forEach(node -> node.node().log().storeWriter().stop());
    try {
      second = publish(author);
      edit = edit(first);
      for (TestNode node : nodes) {
        assertLagging(1, () -> list(node, author, token(second)));
        assertLagging(1, () -> list(node, author, edit));
        assertThat(list(node, author, "")).containsExactly(first.getPostId());
      }
      assertThat(read(reading, reader, second)).contains(second.getPostId());
    } finally {
      nodes.forEach(node -> node.node().log().storeWriter().start());
    }
    assertThat(listed(third, second)).containsExactly(second.getPostId(), first.getPostId());
    assertThat(answered(() -> list(writing, author, edit))).hasSize(2);
  }

  @Test
  void a_node_that_has_not_heard_of_an_author_yet_lags_too() {
    assertThat(ids(answered(() -> reading.read(reader, r -> r)))).isEmpty();
    reading.node().log().tail().pause();
    try {
      PublishResponse post = publish(author);
      assertThat(listed(third, post)).contains(post.getPostId());
      assertLagging(1, () -> writing.read(reader, r -> r.setConsistencyToken(token(post))));
      assertLagging(1, () -> getPost(reading, post.getPostId(), token(post)));
      reading.node().log().tail().resume();
      assertThat(read(third, reader, post)).containsExactly(post.getPostId());
    } finally {
      reading.node().log().tail().resume();
    }
  }

  @Test
  void a_node_that_lags_shows_no_old_version_as_the_new_one() {
    PublishResponse post = publish(author);
    assertThat(text(reading, post)).isEqualTo("of the moment");
    assertThat(read(reading, reader, post)).containsExactly(post.getPostId());
    reading.node().log().tail().pause();
    try {
      String edit = edit(post);
      assertThat(text(third, post.getPostId(), edit)).isEqualTo("edited");
      assertLagging(1, () -> getPost(reading, post.getPostId(), edit));
      assertLagging(1, () -> third.read(reader, r -> r.setConsistencyToken(edit)));
      reading.node().log().tail().resume();
      assertThat(text(reading, post.getPostId(), edit)).isEqualTo("edited");
    } finally {
      reading.node().log().tail().resume();
    }
  }

  // --- the calls ---

  private static void assertLagging(long lines, ThrowingCallable call) {
    Refusal refusal = Refusal.of(call);
    assertThat(refusal.code()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(refusal.reason()).isEqualTo("LAGGING");
    assertThat(refusal.facts()).containsEntry("lines_behind", Long.toString(lines));
  }

  /** A user whose timeline is at home on this node. */
  private static String userOf(TestNode node) {
    return await("a user of " + node.grpcAddress())
        .atMost(Duration.ofMinutes(1))
        .pollInterval(Duration.ofMillis(1))
        .until(
            () -> "user-" + UUID.randomUUID().toString().substring(0, 8),
            user -> homeOf(user).equals(node.grpcAddress()));
  }

  private static String homeOf(String user) {
    return answered(
            () ->
                ok(
                    writing.feeds.describeTimeline(
                        DescribeTimelineRequest.newBuilder().setUserId(user).build())))
        .getNode();
  }

  /** What a node that may lag behind for a moment answers once it does not refuse any more. */
  private static <T> T answered(Callable<T> call) {
    return await()
        .atMost(Duration.ofMinutes(1))
        .pollInterval(Duration.ofMillis(10))
        .ignoreExceptionsMatching(
            e -> e instanceof StatusRuntimeException failure && TestClient.isWorthRetrying(failure))
        .until(call, answer -> true);
  }

  private static PublishResponse publish(String author) {
    return writing.publish(author, "of the moment");
  }

  private static List<String> read(TestNode node, String reader, PublishResponse after) {
    return read(node, reader, after.getConsistencyToken());
  }

  private static List<String> read(TestNode node, String reader, String token) {
    return ids(answered(() -> node.read(reader, r -> r.setConsistencyToken(token))));
  }

  private Object readState(TestNode node, String token) {
    return ok(
        node.feeds.getReadState(
            GetReadStateRequest.newBuilder().setUserId(reader).setConsistencyToken(token).build()));
  }

  private String edit(PublishResponse post) {
    return ok(writing.posts.editPost(
            EditPostRequest.newBuilder()
                .setAuthorId(author)
                .setPostId(post.getPostId())
                .setContent(PostContent.newBuilder().setText("edited"))
                .build()))
        .getConsistencyToken();
  }

  private static String getPost(TestNode node, String post, String token) {
    return ok(node.posts.getPost(
            GetPostRequest.newBuilder().setPostId(post).setConsistencyToken(token).build()))
        .getPost()
        .getText();
  }

  private static String text(TestNode node, PublishResponse post) {
    return text(node, post.getPostId(), post.getConsistencyToken());
  }

  private static String text(TestNode node, String post, String token) {
    return answered(() -> getPost(node, post, token));
  }

  private List<String> listed(TestNode node, PublishResponse after) {
    return listed(node, author, after);
  }

  private static List<String> listed(TestNode node, String author, PublishResponse after) {
    return answered(() -> list(node, author, token(after)));
  }

  private static List<String> list(TestNode node, String author, String token) {
    return ok(
            node.posts.listPosts(
                ListPostsRequest.newBuilder()
                    .setAuthorId(author)
                    .setConsistencyToken(token)
                    .build()))
        .getPostsList()
        .stream()
        .map(post -> post.getPostId())
        .toList();
  }

  private static String token(PublishResponse post) {
    return post.getConsistencyToken();
  }

  private static List<String> ids(ReadFeedResponse page) {
    return page.getCardsList().stream().map(card -> card.getPost().getPostId()).toList();
  }
}
