package io.tideline.node;

import static io.tideline.node.TestNode.ok;
import static io.tideline.node.TestNode.user;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.grpc.StatusRuntimeException;
import io.tideline.protocols.UserId;
import io.tideline.protocols.v1.DeletePostRequest;
import io.tideline.protocols.v1.EditPostRequest;
import io.tideline.protocols.v1.EntryGroup;
import io.tideline.protocols.v1.EntryReason;
import io.tideline.protocols.v1.EraseUserRequest;
import io.tideline.protocols.v1.ListPostsRequest;
import io.tideline.protocols.v1.ListPostsResponse;
import io.tideline.protocols.v1.PostContent;
import io.tideline.protocols.v1.PublishRequest;
import io.tideline.protocols.v1.PublishResponse;
import io.tideline.protocols.v1.ReadFeedResponse;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * What a node promises of authors whose lines and cards it has forgotten: it keeps eight of the
 * ones, and 64 KiB of the others.
 */
class ForgottenLinesIT {
  private static final int CELL = 1;

  private static TestNode node;

  private final String ann = user("ann");
  private final String bob = user("bob");

  @BeforeAll
  static void start() {
    node =
        TestNode.start(
            "netty",
            Map.of(
                "tideline.multi-dc.log.tail.max-references",
                8,
                "tideline.persistence.card-cache.max-size",
                "64 KiB"));
  }

  @AfterAll
  static void stop() throws Exception {
    if (node != null) node.close();
  }

  @BeforeEach
  void follow() {
    node.follow(ann, bob);
  }

  @Test
  void a_node_that_lags_does_not_take_the_stores_word_for_an_edit_or_a_delete() {
    PublishResponse one = node.publish(bob, "one");
    PublishResponse two = node.publish(bob, "two");
    assertThat(texts(two.getConsistencyToken())).containsExactly("two", "one");
    forget(bob);
    node.node().log().tail().pause();
    String edit;
    String delete;
    try {
      edit = edit(one, "changed");
      assertStored(edit);
      assertLagging(edit);
      delete = delete(two);
      assertStored(delete);
      assertLagging(delete);
    } finally {
      node.node().log().tail().resume();
    }
    assertThat(texts(edit)).contains("changed");
    assertThat(texts(delete)).containsExactly("changed");
  }

  @Test
  void what_was_applied_and_has_been_forgotten_holds_nobody_back() {
    PublishResponse one = node.publish(bob, "one");
    PublishResponse two = node.publish(bob, "two");
    PublishRequest old =
        TestNode.post(bob, "old").toBuilder().setCreatedAtMillis(1_600_000_000_000L).build();
    String imported = ok(node.posts.publish(old)).getConsistencyToken();
    String edit = edit(one, "changed");
    String delete = delete(two);
    assertThat(texts(delete)).containsExactly("changed", "old");
    forget(bob);
    for (String token : List.of(one.getConsistencyToken(), imported, edit, delete)) {
      assertThat(node.read(ann, r -> r.setConsistencyToken(token)).getCardsCount()).isEqualTo(2);
    }
    String erase =
        ok(node.users.eraseUser(EraseUserRequest.newBuilder().setUserId(bob).build()))
            .getConsistencyToken();
    assertThat(texts(erase)).isEmpty();
    forget(bob);
    assertThat(node.read(ann, r -> r.setConsistencyToken(erase)).getCardsCount()).isZero();
  }

  @Test
  void a_row_outlives_its_newest_post_that_a_timeline_does_not_know_to_be_deleted() {
    String noise = user("noise");
    for (int i = 0; i < 39; i++) node.publish(noise, "x".repeat(5_000));
    String last = node.publish(noise, "x".repeat(5_000)).getConsistencyToken();
    node.publish(bob, "one");
    node.publish(bob, "two");
    PublishResponse three = node.publish(bob, "three");
    assertThat(texts(three.getConsistencyToken())).containsExactly("three", "two", "one");
    node.node().log().tail().pause();
    try {
      assertStored(delete(three));
      // Their cards take the place of all others.
      assertThat(answered(() -> posts(noise, last)).getPostsCount()).isEqualTo(40);
      ReadFeedResponse page = node.read(ann, r -> r.setGroup(true));
      assertThat(page.getCardsList())
          .extracting(card -> card.getPost().getText())
          .containsOnly("two");
      assertThat(page.getReasonsList()).containsExactly(EntryReason.ENTRY_REASON_FOLLOW);
      assertThat(page.getGroupsList()).extracting(EntryGroup::getTotal).containsExactly(2);
    } finally {
      node.node().log().tail().resume();
    }
  }

  /** Others write until nothing is remembered of this author. */
  private static void forget(String author) {
    await(author + " to be forgotten")
        .atMost(Duration.ofSeconds(30))
        .pollInterval(Duration.ofMillis(50))
        .until(
            () -> {
              node.publish(user("noise"), "noise");
              return node.node().log().recentPosts().lastSequence(new UserId(author), CELL) <= 0;
            });
  }

  private void assertLagging(String token) {
    Refusal refusal = Refusal.of(() -> node.read(ann, r -> r.setConsistencyToken(token)));
    assertThat(refusal.reason()).isEqualTo("LAGGING");
  }

  private void assertStored(String token) {
    answered(() -> posts(bob, token));
  }

  private static ListPostsResponse posts(String author, String token) {
    return ok(
        node.posts.listPosts(
            ListPostsRequest.newBuilder()
                .setAuthorId(author)
                .setPageSize(100)
                .setConsistencyToken(token)
                .build()));
  }

  private List<String> texts(String token) {
    return answered(() -> node.read(ann, r -> r.setConsistencyToken(token))).getCardsList().stream()
        .map(card -> card.getPost().getText())
        .toList();
  }

  private static <T> T answered(Callable<T> call) {
    return await()
        .atMost(Duration.ofSeconds(30))
        .pollInterval(Duration.ofMillis(10))
        .ignoreExceptionsMatching(
            e -> e instanceof StatusRuntimeException failure && TestClient.isWorthRetrying(failure))
        .until(call, answer -> true);
  }

  private String edit(PublishResponse post, String text) {
    return ok(node.posts.editPost(
            EditPostRequest.newBuilder()
                .setAuthorId(bob)
                .setPostId(post.getPostId())
                .setContent(PostContent.newBuilder().setText(text))
                .build()))
        .getConsistencyToken();
  }

  private String delete(PublishResponse post) {
    return ok(node.posts.deletePost(
            DeletePostRequest.newBuilder().setAuthorId(bob).setPostId(post.getPostId()).build()))
        .getConsistencyToken();
  }
}
