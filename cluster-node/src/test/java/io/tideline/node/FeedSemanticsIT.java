package io.tideline.node;

import static io.tideline.node.TestNode.ok;
import static io.tideline.node.TestNode.user;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.grpc.Status;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.v1.AbsenceReason;
import io.tideline.protocols.v1.AddToListRequest;
import io.tideline.protocols.v1.BlockRequest;
import io.tideline.protocols.v1.Card;
import io.tideline.protocols.v1.DeletePostRequest;
import io.tideline.protocols.v1.DescribeTimelineRequest;
import io.tideline.protocols.v1.DescribeTimelineResponse;
import io.tideline.protocols.v1.EntryReason;
import io.tideline.protocols.v1.ExplainEntryRequest;
import io.tideline.protocols.v1.ExplainEntryResponse;
import io.tideline.protocols.v1.FeedStart;
import io.tideline.protocols.v1.FollowOptions;
import io.tideline.protocols.v1.FollowRequest;
import io.tideline.protocols.v1.FollowTagRequest;
import io.tideline.protocols.v1.GetFiltersRequest;
import io.tideline.protocols.v1.GetFiltersResponse;
import io.tideline.protocols.v1.GetListsRequest;
import io.tideline.protocols.v1.GetReadStateRequest;
import io.tideline.protocols.v1.GetReadStateResponse;
import io.tideline.protocols.v1.MarkReadRequest;
import io.tideline.protocols.v1.MuteMode;
import io.tideline.protocols.v1.MuteRequest;
import io.tideline.protocols.v1.MuteRule;
import io.tideline.protocols.v1.PostContent;
import io.tideline.protocols.v1.PublishRequest;
import io.tideline.protocols.v1.PublishResponse;
import io.tideline.protocols.v1.PutListRequest;
import io.tideline.protocols.v1.PutMuteRuleRequest;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import io.tideline.protocols.v1.UnblockRequest;
import io.tideline.protocols.v1.UnfollowTagRequest;
import io.tideline.protocols.v1.UnmuteRequest;
import io.tideline.protocols.v1.UserList;
import io.tideline.protocols.v1.WatchFeedRequest;
import io.tideline.protocols.v1.WatchFeedResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.UnaryOperator;
import org.apache.pekko.stream.KillSwitches;
import org.apache.pekko.stream.UniqueKillSwitch;
import org.apache.pekko.stream.javadsl.Keep;
import org.apache.pekko.stream.javadsl.Sink;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What belongs into a feed, as a client of a whole node sees it; timelines keep 20 entries. */
class FeedSemanticsIT {
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final String SOME_POST = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

  private static TestNode node;

  private final String ann = user("ann");
  private final String bob = user("bob");
  private final String cid = user("cid");

  @BeforeAll
  static void start() {
    node =
        TestNode.start(
            "netty",
            Map.of(
                "tideline.persistence.timeline.capacity",
                20,
                "tideline.node.consistency-wait",
                "25s"));
  }

  @AfterAll
  static void stop() throws Exception {
    if (node != null) node.close();
  }

  // --- what is hidden, and comes back ---

  @Test
  void a_mute_hides_and_undoing_it_brings_back_what_newer_pages_then_find() {
    follow(ann, bob);
    follow(ann, cid);
    publish(bob, "before");
    String mute =
        ok(node.filters.mute(MuteRequest.newBuilder().setUserId(ann).setTargetId(bob).build()))
            .getConsistencyToken();
    assertThat(texts(read(ann, mute))).isEmpty();
    publish(bob, "hidden");
    ReadFeedResponse page = read(ann, publish(cid, "seen").getConsistencyToken());
    assertThat(texts(page)).containsExactly("seen");
    ok(
        node.feeds.markRead(
            MarkReadRequest.newBuilder().setUserId(ann).setCursor(page.getNewerCursor()).build()));
    assertThat(readState(ann).getUnreadCount()).isZero();

    String unmute =
        ok(node.filters.unmute(UnmuteRequest.newBuilder().setUserId(ann).setTargetId(bob).build()))
            .getConsistencyToken();
    assertThat(texts(read(ann, unmute))).containsExactly("seen", "hidden", "before");
    assertThat(readState(ann).getUnreadCount()).isEqualTo(2);
    ReadFeedResponse newer = read(ann, r -> r.setCursor(page.getNewerCursor()));
    assertThat(texts(newer)).containsExactly("before", "hidden");
    assertThat(newer.getGap()).isZero();
  }

  @Test
  void a_mute_ends_by_itself() {
    follow(ann, bob);
    publish(bob, "patience");
    String mute =
        ok(node.filters.mute(
                MuteRequest.newBuilder()
                    .setUserId(ann)
                    .setTargetId(bob)
                    .setUntilMillis(System.currentTimeMillis() + 1500)
                    .build()))
            .getConsistencyToken();
    assertThat(texts(read(ann, mute))).isEmpty();
    await()
        .atMost(Duration.ofSeconds(10))
        .untilAsserted(() -> assertThat(texts(read(ann, ""))).containsExactly("patience"));
  }

  @Test
  void a_block_works_both_ways_and_leaves_the_others_in_order() {
    follow(ann, bob);
    follow(ann, cid);
    follow(bob, ann);
    publish(bob, "by bob");
    publish(cid, "by cid");
    publish(cid, c -> c.setText("for bob").addMentions(bob));
    PublishResponse anns = publish(ann, "by ann");
    assertThat(texts(read(bob, anns.getConsistencyToken()))).contains("by ann");
    String block =
        ok(node.filters.block(BlockRequest.newBuilder().setUserId(ann).setTargetId(bob).build()))
            .getConsistencyToken();
    assertThat(texts(read(ann, block))).containsExactly("by ann", "by cid");
    await()
        .atMost(Duration.ofSeconds(20))
        .untilAsserted(() -> assertThat(texts(read(bob, ""))).doesNotContain("by ann"));
    assertThat(explain(bob, anns.getPostId()).getAbsence())
        .isEqualTo(AbsenceReason.ABSENCE_REASON_BLOCKED_BY);
    GetFiltersResponse filters =
        ok(node.filters.getFilters(GetFiltersRequest.newBuilder().setUserId(ann).build()));
    assertThat(filters.getBlockedIdsList()).containsExactly(bob);

    String unblock =
        ok(node.filters.unblock(
                UnblockRequest.newBuilder().setUserId(ann).setTargetId(bob).build()))
            .getConsistencyToken();
    assertThat(texts(read(ann, unblock))).containsExactly("by ann", "for bob", "by cid", "by bob");
    await()
        .atMost(Duration.ofSeconds(20))
        .untilAsserted(() -> assertThat(texts(read(bob, ""))).contains("by ann"));
  }

  @Test
  void rules_about_words_hide_or_warn() {
    follow(ann, bob);
    putRule(
        ann, r -> r.setRuleId("spoilers").setWords("the Ending").setMode(MuteMode.MUTE_MODE_HIDE));
    putRule(
        ann,
        r ->
            r.setRuleId("food")
                .setName("makes hungry")
                .setTag("Cake")
                .setMode(MuteMode.MUTE_MODE_WARN));
    PublishResponse hidden = publish(bob, "This is THE ENDING of it");
    publish(bob, "the endings are many");
    PublishResponse last = publish(bob, c -> c.setText("look").addTags("cake"));
    ReadFeedResponse page = read(ann, last.getConsistencyToken());
    assertThat(texts(page)).containsExactly("look", "the endings are many");
    assertThat(page.getWarningsList()).hasSize(1);
    assertThat(page.getWarnings(0).getCard()).isZero();
    assertThat(page.getWarnings(0).getRulesList()).containsExactly("makes hungry");
    ExplainEntryResponse why = explain(ann, hidden.getPostId());
    assertThat(why.getAbsence()).isEqualTo(AbsenceReason.ABSENCE_REASON_MUTE_RULE);
    assertThat(why.getRuleId()).isEqualTo("spoilers");
    assertThat(why.getSentence()).contains("spoilers");
  }

  @Test
  void a_rule_works_on_the_very_next_read() {
    follow(ann, bob);
    for (int i = 0; i < 15; i++) publish(bob, "low water " + i);
    PublishResponse last = publish(bob, "high water");
    assertThat(texts(read(ann, last.getConsistencyToken()))).hasSize(16);
    for (int i = 0; i < 15; i++) {
      String rule = "r" + i;
      String words = "water " + i;
      putRule(ann, r -> r.setRuleId(rule).setWords(words));
      assertThat(texts(read(ann, ""))).as("without a token").hasSize(15 - i);
    }
  }

  @Test
  void answers_are_shown_to_whom_they_concern() {
    follow(ann, bob);
    PublishResponse stranger = publish(cid, "a stranger's");
    PublishResponse answer = reply(bob, stranger, "to a stranger");
    PublishResponse mine = publish(ann, "mine");
    reply(bob, mine, "to me");
    PublishResponse own = publish(bob, "bob's own");
    PublishResponse last = reply(bob, own, "in bob's own thread");
    assertThat(texts(read(ann, last.getConsistencyToken())))
        .containsExactly("in bob's own thread", "bob's own", "to me", "mine");
    ExplainEntryResponse why = explain(ann, answer.getPostId());
    assertThat(why.getAbsence()).isEqualTo(AbsenceReason.ABSENCE_REASON_REPLY);
    assertThat(why.getSubjectUserId()).isEqualTo(cid);

    String token = follow(ann, cid);
    assertThat(texts(read(ann, token)))
        .containsExactly(
            "in bob's own thread", "bob's own", "to me", "mine", "to a stranger", "a stranger's");
  }

  @Test
  void of_several_reposts_the_first_is_shown_and_the_next_takes_its_place() {
    String dan = user("dan");
    follow(ann, bob);
    follow(ann, cid);
    PublishResponse original = publish(dan, "worth passing on");
    PublishResponse first = repost(bob, original);
    PublishResponse second = repost(cid, original);
    ReadFeedResponse page = read(ann, second.getConsistencyToken());
    assertThat(ids(page)).containsExactly(first.getPostId());
    assertThat(page.getReasonsList()).containsExactly(EntryReason.ENTRY_REASON_REPOST);
    ExplainEntryResponse why = explain(ann, second.getPostId());
    assertThat(why.getAbsence()).isEqualTo(AbsenceReason.ABSENCE_REASON_DUPLICATE);
    assertThat(why.getDuplicateOfPostId()).isEqualTo(first.getPostId());
    String deleted =
        ok(node.posts.deletePost(
                DeletePostRequest.newBuilder()
                    .setAuthorId(bob)
                    .setPostId(first.getPostId())
                    .build()))
            .getConsistencyToken();
    assertThat(ids(read(ann, deleted))).containsExactly(second.getPostId());
    String noReposts =
        ok(node.graph.follow(
                FollowRequest.newBuilder()
                    .setUserId(ann)
                    .setFolloweeId(cid)
                    .setOptions(FollowOptions.newBuilder().setReposts(false))
                    .build()))
            .getConsistencyToken();
    assertThat(ids(read(ann, noReposts))).isEmpty();
    assertThat(explain(ann, second.getPostId()).getAbsence())
        .isEqualTo(AbsenceReason.ABSENCE_REASON_REPOSTS_OFF);
    assertThat(explain(ann, first.getPostId()).getAbsence())
        .isEqualTo(AbsenceReason.ABSENCE_REASON_DELETED);
  }

  // --- tags and lists ---

  @Test
  void a_followed_tag_brings_the_posts_of_strangers() {
    String tag = "Ebb" + UUID.randomUUID().toString().substring(0, 6);
    publish(bob, c -> c.setText("old").addTags(tag.toUpperCase(java.util.Locale.ROOT)));
    await()
        .atMost(Duration.ofSeconds(20))
        .untilAsserted(
            () -> {
              String token =
                  ok(node.graph.followTag(
                          FollowTagRequest.newBuilder().setUserId(ann).setTag(tag).build()))
                      .getConsistencyToken();
              assertThat(texts(read(ann, token))).containsExactly("old");
            });
    PublishResponse post = publish(bob, c -> c.setText("new").addTags(tag));
    publish(bob, "about something else");
    await()
        .atMost(Duration.ofSeconds(20))
        .untilAsserted(() -> assertThat(texts(read(ann, ""))).containsExactly("new", "old"));
    assertThat(read(ann, "").getReasonsList()).containsOnly(EntryReason.ENTRY_REASON_TAG);
    ok(
        node.posts.deletePost(
            DeletePostRequest.newBuilder().setAuthorId(bob).setPostId(post.getPostId()).build()));
    await()
        .atMost(Duration.ofSeconds(20))
        .untilAsserted(() -> assertThat(texts(read(ann, ""))).containsExactly("old"));
    assertThat(texts(read(ann, unfollowTag(tag)))).isEmpty();
  }

  @Test
  void a_list_is_a_feed_and_takes_its_members_out_of_the_home_feed() {
    follow(ann, bob);
    follow(ann, cid);
    putList(ann, "friends", false);
    ok(
        node.graph.addToList(
            AddToListRequest.newBuilder()
                .setUserId(ann)
                .setListId("friends")
                .addMemberIds(bob)
                .build()));
    publish(bob, "by bob");
    publish(bob, c -> c.setText("for ann").addMentions(ann));
    PublishResponse last = publish(cid, "by cid");
    assertThat(texts(read(ann, last.getConsistencyToken())))
        .containsExactly("by cid", "for ann", "by bob");
    assertThat(texts(read(ann, r -> r.setListId("friends")))).containsExactly("for ann", "by bob");
    String token = putList(ann, "friends", true);
    ReadFeedResponse home = read(ann, token);
    assertThat(texts(home)).containsExactly("by cid", "for ann");
    assertThat(home.getReasonsList())
        .containsExactly(EntryReason.ENTRY_REASON_FOLLOW, EntryReason.ENTRY_REASON_MENTION);
    assertThat(
            ok(node.graph.getLists(GetListsRequest.newBuilder().setUserId(ann).build()))
                .getLists(0)
                .getMemberIdsList())
        .containsExactly(bob);
    Refusal unknown = Refusal.of(() -> read(ann, r -> r.setListId("foes")));
    assertThat(unknown.code()).isEqualTo(Status.Code.NOT_FOUND);
    assertThat(unknown.reason()).isEqualTo("UNKNOWN_LIST");
    Refusal notFollowed =
        Refusal.of(
            () ->
                ok(
                    node.graph.addToList(
                        AddToListRequest.newBuilder()
                            .setUserId(ann)
                            .setListId("friends")
                            .addMemberIds(user("dan"))
                            .build())));
    assertThat(notFollowed.code()).isEqualTo(Status.Code.FAILED_PRECONDITION);
    ReadFeedResponse page = read(ann, r -> r.setListId("friends").setPageSize(1));
    Refusal other = Refusal.of(() -> read(ann, r -> r.setCursor(page.getNextCursor())));
    assertThat(other.reason()).isEqualTo("CURSOR_OF_ANOTHER_SURFACE");
  }

  // --- pages ---

  @Test
  void history_goes_on_below_what_is_in_memory() {
    follow(ann, bob);
    List<String> all = new ArrayList<>();
    PublishResponse last = PublishResponse.getDefaultInstance();
    for (int i = 0; i < 65; i++) {
      last = publish(bob, "post " + i);
      all.add(0, last.getPostId());
    }
    awaitStored(last);
    List<String> walked = new ArrayList<>();
    ReadFeedResponse page = read(ann, last.getConsistencyToken());
    int full = 0;
    while (true) {
      walked.addAll(ids(page));
      if (page.getEndOfFeed()) break;
      assertThat(page.getCardsCount()).as("page %d", full++).isEqualTo(20);
      String cursor = page.getNextCursor();
      page = read(ann, r -> r.setCursor(cursor));
    }
    assertThat(walked).isEqualTo(all);
    assertThat(page.getNextCursor()).isEmpty();
  }

  @Test
  void what_came_while_one_was_away_is_returned_oldest_first_also_below_what_is_in_memory() {
    follow(ann, bob);
    publish(bob, "known");
    ReadFeedResponse page = read(ann, publish(bob, "known too").getConsistencyToken());
    List<String> came = new ArrayList<>();
    PublishResponse last = PublishResponse.getDefaultInstance();
    for (int i = 0; i < 45; i++) {
      last = publish(bob, "new " + i);
      came.add(last.getPostId());
    }
    awaitStored(last);
    read(ann, last.getConsistencyToken());
    List<String> found = new ArrayList<>();
    String cursor = page.getNewerCursor();
    ReadFeedResponse next;
    do {
      String at = cursor;
      next = read(ann, r -> r.setCursor(at).setPageSize(10));
      found.addAll(ids(next));
      assertThat(next.getGap()).isEqualTo(45 - found.size());
      cursor = next.getNewerCursor();
    } while (next.getCardsCount() > 0);
    assertThat(found).isEqualTo(came);
  }

  @Test
  void a_post_with_an_older_time_is_found_by_newer_and_counts_as_unread() {
    follow(ann, bob);
    publish(bob, "first");
    ReadFeedResponse page = read(ann, publish(bob, "second").getConsistencyToken());
    ok(
        node.feeds.markRead(
            MarkReadRequest.newBuilder().setUserId(ann).setPostId(ids(page).get(0)).build()));
    PublishResponse imported =
        ok(
            node.posts.publish(
                request(bob, c -> c.setText("long ago")).toBuilder()
                    .setCreatedAtMillis(System.currentTimeMillis() - 86_400_000)
                    .build()));
    assertThat(texts(read(ann, imported.getConsistencyToken())))
        .containsExactly("second", "first", "long ago");
    assertThat(readState(ann).getUnreadCount()).isEqualTo(1);
    assertThat(texts(read(ann, r -> r.setCursor(page.getNewerCursor()))))
        .containsExactly("long ago");
  }

  @Test
  void a_repost_of_a_repost_is_imported_again_whatever_was_known_of_that_one() {
    PublishRequest original = imported(cid, c -> c.setText("original"), "");
    PublishRequest repost = imported(bob, c -> c, importedId(original));
    PublishRequest before = imported(ann, c -> c, importedId(repost));
    PublishRequest after = imported(ann, c -> c, importedId(repost));
    for (PublishRequest each : List.of(before, original, repost, after)) importStored(each);
    assertThat(importStored(before)).isEqualTo(importedId(before));
    String deleted =
        ok(node.posts.deletePost(
                DeletePostRequest.newBuilder()
                    .setAuthorId(bob)
                    .setPostId(importedId(repost))
                    .build()))
            .getConsistencyToken();
    read(ann, deleted);
    assertThat(importStored(after)).isEqualTo(importedId(after));
    PublishRequest another = imported(cid, c -> c.setText("another"), "");
    importStored(another);
    PublishRequest other = after.toBuilder().setRepostOf(importedId(another)).build();
    assertThat(Refusal.of(() -> importStored(other)).code()).isEqualTo(Status.Code.ALREADY_EXISTS);
  }

  private static PublishRequest imported(
      String author, UnaryOperator<PostContent.Builder> content, String repostOf) {
    return request(author, content).toBuilder()
        .setCreatedAtMillis(1_441_519_380_000L)
        .setRepostOf(repostOf)
        .build();
  }

  private static String importedId(PublishRequest post) {
    return PostId.imported(
            post.getCreatedAtMillis(), new UserId(post.getAuthorId()), post.getIdempotencyKey())
        .toString();
  }

  private static String importStored(PublishRequest post) {
    PublishResponse published = ok(node.posts.publish(post));
    awaitStored(published);
    return published.getPostId();
  }

  @Test
  void a_watch_resumed_from_far_behind_brings_what_has_left_the_timeline_again() {
    follow(ann, bob);
    String cursor = read(ann, publish(bob, "known").getConsistencyToken()).getNewerCursor();
    List<String> came = new ArrayList<>();
    PublishResponse last = PublishResponse.getDefaultInstance();
    for (int i = 0; i < 45; i++) {
      last = publish(bob, "new " + i);
      came.add("new " + i);
    }
    awaitStored(last);
    read(ann, last.getConsistencyToken());
    List<WatchFeedResponse> seen = new CopyOnWriteArrayList<>();
    UniqueKillSwitch watching = watch(ann, r -> r.setCursor(cursor), seen);
    await("what was missed").atMost(PATIENCE).until(() -> added(seen).size() >= 45);
    publish(bob, "live");
    came.add("live");
    await("what comes").atMost(PATIENCE).until(() -> added(seen).contains("live"));
    assertThat(added(seen)).isEqualTo(came);
    watching.shutdown();
    String resumed =
        seen.stream().map(WatchFeedResponse::getCursor).reduce("", (a, b) -> b.isEmpty() ? a : b);
    List<WatchFeedResponse> again = new CopyOnWriteArrayList<>();
    watching = watch(ann, r -> r.setCursor(resumed), again);
    publish(bob, "last");
    await("what comes").atMost(PATIENCE).until(() -> added(again).contains("last"));
    assertThat(added(again)).containsExactly("last");
    watching.shutdown();
  }

  @Test
  void a_feed_may_begin_where_one_left_off() {
    follow(ann, bob);
    List<String> ids = new ArrayList<>();
    PublishResponse last = PublishResponse.getDefaultInstance();
    for (int i = 0; i < 10; i++) {
      last = publish(bob, "post " + i);
      ids.add(last.getPostId());
    }
    read(ann, last.getConsistencyToken());
    ok(
        node.feeds.markRead(
            MarkReadRequest.newBuilder().setUserId(ann).setPostId(ids.get(4)).build()));
    ReadFeedResponse page =
        read(ann, r -> r.setStart(FeedStart.FEED_START_READ_POSITION).setPageSize(3));
    assertThat(texts(page)).containsExactly("post 4", "post 3", "post 2");
    assertThat(page.getGap()).isEqualTo(5);
    assertThat(texts(read(ann, r -> r.setCursor(page.getNewerCursor()).setPageSize(2))))
        .containsExactly("post 5", "post 6");
    Refusal moved =
        Refusal.of(
            () ->
                ok(
                    node.feeds.markRead(
                        MarkReadRequest.newBuilder()
                            .setUserId(ann)
                            .setPostId(ids.get(9))
                            .setExpectedBase("NONE")
                            .build())));
    assertThat(moved.code()).isEqualTo(Status.Code.ABORTED);
    assertThat(moved.reason()).isEqualTo("READ_POSITION_MOVED");
  }

  @Test
  void neighbours_by_one_author_are_one_row() {
    follow(ann, bob);
    follow(ann, cid);
    publish(cid, "c1");
    for (int i = 1; i <= 5; i++) publish(bob, "b" + i);
    PublishResponse last = publish(cid, "c2");
    read(ann, last.getConsistencyToken());
    ReadFeedResponse page = read(ann, r -> r.setGroup(true).setPageSize(2));
    assertThat(texts(page)).containsExactly("c2", "b5");
    assertThat(page.getGroupsList()).hasSize(1);
    assertThat(page.getGroups(0).getCard()).isEqualTo(1);
    assertThat(page.getGroups(0).getTotal()).isEqualTo(5);
    assertThat(page.getGroups(0).getMembersCount()).isEqualTo(5);
    assertThat(texts(read(ann, r -> r.setGroup(true).setCursor(page.getNextCursor()))))
        .containsExactly("c1");
  }

  // --- what is pushed ---

  @Test
  void a_watcher_is_told_how_many_entries_are_unread() {
    follow(ann, bob);
    read(ann, publish(bob, "known").getConsistencyToken());
    List<WatchFeedResponse> seen = new CopyOnWriteArrayList<>();
    UniqueKillSwitch watching = watch(ann, "", seen);
    awaitUnread(seen, 1);
    publish(bob, "new");
    awaitUnread(seen, 2);
    ReadFeedResponse page = read(ann, publish(bob, "newer").getConsistencyToken());
    awaitUnread(seen, 3);
    ok(
        node.feeds.markRead(
            MarkReadRequest.newBuilder().setUserId(ann).setPostId(ids(page).get(1)).build()));
    awaitUnread(seen, 1);
    ok(
        node.posts.deletePost(
            DeletePostRequest.newBuilder().setAuthorId(bob).setPostId(ids(page).get(0)).build()));
    awaitUnread(seen, 0);
    watching.shutdown();
    assertThat(seen.stream().filter(WatchFeedResponse::hasUnread))
        .extracting(response -> response.getUnread().getCount())
        .containsExactly(1, 2, 3, 1, 0);
  }

  @Test
  void a_list_is_watched_like_a_feed() {
    follow(ann, bob);
    follow(ann, cid);
    putList(ann, "friends", false);
    ok(
        node.graph.addToList(
            AddToListRequest.newBuilder()
                .setUserId(ann)
                .setListId("friends")
                .addMemberIds(bob)
                .build()));
    List<WatchFeedResponse> seen = new CopyOnWriteArrayList<>();
    UniqueKillSwitch watching = watch(ann, "friends", seen);
    await().atMost(PATIENCE).until(() -> !seen.isEmpty());
    publish(bob, "by bob");
    publish(cid, "by cid");
    PublishResponse last = publish(bob, "by bob again");
    await().atMost(PATIENCE).until(() -> added(seen).size() == 2);
    assertThat(added(seen)).containsExactly("by bob", "by bob again");
    String cursor = seen.get(seen.size() - 1).getCursor();
    Refusal home = Refusal.of(() -> read(ann, r -> r.setCursor(cursor)));
    assertThat(home.reason()).isEqualTo("CURSOR_OF_ANOTHER_SURFACE");
    watching.shutdown();
    read(ann, r -> r.setListId("friends").setConsistencyToken(last.getConsistencyToken()));
    assertThat(texts(read(ann, r -> r.setListId("friends"))))
        .containsExactly("by bob again", "by bob");
  }

  // --- what is wrong ---

  @Test
  void a_field_that_is_wrong_is_named() {
    String no = "no spaces";
    assertInvalid("list_id", () -> read(ann, r -> r.setListId(no)));
    assertInvalid("list_id", () -> read(ann, r -> r.setListId("x".repeat(33))));
    assertInvalid("start", () -> read(ann, r -> r.setStartValue(99)));
    assertInvalid("list_id", () -> readState(GetReadStateRequest.newBuilder().setListId(no)));
    assertInvalid("list_id", () -> markRead(r -> r.setListId(no)));
    assertInvalid("expected_base", () -> markRead(r -> r.setExpectedBase("none")));
    assertInvalid("expected_base", () -> markRead(r -> r.setExpectedBase(no)));
    assertInvalid("post_id", () -> markRead(r -> r.setCursor("both")));
    assertInvalid("post_id", () -> markRead(r -> r.clearPostId()));
    assertInvalid("post_id", () -> explain(ann, no));
    assertInvalid(
        "list_id",
        () ->
            ok(
                node.feeds.explainEntry(
                    ExplainEntryRequest.newBuilder()
                        .setUserId(ann)
                        .setPostId(SOME_POST)
                        .setListId(no)
                        .build())));
    assertInvalid(
        "list_id",
        () ->
            ok(
                node.feeds
                    .watchFeed(WatchFeedRequest.newBuilder().setUserId(ann).setListId(no).build())
                    .runWith(Sink.head(), node.system())));
    assertInvalid(
        "user_id",
        () ->
            ok(
                node.feeds.describeTimeline(
                    DescribeTimelineRequest.newBuilder().setUserId(no).build())));
  }

  @Test
  void a_filter_that_is_wrong_is_named() {
    assertInvalid("until_millis", () -> mute(r -> r.setUntilMillis(-1)));
    long inSeconds = System.currentTimeMillis() / 1000 + 3_600;
    assertInvalid("until_millis", () -> mute(r -> r.setUntilMillis(inSeconds)));
    assertInvalid("target_id", () -> mute(r -> r.setTargetId(ann)));
    assertInvalid("target_id", () -> mute(r -> r.setTargetId("no spaces")));
    assertInvalid("rule", () -> putRule(ann, r -> r.setRuleId("empty")));
    assertInvalid("rule.rule_id", () -> putRule(ann, r -> r.setWords("fine")));
    assertInvalid("rule.words", () -> putRule(ann, r -> r.setRuleId("r").setWords("?! ...")));
    assertInvalid("rule.words", () -> putRule(ann, r -> r.setRuleId("r").setWords("")));
    assertInvalid(
        "rule.words", () -> putRule(ann, r -> r.setRuleId("r").setWords("x".repeat(201))));
    assertInvalid("rule.tag", () -> putRule(ann, r -> r.setRuleId("r").setTag("")));
    assertInvalid("rule.tag", () -> putRule(ann, r -> r.setRuleId("r").setTag("#tide")));
    assertInvalid("rule.tag", () -> putRule(ann, r -> r.setRuleId("r").setTag("high tide")));
    assertInvalid(
        "rule.name",
        () -> putRule(ann, r -> r.setRuleId("r").setTag("t").setName("x".repeat(101))));
    assertInvalid(
        "rule.mode", () -> putRule(ann, r -> r.setRuleId("r").setTag("t").setModeValue(9)));
    assertInvalid(
        "rule.until_millis",
        () -> putRule(ann, r -> r.setRuleId("r").setTag("t").setUntilMillis(-1)));
    assertInvalid(
        "rule.until_millis",
        () -> putRule(ann, r -> r.setRuleId("r").setTag("t").setUntilMillis(inSeconds)));
    assertThat(ok(node.filters.getFilters(GetFiltersRequest.newBuilder().setUserId(ann).build())))
        .isEqualTo(GetFiltersResponse.getDefaultInstance());
  }

  @Test
  void a_follow_or_a_list_that_is_wrong_is_named() {
    assertInvalid("options.languages", () -> followIn(Collections.nCopies(17, "en")));
    assertInvalid("options.languages[1]", () -> followIn(List.of("en", "!!")));
    assertInvalid("options.languages[0]", () -> followIn(List.of("")));
    assertInvalid("options.languages[0]", () -> followIn(List.of("en-" + "x".repeat(40))));
    assertInvalid("tag", () -> followTag(""));
    assertInvalid("tag", () -> followTag("#tide"));
    assertInvalid("tag", () -> followTag("high tide"));
    assertInvalid("tag", () -> followTag("x".repeat(101)));
    assertInvalid("tag", () -> unfollowTag("#tide"));
    assertInvalid("content.tags[0]", () -> publish(ann, c -> c.setText("x").addTags("#tide")));
    assertInvalid("content.tags[0]", () -> publish(ann, c -> c.setText("x").addTags("\uFF03tide")));
    assertInvalid("list.list_id", () -> putList(ann, "no spaces", false));
    assertInvalid("list.list_id", () -> putList(ann, "", false));
    assertInvalid("list_id", () -> addToList("no spaces", List.of(bob)));
    assertInvalid("member_ids", () -> addToList("friends", List.of()));
    assertInvalid("member_ids[1]", () -> addToList("friends", List.of(bob, "no spaces")));
    assertInvalid("member_ids[0]", () -> addToList("friends", List.of(ann)));
  }

  // --- what operators see ---

  @Test
  void a_timeline_is_described() {
    follow(ann, bob);
    read(ann, publish(bob, "one").getConsistencyToken());
    DescribeTimelineResponse is =
        ok(
            node.feeds.describeTimeline(
                DescribeTimelineRequest.newBuilder().setUserId(ann).build()));
    assertThat(is.getNode()).isEqualTo("127.0.0.1:" + node.grpcPort);
    assertThat(is.getEntries()).isEqualTo(1);
    assertThat(is.getFollows()).isEqualTo(1);
    assertThat(is.getPartitionsCount()).isPositive();
    assertThat(is.getLastActivation()).isEqualTo("cold");
    assertThat(is.getLastActivationMicros()).isPositive();
  }

  @Test
  void what_nobody_has_heard_of_is_said_to_be_unknown() {
    ExplainEntryResponse why = explain(ann, SOME_POST);
    assertThat(why.getPresent()).isFalse();
    assertThat(why.getAbsence()).isEqualTo(AbsenceReason.ABSENCE_REASON_NEVER_SEEN);
    PublishResponse post = publish(bob, "not for ann");
    awaitStored(post);
    assertThat(explain(ann, post.getPostId()).getAbsence())
        .isEqualTo(AbsenceReason.ABSENCE_REASON_NOT_FOLLOWED);
    ExplainEntryResponse own = explain(bob, post.getPostId());
    assertThat(own.getPresent()).isTrue();
    assertThat(own.getReason()).isEqualTo(EntryReason.ENTRY_REASON_OWN);
  }

  // --- the calls ---

  private static String follow(String user, String followee) {
    return ok(node.graph.follow(
            FollowRequest.newBuilder().setUserId(user).setFolloweeId(followee).build()))
        .getConsistencyToken();
  }

  private static PublishResponse publish(String author, String text) {
    return publish(author, c -> c.setText(text));
  }

  private static PublishResponse publish(
      String author, UnaryOperator<PostContent.Builder> content) {
    return ok(node.posts.publish(request(author, content)));
  }

  private static PublishRequest request(String author, UnaryOperator<PostContent.Builder> content) {
    return PublishRequest.newBuilder()
        .setAuthorId(author)
        .setIdempotencyKey(UUID.randomUUID().toString())
        .setContent(content.apply(PostContent.newBuilder()))
        .build();
  }

  private static PublishResponse reply(String author, PublishResponse to, String text) {
    return ok(
        node.posts.publish(
            request(author, c -> c.setText(text)).toBuilder().setReplyTo(to.getPostId()).build()));
  }

  private static PublishResponse repost(String author, PublishResponse original) {
    return ok(
        node.posts.publish(
            request(author, c -> c).toBuilder().setRepostOf(original.getPostId()).build()));
  }

  private static ReadFeedResponse read(String user, String token) {
    return read(user, r -> r.setConsistencyToken(token));
  }

  private static ReadFeedResponse read(
      String user, UnaryOperator<ReadFeedRequest.Builder> request) {
    return ok(
        node.feeds.readFeed(request.apply(ReadFeedRequest.newBuilder().setUserId(user)).build()));
  }

  private static GetReadStateResponse readState(String user) {
    return ok(node.feeds.getReadState(GetReadStateRequest.newBuilder().setUserId(user).build()));
  }

  private static ExplainEntryResponse explain(String user, String post) {
    return ok(
        node.feeds.explainEntry(
            ExplainEntryRequest.newBuilder().setUserId(user).setPostId(post).build()));
  }

  private static void putRule(String user, UnaryOperator<MuteRule.Builder> rule) {
    ok(
        node.filters.putMuteRule(
            PutMuteRuleRequest.newBuilder()
                .setUserId(user)
                .setRule(rule.apply(MuteRule.newBuilder()))
                .build()));
  }

  private static String putList(String user, String id, boolean exclusive) {
    return ok(node.graph.putList(
            PutListRequest.newBuilder()
                .setUserId(user)
                .setList(UserList.newBuilder().setListId(id).setExclusive(exclusive))
                .build()))
        .getConsistencyToken();
  }

  private static UniqueKillSwitch watch(String user, String list, List<WatchFeedResponse> into) {
    return watch(user, r -> r.setListId(list), into);
  }

  private static UniqueKillSwitch watch(
      String user, UnaryOperator<WatchFeedRequest.Builder> request, List<WatchFeedResponse> into) {
    return node.feeds
        .watchFeed(request.apply(WatchFeedRequest.newBuilder().setUserId(user)).build())
        .viaMat(KillSwitches.single(), Keep.right())
        .toMat(Sink.foreach(into::add), Keep.left())
        .run(node.system());
  }

  private static void awaitUnread(List<WatchFeedResponse> seen, int unread) {
    await(unread + " unread entries")
        .atMost(PATIENCE)
        .until(
            () ->
                seen.stream()
                        .filter(WatchFeedResponse::hasUnread)
                        .map(response -> response.getUnread().getCount())
                        .reduce(-1, (before, last) -> last)
                    == unread);
  }

  private static List<String> added(List<WatchFeedResponse> seen) {
    return seen.stream()
        .filter(WatchFeedResponse::hasAdded)
        .map(response -> response.getAdded().getPost().getText())
        .toList();
  }

  private static void assertInvalid(String field, ThrowingCallable call) {
    Refusal refusal = Refusal.of(call);
    assertThat(refusal.code()).as(field).isEqualTo(Status.Code.INVALID_ARGUMENT);
    assertThat(refusal.fields()).containsOnly(field);
  }

  private void readState(GetReadStateRequest.Builder request) {
    ok(node.feeds.getReadState(request.setUserId(ann).build()));
  }

  private void markRead(UnaryOperator<MarkReadRequest.Builder> request) {
    ok(
        node.feeds.markRead(
            request
                .apply(MarkReadRequest.newBuilder().setUserId(ann).setPostId(SOME_POST))
                .build()));
  }

  private void mute(UnaryOperator<MuteRequest.Builder> request) {
    ok(
        node.filters.mute(
            request.apply(MuteRequest.newBuilder().setUserId(ann).setTargetId(bob)).build()));
  }

  private void followIn(List<String> languages) {
    ok(
        node.graph.follow(
            FollowRequest.newBuilder()
                .setUserId(ann)
                .setFolloweeId(bob)
                .setOptions(FollowOptions.newBuilder().addAllLanguages(languages))
                .build()));
  }

  private void followTag(String tag) {
    ok(node.graph.followTag(FollowTagRequest.newBuilder().setUserId(ann).setTag(tag).build()));
  }

  private String unfollowTag(String tag) {
    return ok(node.graph.unfollowTag(
            UnfollowTagRequest.newBuilder().setUserId(ann).setTag(tag).build()))
        .getConsistencyToken();
  }

  private void addToList(String list, List<String> members) {
    ok(
        node.graph.addToList(
            AddToListRequest.newBuilder()
                .setUserId(ann)
                .setListId(list)
                .addAllMemberIds(members)
                .build()));
  }

  /** The store trails the log by a moment. */
  private static void awaitStored(PublishResponse post) {
    await()
        .atMost(Duration.ofSeconds(20))
        .until(
            () ->
                explain(user("nobody"), post.getPostId()).getAbsence()
                    != AbsenceReason.ABSENCE_REASON_NEVER_SEEN);
  }

  private static List<String> texts(ReadFeedResponse page) {
    return page.getCardsList().stream().map(card -> card.getPost().getText()).toList();
  }

  private static List<String> ids(ReadFeedResponse page) {
    return page.getCardsList().stream().map(Card::getPost).map(p -> p.getPostId()).toList();
  }
}
