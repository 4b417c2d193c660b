package io.tideline.node;

import static io.tideline.node.TestNode.ok;
import static io.tideline.node.TestNode.user;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.tideline.node.ops.Monitoring;
import io.tideline.protocols.Cursor;
import io.tideline.protocols.KeyRing;
import io.tideline.protocols.KnownRules;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.PassedOver;
import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.TokenCodec;
import io.tideline.protocols.UserId;
import io.tideline.protocols.Watermark;
import io.tideline.protocols.v1.CellReach;
import io.tideline.protocols.v1.GetTopologyRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import io.tideline.protocols.v1.SourceCellState;
import io.tideline.protocols.v1.WatchFeedRequest;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import kamon.Kamon;
import org.apache.pekko.stream.javadsl.Sink;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** A cell whose neighbour has never answered. */
class AwayCellIT {
  private static final String KEYS = "1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
  private static final TokenCodec TOKENS = new TokenCodec(KeyRing.parse(KEYS, 1));

  private static TestNode node;

  @BeforeAll
  static void start() {
    node =
        TestNode.start(
            "netty",
            Map.of(
                "tideline.node.cursor.keys",
                KEYS,
                "tideline.multi-dc.cells",
                List.of(
                    Map.of(
                        "name",
                        "away",
                        "number",
                        2,
                        "bootstrap-servers",
                        "127.0.0.1:" + TestNode.freePort()))));
  }

  @AfterAll
  static void stop() throws Exception {
    node.close();
  }

  @Test
  void it_serves_as_if_there_were_none() throws Exception {
    String author = user("author");
    String reader = user("reader");
    node.follow(reader, author);
    String post = node.publish(author, "here").getPostId();
    await()
        .atMost(Duration.ofSeconds(10))
        .until(() -> node.read(reader, r -> r).getCardsCount() == 1);
    assertThat(node.read(reader, r -> r).getCards(0).getPost().getPostId()).isEqualTo(post);
    assertThat(node.node().log().reachesBack(node.node().log().applied()))
        .as("timelines wake up from what is remembered")
        .isTrue();
    assertThat(node.read(reader, r -> r).getCellsList())
        .as("nothing of it can be seen")
        .containsExactly(CellReach.newBuilder().setCell(2).build());
    assertThat(managed("/ready").statusCode()).isEqualTo(200);
    await()
        .atMost(Duration.ofSeconds(20))
        .until(() -> state() == SourceCellState.SOURCE_CELL_STATE_AWAY);
  }

  @Test
  void all_that_rules_and_panels_ask_for_is_scraped() {
    Kamon.initWithoutAttaching(node.system().settings().config());
    try {
      String bob = user("bob");
      node.publish(bob, "measured");
      node.read(bob, request -> request);
      await()
          .atMost(Duration.ofSeconds(30))
          .untilAsserted(
              () ->
                  assertThat(Monitoring.seriesIn(managed("/metrics").body()))
                      .containsAll(Monitoring.watched()));
    } finally {
      Kamon.stop();
    }
  }

  @Test
  void a_cursor_of_a_cell_of_which_nothing_has_come_is_ahead() {
    String reader = user("reader");
    ReadFeedResponse page = node.read(reader, r -> r);
    Cursor own = TOKENS.decodeCursor(page.getNewerCursor(), new UserId(reader), "home");
    Watermark there = own.base();
    assertThat(read(reader, there.positions())).isEmpty();
    assertThat(read(reader, there.positions().with(new LogPartition(2, 7, 0), 0)))
        .as("there was nothing in it")
        .isEmpty();
    assertThat(read(reader, there.positions().with(new LogPartition(3, 7, 0), 5)))
        .as("a cell that is not copied at all")
        .isEmpty();
    assertThat(read(reader, there.positions().with(new LogPartition(2, 7, 0), 5)))
        .hasValueSatisfying(AwayCellIT::isAhead);
  }

  @Test
  void a_watch_from_a_cursor_that_is_ahead_is_refused_too() {
    String reader = user("reader");
    Watermark there =
        TOKENS
            .decodeCursor(node.read(reader, r -> r).getNewerCursor(), new UserId(reader), "home")
            .base();
    assertThat(watch(reader, there)).isEmpty();
    assertThat(watch(reader, at(there.positions().with(new LogPartition(2, 7, 0), 5), null)))
        .hasValueSatisfying(AwayCellIT::isAhead);
  }

  @Test
  void a_cursor_that_knows_decisions_of_which_nothing_has_come_is_ahead() {
    String reader = user("reader");
    Watermark there =
        TOKENS
            .decodeCursor(node.read(reader, r -> r).getNewerCursor(), new UserId(reader), "home")
            .base();
    KnownRules rules = new KnownRules(2, Map.of(2, 7L), 9);
    assertThat(refusal(reader, at(there.positions(), rules)))
        .hasValueSatisfying(AwayCellIT::isAhead);
    assertThat(watch(reader, at(there.positions(), rules))).hasValueSatisfying(AwayCellIT::isAhead);
  }

  private static void isAhead(Refusal ahead) {
    assertThat(ahead.code()).isEqualTo(Status.Code.FAILED_PRECONDITION);
    assertThat(ahead.reason()).isEqualTo("CURSOR_AHEAD");
  }

  private static Watermark at(Positions positions, @Nullable KnownRules rules) {
    return new Watermark(positions, 0, PostId.MIN, PostId.MIN, rules);
  }

  /** How a cursor whose base is these positions is refused, if it is. */
  private static Optional<Refusal> read(String reader, Positions positions) {
    return refusal(reader, at(positions, null));
  }

  private static Optional<Refusal> refusal(String reader, Watermark base) {
    return refusal(() -> node.read(reader, r -> r.setCursor(cursor(reader, base))));
  }

  /** What a watch from this base says first. */
  private static Optional<Refusal> watch(String reader, Watermark base) {
    WatchFeedRequest from =
        WatchFeedRequest.newBuilder().setUserId(reader).setCursor(cursor(reader, base)).build();
    return refusal(() -> ok(node.feeds.watchFeed(from).runWith(Sink.head(), node.system())));
  }

  private static String cursor(String reader, Watermark base) {
    return TOKENS.encode(Cursor.newer(new UserId(reader), "home", base, PassedOver.NOTHING));
  }

  private static Optional<Refusal> refusal(Runnable call) {
    try {
      call.run();
      return Optional.empty();
    } catch (StatusRuntimeException e) {
      return Optional.of(
          Refusal.of(
              () -> {
                throw e;
              }));
    }
  }

  private static HttpResponse<String> managed(String path) throws Exception {
    return HttpClient.newHttpClient()
        .send(
            HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + node.managementPort + path))
                // The client takes a long answer for frames when it comes before the upgrade.
                .version(HttpClient.Version.HTTP_1_1)
                .build(),
            HttpResponse.BodyHandlers.ofString());
  }

  private static SourceCellState state() {
    return ok(node.cluster.getTopology(GetTopologyRequest.getDefaultInstance()))
        .getTopology()
        .getSources(0)
        .getState();
  }
}
