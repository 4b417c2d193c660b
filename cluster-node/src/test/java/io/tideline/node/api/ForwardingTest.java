package io.tideline.node.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.Status;
import io.tideline.protocols.v1.Card;
import io.tideline.protocols.v1.Post;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import io.tideline.protocols.v1.WatchFeedRequest;
import io.tideline.protocols.v1.WatchFeedResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.pekko.Done;
import org.apache.pekko.NotUsed;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.stream.javadsl.Sink;
import org.apache.pekko.stream.javadsl.Source;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ForwardingTest {
  private static final ActorTestKit KIT = TestServer.kit("ForwardingTest");

  private static final Duration SOON = Duration.ofSeconds(10);

  private TestServer owner;

  @AfterAll
  static void stopKit() {
    KIT.shutdownTestKit();
  }

  @BeforeEach
  void start() throws Exception {
    owner = TestServer.start(KIT, "transport = netty");
  }

  @AfterEach
  void stop() throws Exception {
    owner.close();
  }

  @Test
  void an_answer_is_given_on_as_it_is() throws Exception {
    ReadFeedResponse page =
        ReadFeedResponse.newBuilder()
            .addCards(Card.newBuilder().setPost(Post.newBuilder().setText("a".repeat(100_000))))
            .setNextCursor("c")
            .build();
    owner.feed.page = CompletableFuture.completedFuture(page);
    EncodedAnswer answer = read(SOON).toCompletableFuture().get(10, TimeUnit.SECONDS);
    assertThat(answer.parse(ReadFeedResponse.parser())).isEqualTo(page);
  }

  @Test
  void a_refusal_says_what_the_owner_said() {
    owner.feed.page =
        CompletableFuture.failedFuture(
            StatusMapping.unavailable(
                "MOVING", "the timeline is moving", Map.of(), Duration.ofMillis(500)));
    assertThatThrownBy(() -> read(SOON).toCompletableFuture().join())
        .isInstanceOf(CompletionException.class)
        .cause()
        .satisfies(
            refusal -> {
              assertThat(Status.fromThrowable(refusal).getCode())
                  .isEqualTo(Status.Code.UNAVAILABLE);
              assertThat(StatusMapping.reasonOf(refusal)).isEqualTo("MOVING");
            });
  }

  @Test
  void an_owner_that_is_silent_is_not_waited_for() {
    owner.feed.page = new CompletableFuture<>();
    assertThatThrownBy(() -> read(Duration.ofMillis(200)).toCompletableFuture().join())
        .hasCauseInstanceOf(TimeoutException.class);
  }

  @Test
  void a_page_of_the_longest_posts_is_given_on() throws Exception {
    ReadFeedResponse page =
        ReadFeedResponse.newBuilder()
            .addCards(Card.newBuilder().setPost(Post.newBuilder().setText("a".repeat(24_000_000))))
            .build();
    owner.feed.page = CompletableFuture.completedFuture(page);
    EncodedAnswer answer = read(SOON).toCompletableFuture().get(10, TimeUnit.SECONDS);
    assertThat(answer.parse(ReadFeedResponse.parser())).isEqualTo(page);
  }

  @Test
  void a_watch_at_an_owner_that_stands_still_ends() throws Exception {
    WatchFeedResponse one = WatchFeedResponse.newBuilder().setCursor("one").build();
    owner.feed.changes =
        Source.single(one).concat(Source.maybe()).mapMaterializedValue(ever -> NotUsed.notUsed());
    try (StallingLine line = StallingLine.to(owner.server.address())) {
      CompletableFuture<WatchFeedResponse> first = new CompletableFuture<>();
      CompletionStage<Done> ended =
          to(line.address(), TestServer.NO_TLS, SOON)
              .watchFeed(WatchFeedRequest.getDefaultInstance())
              .runWith(Sink.foreach(first::complete), KIT.system());
      assertThat(first.get(10, TimeUnit.SECONDS)).isEqualTo(one);
      line.stall();
      assertThat(ended.toCompletableFuture())
          .failsWithin(Duration.ofSeconds(30))
          .withThrowableThat()
          .satisfies(
              failure ->
                  assertThat(Status.fromThrowable(failure).getCode())
                      .isEqualTo(Status.Code.UNAVAILABLE));
    }
  }

  @Test
  void more_watches_than_a_connection_takes_get_another_one() throws Exception {
    WatchFeedResponse one = WatchFeedResponse.newBuilder().setCursor("one").build();
    try (TestServer narrow =
        TestServer.start(KIT, "transport = netty\nmax-concurrent-calls-per-connection = 1")) {
      narrow.feed.changes =
          Source.single(one).concat(Source.maybe()).mapMaterializedValue(ever -> NotUsed.notUsed());
      Forwarding.Hop hop = to(narrow, TestServer.NO_TLS, SOON);
      List<CompletableFuture<WatchFeedResponse>> firsts = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        CompletableFuture<WatchFeedResponse> first = new CompletableFuture<>();
        firsts.add(first);
        hop.watchFeed(WatchFeedRequest.getDefaultInstance())
            .runWith(Sink.foreach(first::complete), KIT.system());
      }
      for (CompletableFuture<WatchFeedResponse> first : firsts) {
        assertThat(first.get(10, TimeUnit.SECONDS)).isEqualTo(one);
      }
    }
  }

  @Test
  void nodes_of_an_authority_of_their_own_read_and_watch_at_each_other(@TempDir Path directory)
      throws Exception {
    Certificates node = Certificates.create(directory, "node");
    String own =
        "tls { certificate-chain = \"%1$s\", private-key = \"%2$s\", client-authority = \"%1$s\" }\n"
            .formatted(node.chain(), node.key());
    String known = own + "tls.node-authority = \"%s\"".formatted(node.chain());
    try (TestServer secure = TestServer.start(KIT, "transport = netty\n" + own)) {
      Forwarding.Hop hop = to(secure, TestServer.tls(known), SOON);
      assertThat(read(hop).toCompletableFuture().get(10, TimeUnit.SECONDS)).isNotNull();
      assertThat(
              hop.watchFeed(WatchFeedRequest.getDefaultInstance())
                  .runWith(Sink.seq(), KIT.system())
                  .toCompletableFuture()
                  .get(10, TimeUnit.SECONDS))
          .isEmpty();
      assertThatThrownBy(
              () -> read(to(secure, TestServer.tls(own), SOON)).toCompletableFuture().join())
          .cause()
          .satisfies(
              failure ->
                  assertThat(Status.fromThrowable(failure).getCode())
                      .isEqualTo(Status.Code.UNAVAILABLE));
    }
  }

  private CompletionStage<EncodedAnswer> read(Duration deadline) {
    return read(to(owner, TestServer.NO_TLS, deadline));
  }

  private static CompletionStage<EncodedAnswer> read(Forwarding.Hop hop) {
    return hop.readFeed(ReadFeedRequest.getDefaultInstance());
  }

  private static Forwarding.Hop to(TestServer owner, GrpcSettings.Tls tls, Duration deadline) {
    return to(owner.address(), tls, deadline);
  }

  private static Forwarding.Hop to(String address, GrpcSettings.Tls tls, Duration deadline) {
    return new Forwarding(KIT.system(), "here", tls, user -> Optional.empty(), deadline, 1)
        .to(address, Map.of());
  }
}
