package io.tideline.node.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.tideline.protocols.v1.Card;
import io.tideline.protocols.v1.DescribeTimelineResponse;
import io.tideline.protocols.v1.EntryGroup;
import io.tideline.protocols.v1.EntryReason;
import io.tideline.protocols.v1.EntryWarning;
import io.tideline.protocols.v1.ExplainEntryResponse;
import io.tideline.protocols.v1.FeedStart;
import io.tideline.protocols.v1.FollowRequest;
import io.tideline.protocols.v1.GetFiltersResponse;
import io.tideline.protocols.v1.GetListsResponse;
import io.tideline.protocols.v1.GetReadStateResponse;
import io.tideline.protocols.v1.ListFollowedTagsResponse;
import io.tideline.protocols.v1.MarkReadRequest;
import io.tideline.protocols.v1.MarkReadResponse;
import io.tideline.protocols.v1.MuteMode;
import io.tideline.protocols.v1.MuteRule;
import io.tideline.protocols.v1.PartitionState;
import io.tideline.protocols.v1.Post;
import io.tideline.protocols.v1.PostReference;
import io.tideline.protocols.v1.PutListRequest;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import io.tideline.protocols.v1.UserList;
import io.tideline.protocols.v1.WatchFeedResponse;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** What users may decide about their feeds, and what they may ask. */
class FeedCommandsTest {
  private static final Card CARD =
      Card.newBuilder()
          .setPost(
              Post.newBuilder()
                  .setPostId("01ARZ3NDEKTSV4RRFFQ69G5FAV")
                  .setAuthorId("bob")
                  .setText("High tide")
                  .setCreatedAtMillis(1_441_519_380_000L))
          .build();

  private final StubCluster cluster = StubCluster.ofNodes(1);
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @AfterEach
  void stop() {
    cluster.close();
  }

  private int run(String... args) {
    CommandLine tideline = Tideline.commandLine();
    tideline.setOut(new PrintWriter(out));
    tideline.setErr(new PrintWriter(err));
    String[] all = new String[args.length + 1];
    System.arraycopy(args, 0, all, 0, args.length);
    all[args.length] = "--address=" + cluster.addresses().get(0);
    return tideline.execute(all);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "mute",
        "unmute",
        "block",
        "unblock",
        "filters",
        "rule put",
        "rule delete",
        "tag follow",
        "tag unfollow",
        "tag show",
        "list put",
        "list delete",
        "list add",
        "list remove",
        "list show",
        "explain",
        "describe",
        "mark-read",
        "unread"
      })
  void every_command_explains_itself(String command) {
    assertThat(run((command + " --help").split(" "))).isZero();
    assertThat(out.toString()).startsWith("Usage: tideline " + command);
    assertThat(out.toString()).contains("Exit codes:").contains("--output");
  }

  @ParameterizedTest
  @ValueSource(strings = {"rule", "tag", "list"})
  void a_family_asks_which_of_its_commands_is_meant(String command) {
    assertThat(run(command)).isEqualTo(ExitCode.USAGE);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "mute ann bob --for 2w",
        "mute ann bob --for -1h",
        "mute ann bob --until tomorrow",
        "mute ann bob --for 2h --until 2030-12-31T18:00Z",
        "rule put ann r1",
        "rule put ann r1 --words sea --tag sea",
        "mark-read ann",
        "mark-read ann 01ARZ3NDEKTSV4RRFFQ69G5FAV --cursor c",
        "list add ann close",
        "read ann --cursor c --from-read-position"
      })
  void what_makes_no_sense_is_a_mistake_of_usage(String command) {
    assertThat(run(command.split(" "))).isEqualTo(ExitCode.USAGE);
    assertThat(err.toString()).contains("Usage: tideline");
  }

  @Test
  void a_mute_lasts_for_ever() {
    assertThat(run("mute", "ann", "bob")).isZero();
    assertThat(cluster.lastAsked(Methods.MUTE).getTargetId()).isEqualTo("bob");
    assertThat(cluster.lastAsked(Methods.MUTE).getUntilMillis()).isZero();
    assertThat(out.toString()).isEqualTo("ann mutes bob\n");
  }

  @Test
  void a_mute_can_last_for_a_while() {
    assertThat(run("mute", "ann", "bob", "--for", "2h")).isZero();
    assertThat(Instant.ofEpochMilli(cluster.lastAsked(Methods.MUTE).getUntilMillis()))
        .isCloseTo(Instant.now().plus(Duration.ofHours(2)), within(Duration.ofMinutes(1)));
  }

  @Test
  void a_mute_can_last_until_some_time() {
    assertThat(run("mute", "ann", "bob", "--until", "2030-12-31T18:00Z")).isZero();
    assertThat(Instant.ofEpochMilli(cluster.lastAsked(Methods.MUTE).getUntilMillis()))
        .isEqualTo("2030-12-31T18:00:00Z");
    assertThat(out.toString()).isEqualTo("ann mutes bob until 2030-12-31 18:00\n");
  }

  @Test
  void mutes_and_blocks_are_taken_back() {
    run("unmute", "ann", "bob");
    run("block", "ann", "bob");
    run("unblock", "ann", "bob");
    assertThat(cluster.lastAsked(Methods.UNMUTE).getTargetId()).isEqualTo("bob");
    assertThat(cluster.lastAsked(Methods.BLOCK).getTargetId()).isEqualTo("bob");
    assertThat(cluster.lastAsked(Methods.UNBLOCK).getTargetId()).isEqualTo("bob");
    assertThat(out.toString())
        .isEqualTo("ann does not mute bob\nann blocks bob\nann does not block bob\n");
  }

  @Test
  void a_rule_warns_of_words() {
    assertThat(
            run("rule", "put", "ann", "r1", "--words", "last episode", "--warn", "--name=Finale"))
        .isZero();
    assertThat(cluster.lastAsked(Methods.PUT_MUTE_RULE).getRule())
        .isEqualTo(
            MuteRule.newBuilder()
                .setRuleId("r1")
                .setName("Finale")
                .setWords("last episode")
                .setMode(MuteMode.MUTE_MODE_WARN)
                .build());
  }

  @Test
  void a_rule_hides_a_tag() {
    assertThat(run("rule", "put", "ann", "r1", "--tag", "#eels", "--for", "7d")).isZero();
    MuteRule rule = cluster.lastAsked(Methods.PUT_MUTE_RULE).getRule();
    assertThat(rule.getTag()).isEqualTo("eels");
    assertThat(rule.getMode()).isEqualTo(MuteMode.MUTE_MODE_HIDE);
    assertThat(rule.getUntilMillis()).isGreaterThan(System.currentTimeMillis());
  }

  @Test
  void a_rule_is_deleted() {
    assertThat(run("rule", "delete", "ann", "r1")).isZero();
    assertThat(cluster.lastAsked(Methods.DELETE_MUTE_RULE).getRuleId()).isEqualTo("r1");
  }

  @Test
  void filters_are_listed_one_a_line() {
    cluster.answer(
        Methods.GET_FILTERS,
        GetFiltersResponse.newBuilder()
            .addMutes(
                GetFiltersResponse.Mute.newBuilder()
                    .setTargetId("bob")
                    .setUntilMillis(1_441_519_380_000L))
            .addBlockedIds("carl")
            .addRules(
                MuteRule.newBuilder()
                    .setRuleId("r1")
                    .setName("Finale")
                    .setWords("last episode")
                    .setMode(MuteMode.MUTE_MODE_WARN))
            .addRules(
                MuteRule.newBuilder()
                    .setRuleId("r2")
                    .setTag("eels")
                    .setMode(MuteMode.MUTE_MODE_HIDE))
            .build());
    assertThat(run("filters", "ann")).isZero();
    assertThat(out.toString())
        .isEqualTo(
            """
            mutes bob until 2015-09-06 06:03
            blocks carl
            rule r1 (Finale) warns of `last episode`
            rule r2 hides #eels
            """);
  }

  @Test
  void no_filters_are_no_filters() {
    run("filters", "ann");
    assertThat(out.toString()).isEqualTo("ann hides nothing\n");
  }

  @Test
  void tags_are_followed() {
    cluster.answer(
        Methods.LIST_FOLLOWED_TAGS,
        ListFollowedTagsResponse.newBuilder().addTags("eels").addTags("tide").build());
    run("tag", "follow", "ann", "eels");
    run("tag", "unfollow", "ann", "#ships");
    run("tag", "show", "ann");
    assertThat(cluster.lastAsked(Methods.FOLLOW_TAG).getTag()).isEqualTo("eels");
    assertThat(cluster.lastAsked(Methods.UNFOLLOW_TAG).getTag()).isEqualTo("ships");
    assertThat(out.toString())
        .isEqualTo("ann follows #eels\nann does not follow #ships\n#eels\n#tide\n");
  }

  @Test
  void a_post_has_its_tags_without_the_hash() {
    assertThat(run("post", "ann", "low water", "--tag", "#tide", "--tag", "ebb")).isZero();
    assertThat(cluster.lastAsked(Methods.PUBLISH).getContent().getTagsList())
        .containsExactly("tide", "ebb");
  }

  @Test
  void a_follow_can_have_options() {
    assertThat(run("follow", "ann", "bob", "--no-reposts", "--languages", "en,de")).isZero();
    FollowRequest request = cluster.lastAsked(Methods.FOLLOW);
    assertThat(request.getFolloweeId()).isEqualTo("bob");
    assertThat(request.getOptions().hasReposts()).isTrue();
    assertThat(request.getOptions().getReposts()).isFalse();
    assertThat(request.getOptions().getLanguagesList()).containsExactly("en", "de");
  }

  @Test
  void a_follow_without_limits_takes_earlier_ones_away() {
    assertThat(run("follow", "ann", "bob", "--reposts")).isZero();
    assertThat(cluster.lastAsked(Methods.FOLLOW).getOptions().getReposts()).isTrue();
  }

  @Test
  void lists_are_made_and_filled() {
    run("list", "put", "ann", "close", "--name", "Close friends", "--exclusive");
    run("list", "add", "ann", "close", "bob", "carl");
    run("list", "remove", "ann", "close", "dora");
    run("list", "delete", "ann", "work");
    assertThat(cluster.lastAsked(Methods.PUT_LIST))
        .isEqualTo(
            PutListRequest.newBuilder()
                .setUserId("ann")
                .setList(
                    UserList.newBuilder()
                        .setListId("close")
                        .setName("Close friends")
                        .setExclusive(true))
                .build());
    assertThat(cluster.lastAsked(Methods.ADD_TO_LIST).getMemberIdsList())
        .containsExactly("bob", "carl");
    assertThat(cluster.lastAsked(Methods.REMOVE_FROM_LIST).getMemberIdsList())
        .containsExactly("dora");
    assertThat(cluster.lastAsked(Methods.DELETE_LIST).getListId()).isEqualTo("work");
  }

  @Test
  void lists_are_shown_with_their_members() {
    cluster.answer(
        Methods.GET_LISTS,
        GetListsResponse.newBuilder()
            .addLists(
                GetListsResponse.Entry.newBuilder()
                    .setList(
                        UserList.newBuilder()
                            .setListId("close")
                            .setName("Close friends")
                            .setExclusive(true))
                    .addMemberIds("bob")
                    .addMemberIds("carl"))
            .addLists(
                GetListsResponse.Entry.newBuilder()
                    .setList(UserList.newBuilder().setListId("work")))
            .build());
    assertThat(run("list", "show", "ann")).isZero();
    assertThat(out.toString())
        .isEqualTo("close (Close friends), exclusive: bob, carl\nwork: nobody\n");
  }

  @Test
  void an_explanation_is_a_sentence() {
    cluster.answer(
        Methods.EXPLAIN_ENTRY,
        ExplainEntryResponse.newBuilder().setSentence("ann mutes bob.").build());
    assertThat(run("explain", "ann", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "--list=close")).isZero();
    assertThat(cluster.lastAsked(Methods.EXPLAIN_ENTRY).getListId()).isEqualTo("close");
    assertThat(out.toString()).isEqualTo("It is not there: ann mutes bob.\n");
  }

  @Test
  void a_timeline_is_described_for_operators() {
    cluster.answer(
        Methods.DESCRIBE_TIMELINE,
        DescribeTimelineResponse.newBuilder()
            .setNode("127.0.0.1:8600")
            .setEntries(800)
            .setLastActivation("cold")
            .addPartitions(
                PartitionState.newBuilder()
                    .setPartition("1/abc/0")
                    .setCheckpointOffset(1)
                    .setTimelineOffset(2)
                    .setNodeOffset(3))
            .build());
    assertThat(run("describe", "ann")).isZero();
    assertThat(out.toString())
        .contains("127.0.0.1:8600")
        .contains("800")
        .contains("cold")
        .containsPattern("1 +2 +3 +1/abc/0");
  }

  @Test
  void what_was_read_is_marked() {
    cluster.answer(
        Methods.MARK_READ,
        MarkReadResponse.newBuilder().setReadPostId("01ARZ3NDEKTSV4RRFFQ69G5FAV").build());
    assertThat(
            run(
                "mark-read",
                "ann",
                "01ARZ3NDEKTSV4RRFFQ69G5FAV",
                "--list=close",
                "--expected=NONE"))
        .isZero();
    assertThat(cluster.lastAsked(Methods.MARK_READ))
        .isEqualTo(
            MarkReadRequest.newBuilder()
                .setUserId("ann")
                .setPostId("01ARZ3NDEKTSV4RRFFQ69G5FAV")
                .setListId("close")
                .setExpectedBase("NONE")
                .build());
    assertThat(out.toString()).isEqualTo("read up to 01ARZ3NDEKTSV4RRFFQ69G5FAV\n");
  }

  @Test
  void a_cursor_marks_what_was_read_too() {
    assertThat(run("mark-read", "ann", "--cursor", "c1")).isZero();
    assertThat(cluster.lastAsked(Methods.MARK_READ).getCursor()).isEqualTo("c1");
  }

  @Test
  void what_is_unread_is_counted() {
    cluster.answer(
        Methods.GET_READ_STATE,
        GetReadStateResponse.newBuilder().setUnreadCount(12).setAtLeast(true).build());
    assertThat(run("unread", "ann")).isZero();
    assertThat(out.toString()).isEqualTo("at least 12 unread, nothing is marked as read\n");
  }

  @Test
  void a_page_says_why_its_cards_are_there() {
    cluster.answer(
        Methods.READ_FEED,
        ReadFeedResponse.newBuilder()
            .addCards(CARD)
            .addReasons(EntryReason.ENTRY_REASON_TAG)
            .addWarnings(EntryWarning.newBuilder().setCard(0).addRules("Finale"))
            .addGroups(
                EntryGroup.newBuilder()
                    .setCard(0)
                    .setTotal(4)
                    .addMembers(PostReference.newBuilder().setPostId("01ARZ3NDEKTSV4RRFFQ69G5FAV"))
                    .addMembers(PostReference.newBuilder().setPostId("P2").setAuthorId("carl")))
            .setEndOfFeed(true)
            .build());
    assertThat(run("read", "ann", "--list=close", "--group", "--from-read-position")).isZero();
    ReadFeedRequest request = cluster.lastAsked(Methods.READ_FEED);
    assertThat(request.getListId()).isEqualTo("close");
    assertThat(request.getGroup()).isTrue();
    assertThat(request.getStart()).isEqualTo(FeedStart.FEED_START_READ_POSITION);
    assertThat(out.toString())
        .isEqualTo(
            """
            2015-09-06 06:03  bob  01ARZ3NDEKTSV4RRFFQ69G5FAV  (tag)
                warning: Finale
                High tide
                with carl  P2
                with 2 more
            (end of the feed)
            """);
  }

  @Test
  void a_page_says_how_much_is_newer() {
    cluster.answer(
        Methods.READ_FEED,
        ReadFeedResponse.newBuilder()
            .setNextCursor("older")
            .setNewerCursor("newer")
            .setGap(3)
            .setGapAtLeast(true)
            .build());
    run("read", "ann", "--from-read-position");
    assertThat(out.toString())
        .isEqualTo("(more with --cursor older)\n(at least 3 newer with --cursor newer)\n");
  }

  @Test
  void a_walk_towards_newer_entries_has_no_end() {
    cluster.answer(
        Methods.READ_FEED, ReadFeedResponse.newBuilder().setNewerCursor("later").build());
    assertThat(run("read", "ann", "--cursor=newer", "--pages=0")).isZero();
    assertThat(out.toString()).isEqualTo("(nothing newer yet; later with --cursor later)\n");
  }

  @Test
  void a_watch_shows_as_many_changes_as_it_was_told_to_though_more_come_at_once() {
    cluster.answer(
        Methods.WATCH_FEED, WatchFeedResponse.newBuilder().setRemovedPostId("P").build(), 1_000);
    for (int i = 0; i < 30; i++) {
      out.getBuffer().setLength(0);
      assertThat(run("watch", "ann", "--limit=3")).isZero();
      assertThat(out.toString()).isEqualTo("- P\n".repeat(3));
    }
  }

  @Test
  @Timeout(20)
  void a_watch_ends_when_nobody_reads_what_it_shows() {
    cluster.answer(
        Methods.WATCH_FEED, WatchFeedResponse.newBuilder().setRemovedPostId("P").build());
    CommandLine tideline = Tideline.commandLine();
    tideline.setOut(
        new PrintWriter(
            new OutputStream() {
              @Override
              public void write(int unused) throws IOException {
                throw new IOException("Broken pipe");
              }
            },
            false,
            UTF_8));
    assertThat(tideline.execute("watch", "ann", "--address=" + cluster.addresses().get(0)))
        .isZero();
  }

  @Test
  void a_watch_says_why_and_warns() {
    cluster.answer(
        Methods.WATCH_FEED,
        WatchFeedResponse.newBuilder()
            .setAdded(CARD)
            .setReason(EntryReason.ENTRY_REASON_MENTION)
            .addWarnings("Finale")
            .build());
    assertThat(run("watch", "ann", "--list=close", "--limit=1")).isZero();
    assertThat(cluster.lastAsked(Methods.WATCH_FEED).getListId()).isEqualTo("close");
    assertThat(out.toString())
        .isEqualTo(
            """
            + 2015-09-06 06:03  bob  01ARZ3NDEKTSV4RRFFQ69G5FAV  (mention)
                warning: Finale
                High tide
            """);
  }
}
