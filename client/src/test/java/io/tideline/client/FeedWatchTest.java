package io.tideline.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.Context;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import io.tideline.protocols.v1.ReadFeedResponse;
import io.tideline.protocols.v1.WatchFeedRequest;
import io.tideline.protocols.v1.WatchFeedResponse;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class FeedWatchTest {
  private final StubCell cell = new StubCell("here", 3);
  private final TidelineClient client = TidelineClient.builder().cell(cell.addresses()).build();
  private final Seen seen = new Seen();

  @AfterEach
  void close() {
    client.close();
    cell.close();
  }

  @Test
  void a_watch_is_at_the_owner_and_goes_on_elsewhere_behind_its_last_cursor() {
    FeedWatch watch = client.watchFeed(request(), seen);
    await().until(() -> cell.feedWatchers().size() == 1);
    assertThat(cell.askedNodes()).containsExactly(cell.ownerOf("ann"));
    say(0, "one");
    say(0, "");
    await().until(() -> seen.messages.size() == 2);

    cell.feedWatchers().get(0).onCompleted();
    await().until(() -> cell.feedWatchers().size() == 2);
    assertThat(cell.asked().get(1).request())
        .isEqualTo(request().toBuilder().setCursor("one").build());

    say(1, "two");
    await().until(() -> seen.messages.size() == 3);
    cell.kill(cell.ownerOf("ann"));
    await().until(() -> cell.feedWatchers().size() == 3);
    assertThat(cell.asked().get(2).request())
        .isEqualTo(request().toBuilder().setCursor("two").build());
    assertThat(cell.asked().get(2).node()).isNotEqualTo(cell.ownerOf("ann"));
    watch.close();
    assertThat(seen.ended).succeedsWithin(Duration.ofSeconds(5));
  }

  @Test
  void a_stream_that_is_cut_goes_on_at_the_owner() {
    FeedWatch watch = client.watchFeed(request(), seen);
    await().until(() -> cell.feedWatchers().size() == 1);
    say(0, "one");
    await().until(() -> seen.messages.size() == 1);
    cell.feedWatchers().get(0).onError(Status.UNAVAILABLE.asRuntimeException());
    await().until(() -> cell.feedWatchers().size() == 2);
    assertThat(cell.askedNodes()).containsExactly(cell.ownerOf("ann"), cell.ownerOf("ann"));

    cell.feedWatchers().get(1).onError(Status.UNAVAILABLE.asRuntimeException());
    await().until(() -> cell.feedWatchers().size() == 3);
    assertThat(cell.askedNodes().get(2)).as("it said nothing").isNotEqualTo(cell.ownerOf("ann"));
    watch.close();
  }

  @Test
  void a_watch_that_is_closed_between_two_streams_completes() {
    FeedWatch watch = client.watchFeed(request(), seen);
    await().until(() -> cell.feedWatchers().size() == 1);
    cell.feedWatchers().get(0).onError(Status.UNAVAILABLE.asRuntimeException());
    watch.close();
    assertThat(seen.ended).succeedsWithin(Duration.ofSeconds(5));
  }

  @Test
  void what_cannot_pass_ends_a_watch() {
    client.watchFeed(request(), seen);
    await().until(() -> cell.feedWatchers().size() == 1);
    cell.feedWatchers()
        .get(0)
        .onError(Status.INVALID_ARGUMENT.withDescription("a bad cursor").asRuntimeException());
    assertThat(seen.ended)
        .failsWithin(Duration.ofSeconds(5))
        .withThrowableThat()
        .withMessageContaining("a bad cursor");
    assertThat(cell.feedWatchers()).hasSize(1);
  }

  @Test
  void a_node_that_is_behind_the_cursor_is_asked_again() {
    client.watchFeed(request(), seen);
    await().until(() -> cell.feedWatchers().size() == 1);
    say(0, "one");
    await().until(() -> seen.messages.size() == 1);
    cell.feedWatchers()
        .get(0)
        .onError(StubCell.failure(Status.Code.FAILED_PRECONDITION, "CURSOR_AHEAD", Duration.ZERO));
    await().until(() -> cell.feedWatchers().size() == 2);
    say(1, "two");
    await().until(() -> seen.messages.size() == 2);
    assertThat(seen.endings).hasValue(0);
  }

  @Test
  void a_node_that_is_behind_is_asked_again_also_after_half_a_minute_of_other_failures() {
    client.watchFeed(request(), seen);
    await().until(() -> cell.feedWatchers().size() == 1);
    cell.answer(
        (node, request) -> {
          throw Status.UNAVAILABLE.asRuntimeException();
        });
    cell.feedWatchers().get(0).onError(Status.UNAVAILABLE.asRuntimeException());
    await().atMost(Duration.ofSeconds(50)).until(() -> cell.feedWatchers().size() == 21);
    cell.answer(
        (node, request) -> {
          throw StubCell.failure(Status.Code.FAILED_PRECONDITION, "CURSOR_AHEAD", Duration.ZERO);
        });
    await().until(() -> cell.feedWatchers().size() == 23);
    assertThat(seen.endings).hasValue(0);
  }

  @Test
  void an_interceptor_that_fails_ends_a_watch() {
    ClientInterceptor interceptor =
        new ClientInterceptor() {
          @Override
          public <Q, R> ClientCall<Q, R> interceptCall(
              MethodDescriptor<Q, R> method, CallOptions options, Channel next) {
            if ("WatchFeed".equals(method.getBareMethodName()))
              throw new IllegalStateException("no watching");
            return next.newCall(method, options);
          }
        };
    assertThatItEndsAWatch(interceptor);
  }

  @Test
  void an_interceptor_whose_call_cannot_be_started_ends_a_watch() {
    ClientInterceptor interceptor =
        new ClientInterceptor() {
          @Override
          public <Q, R> ClientCall<Q, R> interceptCall(
              MethodDescriptor<Q, R> method, CallOptions options, Channel next) {
            return new SimpleForwardingClientCall<>(next.newCall(method, options)) {
              @Override
              public void start(Listener<R> answers, Metadata headers) {
                if ("WatchFeed".equals(method.getBareMethodName()))
                  throw new IllegalStateException("no watching");
                super.start(answers, headers);
              }
            };
          }
        };
    assertThatItEndsAWatch(interceptor);
  }

  @Test
  void an_observer_that_waits_for_a_call_when_its_watch_has_failed_stops_nothing() {
    AtomicInteger opened = new AtomicInteger();
    ClientInterceptor interceptor =
        new ClientInterceptor() {
          @Override
          public <Q, R> ClientCall<Q, R> interceptCall(
              MethodDescriptor<Q, R> method, CallOptions options, Channel next) {
            if ("WatchFeed".equals(method.getBareMethodName()) && opened.incrementAndGet() == 2)
              throw new IllegalStateException("no second time");
            return next.newCall(method, options);
          }
        };
    try (TidelineClient other =
        TidelineClient.builder().cell(cell.addresses()).interceptor(interceptor).build()) {
      CompletableFuture<ReadFeedResponse> read = new CompletableFuture<>();
      other.watchFeed(
          request(),
          new Seen() {
            @Override
            public void onError(Throwable failure) {
              read.complete(other.readFeed(TidelineClientTest.feedOf("ann")).join());
            }
          });
      await().until(() -> cell.feedWatchers().size() == 1);
      cell.answer(TidelineClientTest.failingOnce(Status.UNAVAILABLE.asRuntimeException()));
      cell.feedWatchers().get(0).onError(Status.UNAVAILABLE.asRuntimeException());
      assertThat(read).succeedsWithin(Duration.ofSeconds(5));
    }
  }

  private void assertThatItEndsAWatch(ClientInterceptor interceptor) {
    try (TidelineClient other =
        TidelineClient.builder().cell(cell.addresses()).interceptor(interceptor).build()) {
      other.watchFeed(request(), seen);
      assertThat(seen.ended)
          .failsWithin(Duration.ofSeconds(5))
          .withThrowableThat()
          .withStackTraceContaining("no watching");
    }
  }

  @Test
  void more_watches_of_one_node_than_a_connection_takes_are_all_opened_and_hold_up_no_call() {
    try (StubCell one = new StubCell("one", 1);
        TidelineClient other = TidelineClient.builder().cell(one.addresses()).build()) {
      int watches = StubCell.CALLS_PER_CONNECTION + 1;
      for (int i = 0; i < watches; i++) {
        other.watchFeed(WatchFeedRequest.newBuilder().setUserId("user-" + i).build(), new Seen());
      }
      await().until(() -> one.feedWatchers().size() == watches);
      assertThat(other.readFeed(TidelineClientTest.feedOf("ann")))
          .succeedsWithin(Duration.ofSeconds(5));
    }
  }

  @Test
  void a_watch_that_is_closed_leaves_its_place_to_another() {
    Channels channels = client.cells().channels();
    FeedWatch watch = client.watchFeed(request(), seen);
    await().until(() -> cell.feedWatchers().size() == 1);
    String owner = cell.address(cell.ownerOf("ann"));
    assertThat(channels.forWatch(owner).open()).hasValue(2);
    cell.feedWatchers().get(0).onCompleted();
    await().until(() -> cell.feedWatchers().size() == 2);
    watch.close();
    assertThat(seen.ended).succeedsWithin(Duration.ofSeconds(5));
    assertThat(channels.forWatch(owner).open()).hasValue(2);
  }

  @Test
  void a_watch_outlives_the_call_that_it_was_opened_in() throws Exception {
    Context.CancellableContext serving = Context.current().withCancellation();
    FeedWatch watch = serving.call(() -> client.watchFeed(request(), seen));
    await().until(() -> cell.feedWatchers().size() == 1);
    serving.close();
    say(0, "one");
    await().until(() -> seen.messages.size() == 1);
    watch.close();
    assertThat(seen.ended).succeedsWithin(Duration.ofSeconds(5));
    assertThat(cell.feedWatchers()).hasSize(1);
  }

  @Test
  void an_observer_that_fails_is_told_so_once_and_nothing_more() {
    seen.failure = new IllegalStateException("cannot be shown");
    client.watchFeed(request(), seen);
    await().until(() -> cell.feedWatchers().size() == 1);
    say(0, "one");
    assertThat(seen.ended)
        .failsWithin(Duration.ofSeconds(5))
        .withThrowableThat()
        .withMessageContaining("cannot be shown");
    assertThat(seen.endings).hasValue(1);
  }

  private void say(int watcher, String cursor) {
    cell.feedWatchers()
        .get(watcher)
        .onNext(WatchFeedResponse.newBuilder().setCursor(cursor).build());
  }

  private static WatchFeedRequest request() {
    return WatchFeedRequest.newBuilder().setUserId("ann").build();
  }

  static class Seen implements StreamObserver<WatchFeedResponse> {
    final List<WatchFeedResponse> messages = new CopyOnWriteArrayList<>();
    final CompletableFuture<Void> ended = new CompletableFuture<>();
    final AtomicInteger endings = new AtomicInteger();
    volatile @Nullable RuntimeException failure;

    @Override
    public void onNext(WatchFeedResponse message) {
      if (failure != null) throw failure;
      messages.add(message);
    }

    @Override
    public void onError(Throwable failure) {
      endings.incrementAndGet();
      ended.completeExceptionally(failure);
    }

    @Override
    public void onCompleted() {
      endings.incrementAndGet();
      ended.complete(null);
    }
  }
}
