package io.tideline.node.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.google.protobuf.Any;
import com.google.rpc.ErrorInfo;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.tideline.protocols.v1.FollowManyRequest;
import io.tideline.protocols.v1.GetTopologyRequest;
import io.tideline.protocols.v1.MarkReadRequest;
import io.tideline.protocols.v1.PostContent;
import io.tideline.protocols.v1.PublishRequest;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import io.tideline.protocols.v1.WatchFeedRequest;
import io.tideline.protocols.v1.WatchFeedResponse;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;

class FeedClientTest {
  private static final Duration PATIENCE = Duration.ofSeconds(10);
  private static final WatchFeedRequest ANN =
      WatchFeedRequest.newBuilder().setUserId("ann").build();
  private static final WatchFeedRequest BOB =
      WatchFeedRequest.newBuilder().setUserId("bob").build();

  @Test
  void the_next_node_is_asked_when_one_is_gone() {
    try (var cluster = StubCluster.ofNodes(2);
        var client = FeedClient.of(cluster.addresses(), PATIENCE)) {
      call(client);
      cluster.kill(0);
      call(client);
    }
  }

  @Test
  void the_next_node_is_asked_when_one_takes_the_connection_and_says_nothing() throws IOException {
    try (var silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        var cluster = StubCluster.ofNodes(1);
        var client =
            FeedClient.of(
                List.of("127.0.0.1:" + silent.getLocalPort(), cluster.addresses().get(0)),
                Duration.ofSeconds(3))) {
      long startedAt = System.nanoTime();
      call(client);
      assertThat(Duration.ofNanos(System.nanoTime() - startedAt)).isLessThan(Duration.ofSeconds(6));
    }
  }

  @Test
  void a_mark_that_depends_on_what_it_changes_is_not_repeated_and_others_are() {
    MarkReadRequest mark = MarkReadRequest.newBuilder().setUserId("ann").setPostId("p").build();
    try (var cluster = StubCluster.ofNodes(2);
        var client = FeedClient.of(cluster.addresses(), PATIENCE)) {
      cluster.failNext(1);
      client.call(Methods.MARK_READ, mark);
      cluster.failNext(1);
      MarkReadRequest conditional = mark.toBuilder().setExpectedBase("NONE").build();
      assertThatThrownBy(() -> client.call(Methods.MARK_READ, conditional))
          .hasMessageContaining("UNAVAILABLE");
    }
  }

  @Test
  void a_page_of_a_hundred_of_the_largest_posts_is_taken() {
    var page = ReadFeedResponse.newBuilder().setNextCursor("c".repeat(24_000_000)).build();
    try (var cluster = StubCluster.ofNodes(1);
        var client = FeedClient.of(cluster.addresses(), PATIENCE)) {
      cluster.answer(Methods.READ_FEED, page);
      assertThat(client.call(Methods.READ_FEED, ReadFeedRequest.getDefaultInstance()))
          .isEqualTo(page);
    }
  }

  @Test
  void a_call_is_repeated_while_the_cluster_asks_for_patience() {
    try (var cluster = StubCluster.ofNodes(1);
        var client = FeedClient.of(cluster.addresses(), PATIENCE)) {
      cluster.failNext(3);
      long startedAt = System.nanoTime();
      call(client);
      assertThat(Duration.ofNanos(System.nanoTime() - startedAt))
          .isGreaterThanOrEqualTo(Duration.ofMillis(300));
    }
  }

  @Test
  void patience_has_an_end() {
    try (var cluster = StubCluster.ofNodes(1);
        var client = FeedClient.of(cluster.addresses(), Duration.ofMillis(250))) {
      cluster.failNext(1_000);
      assertThatThrownBy(() -> call(client))
          .isInstanceOfSatisfying(
              StatusRuntimeException.class,
              failure ->
                  assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE));
    }
  }

  @Test
  void what_is_refused_is_not_repeated() {
    try (var cluster = StubCluster.ofNodes(1);
        var client = FeedClient.of(cluster.addresses(), PATIENCE)) {
      var request =
          PublishRequest.newBuilder()
              .setAuthorId("ann")
              .setContent(PostContent.newBuilder().setTitle("refuse me"))
              .build();
      assertThatThrownBy(() -> client.call(Methods.PUBLISH, request))
          .hasMessageContaining("INVALID_ARGUMENT");
    }
  }

  @Test
  void a_watch_goes_on_at_the_next_node() {
    List<WatchFeedResponse> seen = new CopyOnWriteArrayList<>();
    try (var cluster = StubCluster.ofNodes(2);
        var client = FeedClient.of(cluster.addresses(), PATIENCE);
        var authors = FeedClient.of(cluster.addresses().subList(1, 2), PATIENCE);
        var watch = FeedWatch.open(client, ANN, 0, PATIENCE, seen::add)) {
      authors.call(
          Methods.FOLLOW_MANY,
          FollowManyRequest.newBuilder().setUserId("ann").addFolloweeIds("bob").build());
      await().until(() -> publishedAndSeen(authors, seen, 1));
      cluster.kill(0);
      int before = seen.size();
      await().until(() -> publishedAndSeen(authors, seen, before + 1));
      assertThat(watch.ended()).isNotDone();
    }
  }

  @Test
  void a_watch_goes_on_when_the_next_node_is_behind_its_cursor_for_a_moment() {
    List<WatchFeedResponse> seen = new CopyOnWriteArrayList<>();
    try (var cluster = StubCluster.ofNodes(2);
        var client = FeedClient.of(cluster.addresses(), PATIENCE);
        var authors = FeedClient.of(cluster.addresses().subList(1, 2), PATIENCE);
        var watch = FeedWatch.open(client, BOB, 0, PATIENCE, seen::add)) {
      await().until(() -> publishedAndSeen(authors, seen, 1));
      cluster.failNext(2, behindTheCursor());
      cluster.kill(0);
      await().until(() -> cluster.failuresLeft() == 0);
      int before = seen.size();
      await().until(() -> publishedAndSeen(authors, seen, before + 1));
      assertThat(watch.ended()).isNotDone();
    }
  }

  private static StatusRuntimeException behindTheCursor() {
    return StatusProto.toStatusRuntimeException(
        com.google.rpc.Status.newBuilder()
            .setCode(Status.Code.FAILED_PRECONDITION.value())
            .addDetails(Any.pack(ErrorInfo.newBuilder().setReason("CURSOR_AHEAD").build()))
            .build());
  }

  private static boolean publishedAndSeen(
      FeedClient authors, List<WatchFeedResponse> seen, int wanted) {
    authors.call(
        Methods.PUBLISH,
        PublishRequest.newBuilder()
            .setAuthorId("bob")
            .setContent(PostContent.newBuilder().setText("hello"))
            .build());
    return seen.size() >= wanted;
  }

  private static void call(FeedClient client) {
    assertThat(client.call(Methods.GET_TOPOLOGY, GetTopologyRequest.getDefaultInstance()))
        .isNotNull();
  }
}
