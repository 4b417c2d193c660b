package io.tideline.node.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.Status;
import io.tideline.protocols.v1.Card;
import io.tideline.protocols.v1.Post;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ForwardingTest {
  private static final ActorTestKit KIT = TestServer.kit("ForwardingTest");

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
    EncodedAnswer answer =
        read(Duration.ofSeconds(10)).toCompletableFuture().get(10, TimeUnit.SECONDS);
    assertThat(answer.parse(ReadFeedResponse.parser())).isEqualTo(page);
  }

  @Test
  void a_refusal_says_what_the_owner_said() {
    owner.feed.page =
        CompletableFuture.failedFuture(
            StatusMapping.unavailable(
                "MOVING", "the timeline is moving", Map.of(), Duration.ofMillis(500)));
    assertThatThrownBy(() -> read(Duration.ofSeconds(10)).toCompletableFuture().join())
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

  private CompletionStage<EncodedAnswer> read(Duration deadline) {
    return new Forwarding(KIT.system(), "here", false, user -> Optional.empty(), deadline)
        .to(owner.address(), Map.of())
        .readFeed(ReadFeedRequest.getDefaultInstance());
  }
}
