package io.tideline.client;

import static io.tideline.client.StubCell.answered;
import static io.tideline.client.StubCell.failure;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import com.google.protobuf.Message;
import com.google.rpc.ErrorInfo;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.tideline.client.StubCell.Asked;
import io.tideline.protocols.v1.GetPostRequest;
import io.tideline.protocols.v1.MarkReadRequest;
import io.tideline.protocols.v1.PublishRequest;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import io.tideline.protocols.v1.WatchFeedRequest;
import java.io.IOException;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class TidelineClientTest {
  private final StubCell cell = new StubCell("here", 3);
  private TidelineClient client;

  @BeforeEach
  void connect() {
    client = TidelineClient.builder().cell(cell.addresses()).zone("b").build();
    // What connecting takes is no matter of the tests.
    for (int i = 0; i < 30; i++) read("user-" + i);
    cell.forget();
  }

  @AfterEach
  void close() {
    client.close();
    cell.close();
  }

  @Test
  void every_call_about_a_user_goes_to_the_node_that_has_the_user() {
    for (int i = 0; i < 200; i++) {
      assertThat(read("user-" + i)).isEqualTo(Integer.toString(cell.ownerOf("user-" + i)));
    }
    cell.forget();
    client.publish(post("ann", "k")).join();
    assertThat(cell.askedNodes()).containsExactly(cell.ownerOf("ann"));
  }

  @Test
  void a_call_that_every_node_answers_stays_in_the_zone() {
    for (int i = 0; i < 50; i++) {
      client.getPost(GetPostRequest.newBuilder().setPostId("post-" + i).build()).join();
    }
    assertThat(cell.askedNodes()).hasSize(50).containsOnly(1);
  }

  @Test
  void a_user_who_moves_is_called_where_the_user_is_now() {
    int before = cell.ownerOf("ann");
    assertThat(read("ann")).isEqualTo(Integer.toString(before));
    cell.moveShards();
    await().untilAsserted(() -> assertThat(read("ann")).isNotEqualTo(Integer.toString(before)));
    assertThat(read("ann")).isEqualTo(Integer.toString(cell.ownerOf("ann")));
  }

  @Test
  void a_write_that_fails_is_repeated_elsewhere_with_the_same_key() {
    int owner = cell.ownerOf("ann");
    cell.answer(
        (node, request) -> {
          if (node == owner) throw Status.UNAVAILABLE.asRuntimeException();
          return answered(node, request);
        });
    client.publish(post("ann", "my key")).join();
    assertThat(cell.asked()).hasSize(2);
    assertThat(cell.askedNodes().get(0)).isEqualTo(owner);
    assertThat(cell.askedNodes().get(1)).isNotEqualTo(owner);
    assertThat(cell.asked()).allMatch(asked -> asked.request().equals(post("ann", "my key")));
  }

  @Test
  void what_a_node_asks_to_wait_for_is_waited_for() {
    cell.answer(failingOnce(failure(Status.Code.UNAVAILABLE, "LAGGING", Duration.ofMillis(400))));
    read("ann");
    List<Asked> asked = cell.asked();
    assertThat(asked.get(1).atNanos() - asked.get(0).atNanos())
        .isGreaterThanOrEqualTo(TimeUnit.MILLISECONDS.toNanos(400));
    // Whoever lags is the owner still.
    assertThat(cell.askedNodes()).containsExactly(cell.ownerOf("ann"), cell.ownerOf("ann"));
  }

  @Test
  void a_call_is_not_repeated_when_that_would_be_behind_its_deadline() {
    cell.answer(
        failingOnce(failure(Status.Code.UNAVAILABLE, "STORAGE_AWAY", Duration.ofSeconds(5))));
    long start = System.nanoTime();
    StatusRuntimeException failure =
        refusalOf(client.withDeadline(Duration.ofSeconds(3)).readFeed(feedOf("ann")));
    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(Refusal.of(failure).reason()).isEqualTo("STORAGE_AWAY");
    assertThat(System.nanoTime() - start).isLessThan(TimeUnit.SECONDS.toNanos(2));
    assertThat(cell.asked()).hasSize(1);
  }

  @Test
  void a_node_that_does_not_answer_is_left_while_there_is_time() {
    int owner = cell.ownerOf("ann");
    cell.answer((node, request) -> node == owner ? null : answered(node, request));
    assertThat(client.withDeadline(Duration.ofMillis(2_400)).readFeed(feedOf("ann")).join())
        .isNotNull();
    assertThat(cell.askedNodes().get(0)).isEqualTo(owner);
  }

  @Test
  void a_node_that_is_slow_may_still_answer_when_another_has_been_asked() {
    int owner = cell.ownerOf("ann");
    cell.answer(
        (node, request) -> {
          if (node != owner) return null;
          return slowly(node, request, Duration.ofMillis(1_500));
        });
    String answer =
        client.withDeadline(Duration.ofSeconds(2)).readFeed(feedOf("ann")).join().getNextCursor();
    assertThat(answer).isEqualTo(Integer.toString(owner));
    assertThat(cell.asked()).hasSize(2);
    await().untilAsserted(() -> assertThat(cell.cancelled()).as("the other one").isOne());
  }

  static @Nullable Message slowly(int node, Message request, Duration time) {
    try {
      Thread.sleep(time.toMillis());
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
    return answered(node, request);
  }

  @Test
  void a_call_that_nobody_answers_ends_with_its_deadline() {
    cell.answer((node, request) -> null);
    long start = System.nanoTime();
    StatusRuntimeException failure =
        refusalOf(client.withDeadline(Duration.ofMillis(1_500)).readFeed(feedOf("ann")));
    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.DEADLINE_EXCEEDED);
    assertThat(System.nanoTime() - start)
        .isBetween(TimeUnit.MILLISECONDS.toNanos(1_300), TimeUnit.SECONDS.toNanos(4));
  }

  @Test
  void the_deadline_of_a_call_that_is_being_served_holds_for_the_calls_it_makes() throws Exception {
    cell.answer((node, request) -> null);
    ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor();
    try (Context.CancellableContext serving =
        Context.current().withDeadline(Deadline.after(700, TimeUnit.MILLISECONDS), timer)) {
      CompletableFuture<ReadFeedResponse> answer =
          serving.call(() -> client.readFeed(feedOf("ann")));
      assertThat(refusalOf(answer).getStatus().getCode()).isEqualTo(Status.Code.DEADLINE_EXCEEDED);
    } finally {
      timer.shutdownNow();
    }
  }

  @Test
  void a_call_whose_caller_is_gone_is_not_repeated_and_says_nothing_of_the_node() throws Exception {
    cell.answer((node, request) -> null);
    for (int i = 1; i <= 50; i++) {
      int calls = i;
      Context.CancellableContext serving = Context.current().withCancellation();
      CompletableFuture<ReadFeedResponse> answer =
          serving.call(() -> client.readFeed(feedOf("ann")));
      await().until(() -> cell.asked().size() == calls);
      serving.close();
      assertThat(refusalOf(answer).getStatus().getCode()).isEqualTo(Status.Code.CANCELLED);
    }
    assertThat(cell.asked()).hasSize(50);
  }

  @Test
  void cancelling_the_future_cancels_the_call() {
    cell.answer((node, request) -> null);
    CompletableFuture<ReadFeedResponse> answer = client.readFeed(feedOf("ann"));
    await().until(() -> cell.asked().size() == 1);
    assertThat(cell.cancelled()).isZero();
    answer.cancel(true);
    await().until(() -> cell.cancelled() == 1);
    assertThat(cell.asked()).hasSize(1);
  }

  @Test
  void a_node_that_names_the_owner_is_believed_at_once() {
    int first = cell.ownerOf("ann");
    int owner = (first + 1) % 3;
    ErrorInfo info =
        ErrorInfo.newBuilder()
            .setReason("NOT_THE_OWNER")
            .putMetadata("owner", cell.address(owner))
            .build();
    cell.answer(
        (node, request) -> {
          if (node != owner) throw failure(Status.Code.UNAVAILABLE, info, Duration.ofSeconds(30));
          return answered(node, request);
        });
    assertThat(read("ann")).isEqualTo(Integer.toString(owner));
    assertThat(cell.askedNodes()).containsExactly(first, owner);
  }

  @Test
  void two_nodes_that_each_name_the_other_are_not_asked_for_ever() {
    cell.answer(
        (node, request) -> {
          ErrorInfo info =
              ErrorInfo.newBuilder().putMetadata("owner", cell.address((node + 1) % 2)).build();
          throw failure(Status.Code.UNAVAILABLE, info, Duration.ofMillis(200));
        });
    refusalOf(client.withDeadline(Duration.ofSeconds(2)).readFeed(feedOf("ann")));
    assertThat(cell.asked()).hasSizeLessThan(15);
  }

  @Test
  void what_the_caller_got_wrong_is_not_repeated() {
    cell.answer(failingOnce(failure(Status.Code.INVALID_ARGUMENT, "BAD", Duration.ZERO)));
    assertThat(refusalOf(client.readFeed(feedOf("ann"))).getStatus().getCode())
        .isEqualTo(Status.Code.INVALID_ARGUMENT);
    assertThat(cell.asked()).hasSize(1);
  }

  @Test
  void a_mark_that_depends_on_what_it_changes_is_not_repeated_and_others_are() {
    MarkReadRequest mark = MarkReadRequest.newBuilder().setUserId("ann").setPostId("p").build();
    cell.answer(failingOnce(Status.UNAVAILABLE.asRuntimeException()));
    client.markRead(mark).join();
    cell.answer(failingOnce(Status.UNAVAILABLE.asRuntimeException()));
    cell.forget();
    refusalOf(client.markRead(mark.toBuilder().setExpectedBase("NONE").build()));
    assertThat(cell.asked()).hasSize(1);
  }

  @Test
  void when_everything_fails_the_cell_gets_little_more_than_at_rest() {
    cell.answer(
        (node, request) -> {
          throw Status.UNAVAILABLE.asRuntimeException();
        });
    long start = System.nanoTime();
    int calls = 1_000;
    List<CompletableFuture<ReadFeedResponse>> answers =
        IntStream.range(0, calls).mapToObj(i -> client.readFeed(feedOf("user-" + i))).toList();
    answers.forEach(TidelineClientTest::refusalOf);
    double seconds = (System.nanoTime() - start) / 1e9;
    assertThat((double) cell.asked().size())
        .isBetween(calls + 100.0, calls + 100 + 0.2 * (calls + 1) + 10 * seconds);
  }

  @Test
  void a_node_that_dies_is_left_and_the_topology_comes_from_another() {
    for (int i = 0; i < 30; i++) read("user-" + i);
    assertThat(cell.topologyWatchers()).isOne();
    cell.kill(0);
    cell.kill(1);
    for (int i = 0; i < 30; i++) assertThat(read("user-" + i)).isEqualTo("2");
    await().until(() -> cell.topologyWatchers() == 1);
    cell.start(0);
    cell.start(1);
    await()
        .untilAsserted(
            () -> assertThat(read("user-1")).isEqualTo(Integer.toString(cell.ownerOf("user-1"))));
  }

  @Test
  void one_seed_that_lives_is_enough() {
    cell.kill(0);
    cell.kill(1);
    try (TidelineClient other = TidelineClient.builder().cell(cell.addresses()).build()) {
      assertThat(other.readFeed(feedOf("ann")).join().getNextCursor()).isEqualTo("2");
    }
  }

  @Test
  void addresses_that_cannot_be_called_are_passed_over() {
    try (TidelineClient other =
        TidelineClient.builder()
            .cell("no_name:1", "no_name:2", "no_name:3", cell.address(2))
            .build()) {
      assertThat(other.readFeed(feedOf("ann"))).succeedsWithin(Duration.ofSeconds(5));
    }
  }

  @Test
  void an_interceptor_that_fails_at_a_repetition_fails_the_call() {
    ClientInterceptor interceptor =
        new ClientInterceptor() {
          @Override
          public <Q, R> ClientCall<Q, R> interceptCall(
              MethodDescriptor<Q, R> method, CallOptions options, Channel next) {
            if (options.getOption(TidelineClient.PREVIOUS_ATTEMPTS) > 0)
              throw new IllegalStateException("no second time");
            return next.newCall(method, options);
          }
        };
    cell.answer(failingOnce(Status.UNAVAILABLE.asRuntimeException()));
    try (TidelineClient other =
        TidelineClient.builder().cell(cell.addresses()).interceptor(interceptor).build()) {
      assertThat(other.readFeed(feedOf("ann")))
          .failsWithin(Duration.ofSeconds(5))
          .withThrowableThat()
          .havingCause()
          .isInstanceOf(StatusRuntimeException.class)
          .withStackTraceContaining("no second time");
    }
  }

  @Test
  void without_any_node_calls_say_that_nobody_is_there() {
    for (int i = 0; i < 3; i++) cell.kill(i);
    try (TidelineClient other =
        TidelineClient.builder().cell(cell.addresses()).deadline(Duration.ofMillis(500)).build()) {
      StatusRuntimeException failure = refusalOf(other.readFeed(feedOf("ann")));
      assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
      assertThat(failure).hasStackTraceContaining("refused");
    }
  }

  @Test
  void calls_wait_for_nodes_that_are_not_there_yet() throws InterruptedException {
    for (int i = 0; i < 3; i++) cell.kill(i);
    try (TidelineClient other = TidelineClient.builder().cell(cell.addresses()).build()) {
      List<CompletableFuture<ReadFeedResponse>> answers =
          IntStream.range(0, 300).mapToObj(i -> other.readFeed(feedOf("user-" + i))).toList();
      Thread.sleep(500);
      for (int i = 0; i < 3; i++) cell.start(i);
      answers.forEach(CompletableFuture::join);
    }
  }

  @Test
  void who_waits_for_a_call_where_another_one_failed_stops_nothing() {
    for (int i = 0; i < 3; i++) cell.kill(i);
    try (TidelineClient other = TidelineClient.builder().cell(cell.addresses()).build()) {
      CompletableFuture<ReadFeedResponse> answer =
          other
              .withDeadline(Duration.ofMillis(500))
              .readFeed(feedOf("ann"))
              .exceptionally(failure -> afterStart(other));
      assertThat(answer).succeedsWithin(Duration.ofSeconds(10));
    }
  }

  private ReadFeedResponse afterStart(TidelineClient other) {
    CompletableFuture<ReadFeedResponse> answer = other.readFeed(feedOf("bea"));
    for (int i = 0; i < 3; i++) cell.start(i);
    return answer.join();
  }

  @Test
  void who_waits_where_a_call_failed_that_never_knew_its_cell_stops_no_timeouts()
      throws IOException {
    try (ServerSocket silent = StubCell.silentNode();
        TidelineClient other =
            TidelineClient.builder()
                .cell(StubCell.address(silent))
                .deadline(Duration.ofMillis(200))
                .build()) {
      assertThat(other.readFeed(feedOf("ann")).handle((page, failure) -> afterTimeout().join()))
          .succeedsWithin(Duration.ofSeconds(2));
    }
  }

  private static CompletableFuture<String> afterTimeout() {
    return new CompletableFuture<String>().completeOnTimeout("over", 10, TimeUnit.MILLISECONDS);
  }

  @Test
  void callers_are_named_by_the_tokens_of_their_calls() {
    try (TidelineClient other =
        TidelineClient.builder().cell(cell.addresses()).token(() -> "product").build()) {
      other.readFeed(feedOf("ann")).join();
      other.withToken(() -> "ann").readFeed(feedOf("ann")).join();
      other.readFeed(feedOf("ann")).join();
    }
    assertThat(cell.tokensOfWatches()).contains("Bearer product").doesNotContain("Bearer ann");
    assertThat(cell.asked())
        .extracting(Asked::authorization)
        .containsExactly("Bearer product", "Bearer ann", "Bearer product");
  }

  @Test
  void a_token_that_cannot_be_had_fails_the_call() {
    TidelineClient other =
        client.withToken(
            () -> {
              throw new IllegalStateException("no token today");
            });
    assertThat(refusalOf(other.readFeed(feedOf("ann"))))
        .hasStackTraceContaining("no token today")
        .extracting(failure -> failure.getStatus().getCode())
        .isEqualTo(Status.Code.UNAUTHENTICATED);
  }

  @Test
  void a_page_of_a_hundred_of_the_largest_posts_is_taken() {
    cell.answer(
        (node, request) ->
            ReadFeedResponse.newBuilder().setNextCursor("c".repeat(24_000_000)).build());
    assertThat(read("ann")).hasSize(24_000_000);
  }

  @Test
  void interceptors_see_every_attempt() {
    List<String> seen = new CopyOnWriteArrayList<>();
    ClientInterceptor interceptor =
        new ClientInterceptor() {
          @Override
          public <Q, R> ClientCall<Q, R> interceptCall(
              MethodDescriptor<Q, R> method, CallOptions options, Channel next) {
            seen.add(
                method.getBareMethodName() + options.getOption(TidelineClient.PREVIOUS_ATTEMPTS));
            return next.newCall(method, options);
          }
        };
    cell.answer(failingOnce(Status.UNAVAILABLE.asRuntimeException()));
    try (TidelineClient other =
        TidelineClient.builder().cell(cell.addresses()).interceptor(interceptor).build()) {
      other.readFeed(feedOf("ann")).join();
    }
    assertThat(seen).containsExactly("WatchTopology0", "ReadFeed0", "ReadFeed1");
  }

  @Test
  void a_client_that_is_closed_keeps_nobody_waiting() {
    cell.answer(
        (node, request) -> {
          throw failure(Status.Code.UNAVAILABLE, "STORAGE_AWAY", Duration.ofSeconds(2));
        });
    CompletableFuture<ReadFeedResponse> waiting = client.readFeed(feedOf("ann"));
    cell.answer((node, request) -> null);
    CompletableFuture<ReadFeedResponse> running = client.readFeed(feedOf("bea"));
    await().until(() -> cell.asked().size() >= 2);
    client.close();
    assertThat(refusalOf(running).getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(refusalOf(waiting).getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(refusalOf(client.readFeed(feedOf("cid"))).getStatus().getCode())
        .isEqualTo(Status.Code.UNAVAILABLE);
  }

  @Test
  void a_client_that_is_closed_before_it_knows_its_cell_keeps_nobody_waiting() throws IOException {
    try (ServerSocket silent = StubCell.silentNode()) {
      TidelineClient other = TidelineClient.builder().cell(StubCell.address(silent)).build();
      CompletableFuture<ReadFeedResponse> answer = other.readFeed(feedOf("ann"));
      FeedWatchTest.Seen seen = new FeedWatchTest.Seen();
      other.watchFeed(WatchFeedRequest.newBuilder().setUserId("ann").build(), seen);
      other.close();
      await().atMost(Duration.ofSeconds(1)).until(answer::isCompletedExceptionally);
      await().atMost(Duration.ofSeconds(1)).until(seen.ended::isCompletedExceptionally);
    }
  }

  @Test
  void mistakes_of_the_builder_are_named() {
    assertThatThrownBy(() -> TidelineClient.builder().cell("http://feeds.example"))
        .hasMessageContaining("host:port");
    assertThatThrownBy(() -> TidelineClient.builder().cell("https://10.0.0.1:8600"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("host:port")
        .hasMessageContaining("https://10.0.0.1:8600")
        .hasMessageContaining("credentials");
    assertThatThrownBy(() -> TidelineClient.builder().cell("10.0.0.1:86000"))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> TidelineClient.builder().cell()).hasMessageContaining("address");
    assertThatThrownBy(() -> TidelineClient.builder().build()).hasMessageContaining("cell");
    assertThatThrownBy(() -> TidelineClient.builder().canary("1.1", 20))
        .hasMessageContaining("0 to 1");
    assertThatThrownBy(() -> TidelineClient.builder().deadline(Duration.ZERO))
        .hasMessageContaining("positive");
  }

  static StubCell.Script failingOnce(StatusRuntimeException failure) {
    Set<Message> failed = ConcurrentHashMap.newKeySet();
    return (node, request) -> {
      if (failed.add(request)) throw failure;
      return answered(node, request);
    };
  }

  private String read(String user) {
    return client.readFeed(feedOf(user)).join().getNextCursor();
  }

  static ReadFeedRequest feedOf(String user) {
    return ReadFeedRequest.newBuilder().setUserId(user).build();
  }

  static PublishRequest post(String author, String key) {
    return PublishRequest.newBuilder().setAuthorId(author).setIdempotencyKey(key).build();
  }

  static StatusRuntimeException refusalOf(CompletableFuture<?> answer) {
    CompletionException failed = catchThrowableOfType(CompletionException.class, answer::join);
    assertThat(failed).hasCauseInstanceOf(StatusRuntimeException.class);
    return (StatusRuntimeException) requireNonNull(failed.getCause());
  }
}
