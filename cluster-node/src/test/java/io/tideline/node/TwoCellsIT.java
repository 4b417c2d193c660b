package io.tideline.node;

import static io.tideline.node.TestNode.ok;
import static io.tideline.node.TestNode.user;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.LIST;
import static org.awaitility.Awaitility.await;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.tideline.localstack.LocalKafka;
import io.tideline.localstack.LocalStack;
import io.tideline.node.cli.CellLine;
import io.tideline.protocols.PostId;
import io.tideline.protocols.v1.AddToListRequest;
import io.tideline.protocols.v1.BlockRequest;
import io.tideline.protocols.v1.Card;
import io.tideline.protocols.v1.DeletePostRequest;
import io.tideline.protocols.v1.Durability;
import io.tideline.protocols.v1.EditPostRequest;
import io.tideline.protocols.v1.EraseUserRequest;
import io.tideline.protocols.v1.EraseUserResponse;
import io.tideline.protocols.v1.FollowRequest;
import io.tideline.protocols.v1.FollowTagRequest;
import io.tideline.protocols.v1.GetFiltersRequest;
import io.tideline.protocols.v1.GetFiltersResponse;
import io.tideline.protocols.v1.GetListsRequest;
import io.tideline.protocols.v1.GetPostRequest;
import io.tideline.protocols.v1.GetReadStateRequest;
import io.tideline.protocols.v1.GetTopologyRequest;
import io.tideline.protocols.v1.ListFollowedTagsRequest;
import io.tideline.protocols.v1.ListFollowingRequest;
import io.tideline.protocols.v1.MarkReadRequest;
import io.tideline.protocols.v1.MuteRequest;
import io.tideline.protocols.v1.MuteRule;
import io.tideline.protocols.v1.Post;
import io.tideline.protocols.v1.PostContent;
import io.tideline.protocols.v1.PublishRequest;
import io.tideline.protocols.v1.PublishResponse;
import io.tideline.protocols.v1.PutListRequest;
import io.tideline.protocols.v1.PutMuteRuleRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import io.tideline.protocols.v1.SourceCell;
import io.tideline.protocols.v1.SourceCellState;
import io.tideline.protocols.v1.UnblockRequest;
import io.tideline.protocols.v1.UserList;
import io.tideline.protocols.v1.WatchFeedRequest;
import io.tideline.protocols.v1.WatchFeedResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.IntStream;
import org.apache.pekko.stream.KillSwitches;
import org.apache.pekko.stream.UniqueKillSwitch;
import org.apache.pekko.stream.javadsl.Keep;
import org.apache.pekko.stream.javadsl.Sink;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Two cells, each a node on a Kafka and a keyspace of its own, that copy each other's logs. */
class TwoCellsIT {
  private static final Duration SOON = Duration.ofSeconds(20);
  private static final String EAST = TestNode.newName();
  private static final String WEST = TestNode.newName();

  @TempDir private static Path directory;
  private static CellLine toWest;
  private static LocalKafka westKafka;
  private static TestNode east;
  private static TestNode west;

  private String author;
  private String reader;

  @BeforeAll
  static void start() {
    toWest = CellLine.open();
    westKafka = LocalKafka.start(LocalKafka.Options.in(directory).withProxy(toWest.proxy()));
    CompletableFuture<TestNode> first = CompletableFuture.supplyAsync(TwoCellsIT::startEast);
    west = startWest();
    east = first.join();
  }

  @AfterAll
  static void stop() throws Exception {
    try (CellLine line = toWest;
        LocalKafka kafka = westKafka) {
      east.close();
      west.close();
    }
  }

  private static TestNode startEast() {
    String kafka = LocalStack.shared().kafka().bootstrapServers();
    return start(EAST, 1, kafka, WEST, 2, toWest.bootstrapServers());
  }

  private static TestNode startWest() {
    String kafka = LocalStack.shared().kafka().bootstrapServers();
    return start(WEST, 2, westKafka.bootstrapServers(), EAST, 1, kafka);
  }

  static TestNode start(
      String name, int number, String kafka, String other, int otherNumber, String otherKafka) {
    Map<String, Object> settings = new HashMap<>();
    settings.put("tideline.node.cell.number", number);
    settings.put("tideline.node.kafka.bootstrap-servers", kafka);
    settings.put(
        "tideline.multi-dc.cells",
        List.of(Map.of("name", other, "number", otherNumber, "bootstrap-servers", otherKafka)));
    return TestNode.startCell(name, List.of("a"), "netty", settings).get(0);
  }

  @BeforeEach
  void settle() {
    author = user("author");
    reader = user("reader");
    for (TestNode cell : List.of(east, west)) cell.follow(reader, author);
  }

  @Test
  void a_post_of_one_cell_is_in_the_feeds_of_the_other_with_what_becomes_of_it() {
    List<WatchFeedResponse> seen = new CopyOnWriteArrayList<>();
    UniqueKillSwitch watching = watch(west, reader, seen);
    await().atMost(SOON).until(() -> seen.stream().anyMatch(r -> !r.getCursor().isEmpty()));

    String kept = east.publish(author, "kept").getPostId();
    String other = east.publish(author, "other").getPostId();
    await().atMost(SOON).until(() -> ids(west, reader), List.of(other, kept)::equals);
    await()
        .atMost(SOON)
        .untilAsserted(
            () ->
                assertThat(seen.stream().filter(WatchFeedResponse::hasAdded))
                    .extracting(r -> r.getAdded().getPost().getPostId())
                    .containsExactly(kept, other));

    ok(
        east.posts.editPost(
            EditPostRequest.newBuilder()
                .setAuthorId(author)
                .setPostId(kept)
                .setContent(PostContent.newBuilder().setText("edited"))
                .build()));
    ok(
        east.posts.deletePost(
            DeletePostRequest.newBuilder().setAuthorId(author).setPostId(other).build()));
    await()
        .atMost(SOON)
        .until(() -> seen.stream().anyMatch(r -> r.getRemovedPostId().equals(other)));
    assertThat(seen).anyMatch(r -> r.getChanged().getPost().getText().equals("edited"));
    assertThat(texts(west, reader)).containsExactly("edited");
    watching.shutdown();

    // From the store, and from what the node remembers: it wakes up only now.
    String late = user("late");
    west.follow(late, author);
    assertThat(texts(west, late)).containsExactly("edited");
    assertThat(texts(east, reader)).containsExactly("edited");
  }

  @Test
  void any_node_tells_how_far_the_other_cell_has_been_copied() {
    ids(west, reader);
    String post = east.publish(author, "copied").getPostId();
    await().atMost(SOON).until(() -> ids(west, reader), List.of(post)::equals);
    await()
        .atMost(SOON)
        .untilAsserted(
            () ->
                assertThat(
                        ok(west.cluster.getTopology(GetTopologyRequest.getDefaultInstance()))
                            .getTopology()
                            .getSourcesList())
                    .containsExactly(
                        SourceCell.newBuilder()
                            .setCell(EAST)
                            .setNumber(1)
                            .setState(SourceCellState.SOURCE_CELL_STATE_UP)
                            .build()));
  }

  @Test
  void a_page_tells_up_to_when_the_posts_of_the_other_cell_can_be_seen() {
    ids(west, reader);
    String post = east.publish(author, "seen").getPostId();
    await().atMost(SOON).until(() -> ids(west, reader), List.of(post)::equals);
    await()
        .atMost(SOON)
        .untilAsserted(
            () ->
                assertThat(west.read(reader, r -> r).getCellsList())
                    .singleElement()
                    .matches(cell -> cell.getCell() == 1 && cell.getReachable())
                    .matches(cell -> cell.getVisibleToMillis() > PostId.parse(post).millis()));
  }

  @Test
  void a_walk_that_began_in_one_cell_goes_on_in_the_other() {
    String here = user("here");
    west.follow(reader, here);
    east.follow(reader, here);
    List<String> posts = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      posts.add(east.publish(author, "east " + i).getPostId());
      posts.add(west.publish(here, "west " + i).getPostId());
    }
    await().atMost(SOON).until(() -> ids(west, reader).size() == 8);
    await().atMost(SOON).until(() -> ids(east, reader).size() == 8);
    Collections.sort(posts, Collections.reverseOrder());
    assertThat(ids(west, reader)).isEqualTo(ids(east, reader)).isEqualTo(posts);

    ReadFeedResponse first = east.read(reader, r -> r.setPageSize(3));
    List<String> walked = new ArrayList<>(ids(first));
    String newer = first.getNewerCursor();
    List<String> added =
        List.of(
            east.publish(author, "later there").getPostId(),
            west.publish(here, "later here").getPostId());
    await().atMost(SOON).until(() -> ids(west, reader).size() == 10);

    String next = first.getNextCursor();
    while (!next.isEmpty()) {
      String cursor = next;
      ReadFeedResponse page = west.read(reader, r -> r.setPageSize(2).setCursor(cursor));
      walked.addAll(ids(page));
      next = page.getNextCursor();
    }
    assertThat(walked).isEqualTo(posts);
    for (TestNode cell : List.of(west, east)) {
      await().atMost(SOON).until(() -> ids(cell, reader).size() == 10);
      ReadFeedResponse since = cell.read(reader, r -> r.setCursor(newer));
      assertThat(ids(since)).containsExactlyInAnyOrderElementsOf(added);
    }
  }

  @Test
  void a_read_in_one_cell_waits_for_a_write_in_the_other_or_says_that_it_lags() {
    ids(west, reader);
    for (int round = 0; round < 5; round++) {
      PublishResponse post = east.publish(author, "round " + round);
      String edit =
          ok(east.posts.editPost(
                  EditPostRequest.newBuilder()
                      .setAuthorId(author)
                      .setPostId(post.getPostId())
                      .setContent(PostContent.newBuilder().setText("edited " + round))
                      .build()))
              .getConsistencyToken();
      ReadFeedResponse page = answered(edit);
      assertThat(page.getCards(0).getPost().getText()).isEqualTo("edited " + round);
    }
  }

  /** As a client does: again when the node says that it lags; any other refusal is the test's. */
  private ReadFeedResponse answered(String token) {
    long giveUpAt = System.nanoTime() + SOON.toNanos();
    while (true) {
      try {
        return west.read(reader, r -> r.setConsistencyToken(token));
      } catch (StatusRuntimeException e) {
        assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
        assertThat(
                Refusal.of(
                        () -> {
                          throw e;
                        })
                    .reason())
            .isEqualTo("LAGGING");
        assertThat(System.nanoTime()).isLessThan(giveUpAt);
      }
    }
  }

  @Test
  void nothing_is_missed_or_there_twice_when_the_node_that_copies_starts_anew() throws Exception {
    List<String> before = publish(100);
    await().atMost(SOON).until(() -> ids(west, reader).size() > 30);
    CompletionStage<List<String>> during = CompletableFuture.supplyAsync(() -> publish(200));
    west.close();
    PublishRequest inTwo =
        TestNode.post(author, "in two cells").toBuilder()
            .setDurability(Durability.DURABILITY_TWO_CELLS)
            .build();
    assertThat(Refusal.of(() -> ok(east.posts.publish(inTwo))).reason())
        .isEqualTo("NOT_IN_TWO_CELLS");
    west = startWest();
    List<String> posts = new ArrayList<>(before);
    posts.addAll(ok(during));
    posts.add(ok(east.posts.publish(inTwo)).getPostId());
    posts.addAll(publish(10));
    Collections.sort(posts, Collections.reverseOrder());
    await().atMost(SOON).untilAsserted(() -> assertThat(all(west)).isEqualTo(posts));
    assertThat(all(east)).isEqualTo(posts);
  }

  @Test
  void what_a_log_has_lost_while_a_cell_was_away_is_said_again_once() throws Exception {
    await().atMost(SOON).until(() -> state(west) == SourceCellState.SOURCE_CELL_STATE_UP);
    List<String> posts = publish(3);
    await().atMost(SOON).until(() -> ids(west, reader).size() == 3);
    ok(
        west.feeds.markRead(
            MarkReadRequest.newBuilder().setUserId(reader).setPostId(posts.get(2)).build()));
    west.close();

    String there = user("there");
    String gone = user("gone");
    east.follow(reader, there);
    east.follow(reader, gone);
    String missed = east.publish(there, "missed").getPostId();
    String erased = east.publish(gone, "erased").getPostId();
    ok(
        east.posts.deletePost(
            DeletePostRequest.newBuilder().setAuthorId(author).setPostId(posts.get(1)).build()));
    ok(
        east.posts.editPost(
            EditPostRequest.newBuilder()
                .setAuthorId(author)
                .setPostId(posts.get(0))
                .setContent(PostContent.newBuilder().setText("edited"))
                .build()));
    ok(east.users.eraseUser(EraseUserRequest.newBuilder().setUserId(gone).build()));
    await().atMost(SOON).until(() -> ids(east, reader).size() == 3);
    List<Object> decided = decided(east, reader);
    TestNode.loseLines(LocalStack.shared().kafka(), EAST);

    west = startWest();
    await().atMost(SOON).until(() -> state(west) == SourceCellState.SOURCE_CELL_STATE_UP);
    assertThat(ids(west, reader)).containsExactly(missed, posts.get(2), posts.get(0));
    assertThat(texts(west, reader)).isEqualTo(texts(east, reader)).contains("edited");
    assertThat(decided(west, reader)).isEqualTo(decided);
    assertThat(refusal(west, gone)).isEqualTo("ERASED");
    GetPostRequest get = GetPostRequest.newBuilder().setPostId(erased).build();
    assertThat(Refusal.of(() -> ok(west.posts.getPost(get))).reason()).isEqualTo("DELETED");
    assertThat(unread(west)).as("where a post has arrived is known").isEqualTo(unread(east));
  }

  private int unread(TestNode cell) {
    return ok(cell.feeds.getReadState(GetReadStateRequest.newBuilder().setUserId(reader).build()))
        .getUnreadCount();
  }

  private static SourceCellState state(TestNode cell) {
    return ok(cell.cluster.getTopology(GetTopologyRequest.getDefaultInstance()))
        .getTopology()
        .getSources(0)
        .getState();
  }

  @Test
  void what_a_user_decides_in_one_cell_holds_in_the_other() {
    String bob = user("bob");
    String post = east.publish(author, "read").getPostId();
    await().atMost(SOON).until(() -> ids(east, reader), List.of(post)::equals);
    ok(east.feeds.markRead(MarkReadRequest.newBuilder().setUserId(reader).setPostId(post).build()));
    ok(
        east.graph.followTag(
            FollowTagRequest.newBuilder().setUserId(reader).setTag("tide").build()));
    ok(
        east.graph.putList(
            PutListRequest.newBuilder()
                .setUserId(reader)
                .setList(UserList.newBuilder().setListId("close").setName("Close"))
                .build()));
    ok(
        east.graph.addToList(
            AddToListRequest.newBuilder()
                .setUserId(reader)
                .setListId("close")
                .addMemberIds(author)
                .build()));
    ok(east.filters.mute(MuteRequest.newBuilder().setUserId(reader).setTargetId("cy").build()));
    ok(east.filters.block(BlockRequest.newBuilder().setUserId(reader).setTargetId(bob).build()));
    ok(
        east.filters.putMuteRule(
            PutMuteRuleRequest.newBuilder()
                .setUserId(reader)
                .setRule(MuteRule.newBuilder().setRuleId("r1").setWords("storm"))
                .build()));
    List<Object> there = decided(east, reader);
    await().atMost(SOON).untilAsserted(() -> assertThat(decided(west, reader)).isEqualTo(there));
    assertThat(there.toString()).contains("tide", "Close", author, "cy", bob, "storm", post);
  }

  /** Everything, in one cell. */
  private static List<Object> decided(TestNode cell, String user) {
    return List.of(
        ok(cell.graph.listFollowing(ListFollowingRequest.newBuilder().setUserId(user).build()))
            .getFolloweeIdsList(),
        ok(cell.graph.listFollowedTags(
                ListFollowedTagsRequest.newBuilder().setUserId(user).build()))
            .getTagsList(),
        ok(cell.graph.getLists(GetListsRequest.newBuilder().setUserId(user).build())),
        ok(cell.filters.getFilters(GetFiltersRequest.newBuilder().setUserId(user).build())),
        ok(cell.feeds.getReadState(GetReadStateRequest.newBuilder().setUserId(user).build()))
            .getReadPostId());
  }

  @Test
  void who_is_blocked_in_one_cell_is_hidden_in_the_other_until_that_ends_there() {
    String bob = user("bob");
    west.follow(bob, author);
    String post = east.publish(author, "for bob").getPostId();
    await().atMost(SOON).until(() -> ids(west, bob), List.of(post)::equals);
    ok(east.filters.block(BlockRequest.newBuilder().setUserId(author).setTargetId(bob).build()));
    await().atMost(SOON).until(() -> ids(west, bob).isEmpty());
    ok(
        west.filters.unblock(
            UnblockRequest.newBuilder().setUserId(author).setTargetId(bob).build()));
    await().atMost(SOON).until(() -> ids(west, bob), List.of(post)::equals);
    await().atMost(SOON).until(() -> filters(east, author).getBlockedIdsList().isEmpty());
  }

  private static GetFiltersResponse filters(TestNode cell, String user) {
    return ok(cell.filters.getFilters(GetFiltersRequest.newBuilder().setUserId(user).build()));
  }

  @Test
  void an_author_edits_and_deletes_in_one_cell_what_was_published_in_the_other() {
    String edited = east.publish(author, "first").getPostId();
    String deleted = east.publish(author, "second").getPostId();
    await().atMost(SOON).until(() -> ids(west, reader).size() == 2);
    ok(
        west.posts.editPost(
            EditPostRequest.newBuilder()
                .setAuthorId(author)
                .setPostId(edited)
                .setContent(PostContent.newBuilder().setText("edited there"))
                .build()));
    ok(
        west.posts.deletePost(
            DeletePostRequest.newBuilder().setAuthorId(author).setPostId(deleted).build()));
    for (TestNode cell : List.of(west, east)) {
      await().atMost(SOON).until(() -> texts(cell, reader), List.of("edited there")::equals);
    }
  }

  @Test
  void one_key_in_two_cells_that_were_cut_is_one_post_by_either_id() {
    PublishRequest request = TestNode.post(author, "said once");
    toWest.cut();
    String low = ok(west.posts.publish(request)).getPostId();
    String high = ok(east.posts.publish(request)).getPostId();
    assertThat(high).isGreaterThan(low);
    await().atMost(SOON).until(() -> ids(east, reader), List.of(high)::equals);
    edit(east, high, "edited in the east");
    toWest.heal();

    for (TestNode cell : List.of(west, east)) {
      await().atMost(SOON).until(() -> ids(cell, reader), List.of(low)::equals);
      await().atMost(SOON).until(() -> texts(cell, reader), List.of("edited in the east")::equals);
      await().atMost(SOON).until(() -> ok(cell.posts.publish(request)).getPostId(), low::equals);
      for (String id : List.of(low, high)) {
        assertThat(get(cell, id).getPostId()).isEqualTo(low);
        assertThat(get(cell, id).getText()).isEqualTo("edited in the east");
      }
    }

    edit(east, high, "by the alias");
    for (TestNode cell : List.of(west, east)) {
      await().atMost(SOON).until(() -> get(cell, high).getText(), "by the alias"::equals);
      assertThat(get(cell, low).getText()).isEqualTo("by the alias");
    }
    ok(
        west.posts.deletePost(
            DeletePostRequest.newBuilder().setAuthorId(author).setPostId(high).build()));
    for (TestNode cell : List.of(west, east)) {
      await().atMost(SOON).until(() -> ids(cell, reader).isEmpty());
      for (String id : List.of(low, high)) {
        assertThatThrownBy(() -> get(cell, id)).hasMessageContaining("deleted");
      }
    }
  }

  private void edit(TestNode cell, String post, String text) {
    ok(
        cell.posts.editPost(
            EditPostRequest.newBuilder()
                .setAuthorId(author)
                .setPostId(post)
                .setContent(PostContent.newBuilder().setText(text))
                .build()));
  }

  private static Post get(TestNode cell, String post) {
    return ok(cell.posts.getPost(GetPostRequest.newBuilder().setPostId(post).build())).getPost();
  }

  @Test
  void who_is_erased_in_one_cell_is_erased_in_the_other() {
    west.publish(author, "here");
    east.publish(author, "there");
    west.follow(author, reader);
    for (TestNode cell : List.of(west, east)) {
      await().atMost(SOON).until(() -> ids(cell, reader).size() == 2);
    }
    EraseUserRequest request = EraseUserRequest.newBuilder().setUserId(author).build();
    long erasedAt = ok(east.users.eraseUser(request)).getErasedAtMillis();
    await().atMost(SOON).until(() -> refusal(west, author), "ERASED"::equals);
    for (TestNode cell : List.of(west, east)) {
      await().atMost(SOON).until(() -> ids(cell, reader).isEmpty());
    }
    EraseUserResponse receipt = ok(west.users.eraseUser(request));
    assertThat(receipt.getErasedAtMillis()).isEqualTo(erasedAt);
    assertThat(receipt.getItemsList()).anyMatch(item -> item.getCount() == 2);
  }

  @Test
  void what_must_be_in_other_cells_is_there_when_it_is_answered() {
    PublishRequest request =
        TestNode.post(author, "in two cells").toBuilder()
            .setDurability(Durability.DURABILITY_TWO_CELLS)
            .build();
    String post = ok(east.posts.publish(request)).getPostId();
    GetPostRequest get = GetPostRequest.newBuilder().setPostId(post).build();
    assertThat(ok(west.posts.getPost(get)).getPost().getText()).isEqualTo("in two cells");
    PublishRequest again =
        request.toBuilder().setDurability(Durability.DURABILITY_ALL_REACHABLE_CELLS).build();
    assertThat(ok(east.posts.publish(again)).getPostId()).isEqualTo(post);

    String cy = user("cy");
    ok(
        east.graph.follow(
            FollowRequest.newBuilder()
                .setUserId(reader)
                .setFolloweeId(cy)
                .setDurability(Durability.DURABILITY_TWO_CELLS)
                .build()));
    assertThat(decided(west, reader).get(0)).asInstanceOf(LIST).contains(cy);

    ok(
        east.posts.deletePost(
            DeletePostRequest.newBuilder()
                .setAuthorId(author)
                .setPostId(post)
                .setDurability(Durability.DURABILITY_ALL_REACHABLE_CELLS)
                .build()));
    assertThat(Refusal.of(() -> ok(west.posts.getPost(get))).reason()).isEqualTo("DELETED");

    ok(
        east.users.eraseUser(
            EraseUserRequest.newBuilder()
                .setUserId(author)
                .setDurability(Durability.DURABILITY_ALL_REACHABLE_CELLS)
                .build()));
    assertThat(refusal(west, author)).isEqualTo("ERASED");
  }

  private static String refusal(TestNode cell, String user) {
    try {
      cell.publish(user, "again");
      return "";
    } catch (StatusRuntimeException e) {
      return Refusal.of(
              () -> {
                throw e;
              })
          .reason();
    }
  }

  private List<String> publish(int posts) {
    return IntStream.range(0, posts)
        .mapToObj(i -> east.publish(author, "post " + i).getPostId())
        .toList();
  }

  private List<String> all(TestNode cell) {
    List<String> feed = new ArrayList<>();
    String next = "";
    do {
      String cursor = next;
      ReadFeedResponse page = cell.read(reader, r -> r.setPageSize(100).setCursor(cursor));
      feed.addAll(ids(page));
      next = page.getNextCursor();
    } while (!next.isEmpty());
    return feed;
  }

  private static List<String> ids(TestNode cell, String user) {
    return ids(cell.read(user, r -> r.setPageSize(100)));
  }

  private static List<String> ids(ReadFeedResponse page) {
    return page.getCardsList().stream().map(card -> card.getPost().getPostId()).toList();
  }

  private static List<String> texts(TestNode cell, String user) {
    return cell.read(user, r -> r).getCardsList().stream()
        .map(Card::getPost)
        .map(post -> post.getText())
        .toList();
  }

  private static UniqueKillSwitch watch(TestNode cell, String user, List<WatchFeedResponse> into) {
    return cell.feeds
        .watchFeed(WatchFeedRequest.newBuilder().setUserId(user).build())
        .viaMat(KillSwitches.single(), Keep.right())
        .toMat(Sink.foreach(into::add), Keep.left())
        .run(cell.system());
  }
}
