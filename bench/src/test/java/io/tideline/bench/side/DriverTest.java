package io.tideline.bench.side;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Server;
import io.grpc.Status;
import io.tideline.bench.driver.Call;
import io.tideline.bench.driver.Driver;
import io.tideline.bench.driver.Measured;
import io.tideline.bench.driver.Rpc;
import io.tideline.protocols.v1.Card;
import io.tideline.protocols.v1.Post;
import io.tideline.protocols.v1.PublishResponse;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The driver against servers on the same stack as the limit. */
class DriverTest {
  private static final Duration SHORT = Duration.ofMillis(200);
  private static final Call READ =
      new Call(Rpc.READ_FEED, ReadFeedRequest.newBuilder().setUserId("ann").build().toByteArray());
  private static final Call PUBLISH = new Call(Rpc.PUBLISH, new byte[0]);

  private volatile Function<ReadFeedRequest, CompletionStage<byte[]>> reads =
      request -> answer(page(20, ""));
  private final Server server = start();

  private Server start() {
    try {
      return new FeedServer()
          .reads(request -> reads.apply(request))
          .publishes(
              request ->
                  CompletableFuture.completedFuture(
                      PublishResponse.newBuilder().setPostId("id").build()))
          .start(0);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @AfterEach
  void stop() {
    server.shutdownNow();
  }

  private InetSocketAddress address() {
    return (InetSocketAddress) server.getListenSockets().get(0);
  }

  private static CompletionStage<byte[]> answer(byte[] page) {
    return CompletableFuture.completedFuture(page);
  }

  private static byte[] page(int cards, String text) {
    var page = ReadFeedResponse.newBuilder().setEndOfFeed(true).setNextCursor("next").setGap(3);
    for (int i = 0; i < cards; i++) {
      page.addCards(
          Card.newBuilder()
              .setPost(
                  Post.newBuilder()
                      .setPostId("01J000000000000000000000%02d".formatted(99 - i))
                      .setAuthorId("ben")
                      .setText(text)
                      .setVersion(7)));
    }
    return page.build().toByteArray();
  }

  private Measured driveClosed(Supplier<Call> calls) {
    return Driver.closedLoop(address(), 2, 8, calls, SHORT);
  }

  @Test
  void a_closed_loop_counts_right_answers_of_every_call() {
    var asked = new AtomicLong();

    Measured measured = driveClosed(() -> asked.getAndIncrement() % 3 == 0 ? PUBLISH : READ);

    assertThat(measured.failures()).as(measured.firstFailure()).isZero();
    assertThat(measured.answers()).as("more than are under way at a time").isGreaterThan(16);
    assertThat(measured.reads().getTotalCount() + measured.writes().getTotalCount())
        .isEqualTo(measured.answers());
    assertThat(measured.writes().getTotalCount()).isGreaterThan(5);
    assertThat(measured.bytes()).isGreaterThan(measured.reads().getTotalCount() * 600);
  }

  @Test
  void an_answer_of_many_frames_is_put_together() {
    byte[] large = page(20, "x".repeat(20_000));
    reads = request -> answer(large);

    Measured measured = driveClosed(() -> READ);

    assertThat(measured.failures()).as(measured.firstFailure()).isZero();
    assertThat(measured.bytes()).isEqualTo(measured.answers() * large.length);
  }

  @Test
  void a_short_page_is_a_failure() {
    reads = request -> answer(page(19, ""));

    Measured measured = driveClosed(() -> READ);

    assertThat(measured.answers()).isZero();
    assertThat(measured.firstFailure()).isEqualTo("19 cards instead of 20");
    assertThat(measured.wrong()).isEqualTo(measured.failures()).isPositive();
  }

  @Test
  void a_page_in_the_wrong_order_is_a_failure() throws IOException {
    List<Card> cards = new ArrayList<>(ReadFeedResponse.parseFrom(page(20, "")).getCardsList());
    Collections.swap(cards, 7, 8);
    byte[] swapped = ReadFeedResponse.newBuilder().addAllCards(cards).build().toByteArray();
    reads = request -> answer(swapped);

    assertThat(driveClosed(() -> READ).firstFailure()).isEqualTo("cards that are not newest first");
  }

  @Test
  void an_error_in_the_trailers_is_a_failure() {
    reads =
        request ->
            CompletableFuture.failedFuture(
                Status.UNAVAILABLE.withDescription("away").asRuntimeException());

    Measured measured = driveClosed(() -> READ);

    assertThat(measured.answers()).isZero();
    assertThat(measured.firstFailure()).isEqualTo("grpc-status 14 (away)");
  }

  @Test
  void what_went_wrong_in_a_server_is_in_the_status() {
    reads =
        request ->
            answer(new byte[0])
                .thenApply(
                    page -> {
                      throw new IllegalStateException("no room");
                    });

    assertThat(driveClosed(() -> READ).firstFailure())
        .isEqualTo("grpc-status 2 (java.lang.IllegalStateException: no room)");
  }

  @Test
  void all_calls_of_a_replay_are_made_once() {
    Measured measured = Driver.replay(address(), 2, 4, Collections.nCopies(500, PUBLISH));

    assertThat(measured.failures()).as(measured.firstFailure()).isZero();
    assertThat(measured.answers()).isEqualTo(500);
  }

  @Test
  void an_open_loop_charges_a_stall_to_every_call_that_would_have_come_meanwhile() {
    var stall = new AtomicBoolean(true);
    reads =
        request -> {
          if (stall.getAndSet(false)) pause();
          return answer(page(20, ""));
        };

    // One a millisecond: about 100 of them are due in the first half of the stall.
    Measured measured = Driver.openLoop(address(), 1, 1_000, () -> READ, Duration.ofMillis(600));

    assertThat(measured.failures()).as(measured.firstFailure()).isZero();
    assertThat(measured.answers()).isEqualTo(600);
    long late =
        measured
            .reads()
            .getCountBetweenValues(TimeUnit.MILLISECONDS.toNanos(100), TimeUnit.MINUTES.toNanos(1));
    assertThat(late).isGreaterThanOrEqualTo(90);
  }

  private static void pause() {
    try {
      TimeUnit.MILLISECONDS.sleep(200);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
