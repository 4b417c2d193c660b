package io.tideline.client;

import static io.tideline.client.StubCell.answered;
import static io.tideline.client.StubCell.failure;
import static io.tideline.client.TidelineClientTest.feedOf;
import static io.tideline.client.TidelineClientTest.refusalOf;
import static io.tideline.client.TidelineClientTest.slowly;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.awaitility.Awaitility.await;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.tideline.protocols.v1.Durability;
import io.tideline.protocols.v1.PublishRequest;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.WatchFeedRequest;
import io.tideline.protocols.v1.WatchFeedResponse;
import java.io.IOException;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class TwoCellsTest {
  private static final List<String> USERS =
      IntStream.range(0, 1_000).mapToObj(i -> "user-" + i).toList();

  private final StubCell home = new StubCell("home", 2);
  private final StubCell away = new StubCell("away", 2);
  private final AtomicLong passed = new AtomicLong();
  private final AtomicLong timeAsked = new AtomicLong();
  private TidelineClient client;

  @BeforeEach
  void connect() {
    client =
        TidelineClient.builder()
            .cell(home.addresses())
            .cell(away.addresses())
            .deadline(Duration.ofSeconds(60))
            .time(this::nanoTime, Duration.ofMillis(20))
            .build();
  }

  @AfterEach
  void close() {
    client.close();
    home.close();
    away.close();
  }

  @Test
  void while_all_is_well_everybody_is_at_home() {
    assertThat(partAtHome()).isOne();
  }

  @Test
  void a_cell_that_is_away_is_replaced_and_gets_its_users_back_step_by_step() {
    assertThat(partAtHome()).isOne();
    home.kill(0);
    home.kill(1);
    for (int i = 0; i < 20; i++) client.readFeed(feedOf("user-" + i)).join();
    assertThat(partAtHome()).isZero();

    home.start(0);
    home.start(1);
    await().until(known(0)::isWell);
    assertThat(partAtHome()).isZero();

    pass(CellShare.HOLD_DOWN);
    await().untilAsserted(() -> assertThat(partAtHome()).isCloseTo(0.1, within(0.05)));
    for (int tenths = 2; tenths <= 10; tenths++) {
      pass(CellShare.STEP_UP);
      double expected = tenths / 10.0;
      await().untilAsserted(() -> assertThat(partAtHome()).isCloseTo(expected, within(0.05)));
    }
  }

  @Test
  void a_cell_over_its_capacity_gives_users_away_and_has_them_back_when_it_has_room() {
    assertThat(partAtHome()).isOne();
    home.setOverCapacity(true);
    await().untilAsserted(() -> assertThat(partAtHome()).isCloseTo(0.9, within(0.05)));
    pass(CellShare.STEP_DOWN);
    await().untilAsserted(() -> assertThat(partAtHome()).isCloseTo(0.8, within(0.05)));

    home.setOverCapacity(false);
    // Otherwise time would pass for a cell that is still over its capacity.
    await().until(() -> !table(0).overCapacity());
    pass(CellShare.STEP_UP);
    await().untilAsserted(() -> assertThat(partAtHome()).isCloseTo(0.9, within(0.05)));
    pass(CellShare.STEP_UP);
    await().untilAsserted(() -> assertThat(partAtHome()).isOne());
  }

  @Test
  void a_call_that_the_cell_keeps_failing_is_made_in_the_other_one() {
    home.answer(
        (node, request) -> {
          throw Status.UNAVAILABLE.asRuntimeException();
        });
    client.readFeed(feedOf("ann")).join();
    assertThat(home.asked()).hasSize(2);
    assertThat(away.asked()).hasSize(1);
  }

  @Test
  void a_cell_that_is_there_and_fails_most_calls_is_left() {
    assertThat(partAtHome()).isOne();
    home.answer(
        (node, request) -> {
          if (USERS.indexOf(((ReadFeedRequest) request).getUserId()) % 5 == 0)
            return answered(node, request);
          throw Status.UNAVAILABLE.asRuntimeException();
        });
    await()
        .untilAsserted(
            () -> {
              home.forget();
              USERS.stream()
                  .limit(50)
                  .map(user -> client.readFeed(feedOf(user)))
                  .toList()
                  .forEach(answer -> answer.exceptionally(failure -> null).join());
              assertThat(home.asked()).isEmpty();
            });
  }

  @Test
  void a_watch_that_the_cell_keeps_failing_goes_on_in_the_other_one() {
    FeedWatch watch = client.watchFeed(watchOf("ann"), new FeedWatchTest.Seen());
    endNext(home, 1, Status.UNAVAILABLE.asRuntimeException());
    endNext(home, 2, Status.UNAVAILABLE.asRuntimeException());
    await().until(() -> away.feedWatchers().size() == 1);
    away.feedWatchers().get(0).onNext(WatchFeedResponse.getDefaultInstance());
    // What has told something has not failed: the next attempt is at home again.
    endNext(away, 1, Status.UNAVAILABLE.asRuntimeException());
    await().until(() -> home.feedWatchers().size() == 3);
    assertThat(away.feedWatchers()).hasSize(1);
    watch.close();
  }

  @Test
  void a_watch_that_all_cells_fail_goes_round() {
    FeedWatch watch = client.watchFeed(watchOf("ann"), new FeedWatchTest.Seen());
    for (int round = 0; round < 2; round++) {
      for (StubCell cell : List.of(home, away)) {
        for (int i = 1; i <= 2; i++) {
          endNext(cell, 2 * round + i, Status.UNAVAILABLE.asRuntimeException());
        }
      }
    }
    watch.close();
  }

  @Test
  void a_watch_returns_from_a_cell_that_is_behind_it_to_the_one_that_fails() {
    FeedWatchTest.Seen seen = new FeedWatchTest.Seen();
    FeedWatch watch = client.watchFeed(watchOf("ann"), seen);
    endNext(home, 1, Status.UNAVAILABLE.asRuntimeException());
    endNext(home, 2, Status.UNAVAILABLE.asRuntimeException());
    endNext(away, 1, failure(Status.Code.FAILED_PRECONDITION, "CURSOR_AHEAD", Duration.ZERO));
    await().until(() -> home.feedWatchers().size() == 3);
    assertThat(seen.endings).hasValue(0);
    watch.close();
  }

  @Test
  void a_cell_that_fails_most_watches_is_left_and_one_that_fails_some_is_not() {
    home.answer(
        (node, request) -> {
          String user = ((WatchFeedRequest) request).getUserId();
          if (USERS.indexOf(user) % 3 == 0) throw Status.UNAVAILABLE.asRuntimeException();
          return WatchFeedResponse.getDefaultInstance();
        });
    for (int i = 0; i < 10; i++) {
      List<FeedWatchTest.Seen> seen = openWatches();
      await().until(() -> seen.stream().filter(each -> !each.messages.isEmpty()).count() >= 6);
      awaitTicks();
    }
    assertThat(known(0).takes("ann")).isTrue();

    home.answer(
        (node, request) -> {
          throw Status.UNAVAILABLE.asRuntimeException();
        });
    await()
        .until(
            () -> {
              openWatches();
              return !known(0).takes("ann");
            });
  }

  private List<FeedWatchTest.Seen> openWatches() {
    List<FeedWatchTest.Seen> seen = new ArrayList<>();
    for (String user : USERS.subList(0, 9)) {
      seen.add(new FeedWatchTest.Seen());
      client.watchFeed(watchOf(user), seen.get(seen.size() - 1));
    }
    return seen;
  }

  @Test
  void a_write_that_is_in_one_cell_so_far_says_so_and_is_nothing_against_that_cell() {
    for (String reason : List.of("NOT_IN_TWO_CELLS", "NOT_IN_ALL_CELLS")) {
      home.answer(
          (node, request) -> {
            throw failure(Status.Code.UNAVAILABLE, reason, Duration.ofSeconds(1));
          });
      home.forget();
      List<? extends CompletableFuture<?>> answers =
          USERS.stream().map(user -> client.publish(inTwoCells(user))).toList();
      answers.forEach(
          answer -> assertThat(Refusal.of(refusalOf(answer)).reason()).isEqualTo(reason));
      assertThat(home.asked()).hasSameSizeAs(USERS);
      awaitTicks();
      assertThat(away.asked()).isEmpty();
    }
    home.answer(StubCell::answered);
    assertThat(partAtHome()).isOne();
  }

  @Test
  void a_write_that_waits_for_other_cells_is_not_begun_anew_meanwhile() {
    assertThat(partAtHome()).isOne();
    home.forget();
    home.answer((node, request) -> slowly(node, request, Duration.ofMillis(2_500)));
    client.withDeadline(Duration.ofSeconds(4)).publish(inTwoCells("ann")).join();
    assertThat(home.asked()).hasSize(1);
  }

  @Test
  void without_the_other_cell_one_over_its_capacity_keeps_everybody() {
    assertThat(partAtHome()).isOne();
    away.kill(0);
    away.kill(1);
    await().until(() -> !known(1).isWell());
    home.setOverCapacity(true);
    awaitThatItIsKnownToBeOver();
    assertThat(partAtHome()).isOne();
    pass(CellShare.STEP_DOWN);
    awaitTicks();
    assertThat(partAtHome()).isOne();
  }

  @Test
  void one_over_its_capacity_keeps_everybody_while_the_other_cell_may_be_away() {
    assertThat(partAtHome()).isOne();
    int watches = away.tokensOfWatches().size();
    away.keepTopologySecret();
    await().until(() -> away.tokensOfWatches().size() > watches);
    home.setOverCapacity(true);
    awaitThatItIsKnownToBeOver();
    assertThat(partAtHome()).isOne();
    pass(CellShare.STEP_DOWN);
    awaitTicks();
    assertThat(partAtHome()).isOne();
  }

  @Test
  void a_client_that_starts_while_its_cell_is_away_calls_the_other_one() {
    home.kill(0);
    home.kill(1);
    try (TidelineClient late =
        TidelineClient.builder().cell(home.addresses()).cell(away.addresses()).build()) {
      late.readFeed(feedOf("ann")).join();
    }
    assertThat(away.asked()).hasSize(1);
  }

  @Test
  void a_client_that_starts_while_its_cell_is_silent_calls_the_other_one() throws IOException {
    try (ServerSocket one = StubCell.silentNode();
        ServerSocket two = StubCell.silentNode();
        TidelineClient late =
            TidelineClient.builder()
                .cell(StubCell.address(one), StubCell.address(two))
                .cell(away.addresses())
                .build()) {
      assertThat(late.readFeed(feedOf("ann"))).succeedsWithin(Duration.ofSeconds(3));
    }
    assertThat(away.asked()).hasSize(1);
  }

  @Test
  void calls_whose_time_is_over_before_a_cell_is_known_are_not_counted_against_it()
      throws IOException, InterruptedException {
    try (ServerSocket silent = StubCell.silentNode();
        TidelineClient late =
            TidelineClient.builder()
                .cell(StubCell.address(silent))
                .cell(away.addresses())
                .deadline(Duration.ofMillis(200))
                .time(System::nanoTime, Duration.ofMillis(20))
                .build()) {
      await().until(late.cells().all().get(1)::isWell);
      List<CompletableFuture<?>> answers = new ArrayList<>();
      for (int i = 0; i < 200; i++) {
        answers.add(late.readFeed(feedOf("user-" + i)));
        Thread.sleep(2);
      }
      answers.forEach(answer -> answer.exceptionally(failure -> null).join());
      assertThat(late.cells().all().get(1).takes("ann")).isTrue();
    }
  }

  private static PublishRequest inTwoCells(String author) {
    return TidelineClientTest.post(author, "in two").toBuilder()
        .setDurability(Durability.DURABILITY_TWO_CELLS)
        .build();
  }

  private static WatchFeedRequest watchOf(String user) {
    return WatchFeedRequest.newBuilder().setUserId(user).build();
  }

  /** Waits for the so many-th watch in a cell, counted from 1, and fails it. */
  private static void endNext(StubCell cell, int number, StatusRuntimeException failure) {
    await().until(() -> cell.feedWatchers().size() == number);
    cell.feedWatchers().get(number - 1).onError(failure);
  }

  private void pass(Duration time) {
    passed.addAndGet(time.toNanos());
  }

  private long nanoTime() {
    timeAsked.incrementAndGet();
    return System.nanoTime() + passed.get();
  }

  /** Until both cells have been looked at once more, each of which asks for the time. */
  private void awaitTicks() {
    long before = timeAsked.get();
    await().until(() -> timeAsked.get() > before + 4);
  }

  private void awaitThatItIsKnownToBeOver() {
    await().until(() -> table(0).overCapacity());
    awaitTicks();
  }

  /** What the client knows of a cell: 0 is home. */
  private Cell known(int cell) {
    return client.cells().all().get(cell);
  }

  private Table table(int cell) {
    return requireNonNull(known(cell).table());
  }

  private double partAtHome() {
    home.forget();
    away.forget();
    List<? extends CompletableFuture<?>> answers =
        USERS.stream().map(user -> client.readFeed(feedOf(user))).toList();
    answers.forEach(CompletableFuture::join);
    assertThat(home.asked().size() + away.asked().size()).isGreaterThanOrEqualTo(USERS.size());
    return 1 - away.asked().size() / (double) USERS.size();
  }
}
