package io.tideline.protocols;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import io.tideline.protocols.log.v1.AppliedPositions;
import io.tideline.protocols.log.v1.BackfillNote;
import io.tideline.protocols.log.v1.BackfillProgress;
import io.tideline.protocols.log.v1.BackfillRequest;
import io.tideline.protocols.log.v1.BlockedBy;
import io.tideline.protocols.log.v1.BlocksChanged;
import io.tideline.protocols.log.v1.FeedWatermark;
import io.tideline.protocols.log.v1.FollowsChanged;
import io.tideline.protocols.log.v1.IntentLine;
import io.tideline.protocols.log.v1.ListChanged;
import io.tideline.protocols.log.v1.ListContent;
import io.tideline.protocols.log.v1.ListMembersChanged;
import io.tideline.protocols.log.v1.LogOffsets;
import io.tideline.protocols.log.v1.LogPosition;
import io.tideline.protocols.log.v1.LogPositions;
import io.tideline.protocols.log.v1.MuteRuleChanged;
import io.tideline.protocols.log.v1.MuteRuleContent;
import io.tideline.protocols.log.v1.MutesChanged;
import io.tideline.protocols.log.v1.PostFacts;
import io.tideline.protocols.log.v1.PostLine;
import io.tideline.protocols.log.v1.PostLineKind;
import io.tideline.protocols.log.v1.ReadMarked;
import io.tideline.protocols.log.v1.RelatedPost;
import io.tideline.protocols.log.v1.TagsChanged;
import io.tideline.protocols.log.v1.UserErased;
import io.tideline.protocols.v1.Media;
import io.tideline.protocols.v1.Post;
import io.tideline.protocols.v1.PostKind;
import io.tideline.protocols.v1.PostReference;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** One line of each kind, as it was first written: logs keep such bytes for ever. */
class LogLineFormatTest {
  private static final PostId POST = PostId.parse("01KAGVPN7V003G7DJ6JZSWDQN4");
  private static final PostId PARENT = PostId.parse("01KAGVPN7V003G7DJ6JZSWDQN3");
  private static final PostId ROOT = PostId.parse("01KAGVPN7V003G7DJ6JZSWDQN2");
  private static final PostId ORIGINAL = PostId.parse("01KAGVPN7V003G7DJ6JZSWDQN1");
  private static final long VERSION = HybridClock.ofMillis(1_763_650_000_123L) + 7;

  private static final Map<String, String> RECORDED = Recordings.of("log-lines.properties");

  record Line(String kind, Message message) {
    @Override
    public String toString() {
      return kind;
    }
  }

  static List<Line> lines() {
    return List.of(
        new Line("published", published()),
        new Line("edited", edited()),
        new Line("deleted", deleted()),
        new Line("erased", erased()),
        new Line("follows_changed", followsChanged()),
        new Line("read_marked", readMarked()),
        new Line("tags_changed", tagsChanged()),
        new Line("mutes_changed", mutesChanged()),
        new Line("blocks_changed", blocksChanged()),
        new Line("mute_rule_changed", muteRuleChanged()),
        new Line("list_changed", listChanged()),
        new Line("list_members_changed", listMembersChanged()),
        new Line("blocked_by", blockedBy()),
        new Line("user_erased", userErased()),
        new Line("applied_positions", appliedPositions()),
        new Line("backfill", backfill()));
  }

  @ParameterizedTest
  @MethodSource("lines")
  void a_recorded_line_is_still_read(Line line) throws InvalidProtocolBufferException {
    byte[] bytes = HexFormat.of().parseHex(requireNonNull(RECORDED.get(line.kind())));

    assertThat(line.message().getParserForType().parseFrom(bytes)).isEqualTo(line.message());
  }

  @ParameterizedTest
  @MethodSource("lines")
  void a_line_is_still_written_as_recorded(Line line) {
    assertThat(HexFormat.of().formatHex(line.message().toByteArray()))
        .isEqualTo(RECORDED.get(line.kind()));
  }

  @Test
  void every_kind_of_line_is_recorded() {
    Set<PostLineKind> kinds = EnumSet.allOf(PostLineKind.class);
    kinds.removeAll(Set.of(PostLineKind.POST_LINE_KIND_UNSPECIFIED, PostLineKind.UNRECOGNIZED));
    Stream<String> postLines =
        kinds.stream().map(k -> k.name().replace("POST_LINE_KIND_", "").toLowerCase(Locale.ROOT));
    Stream<String> intentLines =
        Arrays.stream(IntentLine.IntentCase.values())
            .filter(intent -> intent != IntentLine.IntentCase.INTENT_NOT_SET)
            .map(intent -> intent.name().toLowerCase(Locale.ROOT));

    Set<String> kindsOfLines =
        Stream.concat(postLines, intentLines).collect(Collectors.toCollection(HashSet::new));
    // Beside positions.
    kindsOfLines.add("backfill");

    assertThat(RECORDED.keySet())
        .isEqualTo(kindsOfLines)
        .isEqualTo(lines().stream().map(Line::kind).collect(Collectors.toSet()));
  }

  private static PostLine published() {
    return PostLine.newBuilder()
        .setKind(PostLineKind.POST_LINE_KIND_PUBLISHED)
        .setPostId(POST.toByteString())
        .setAuthorId("ann")
        .setVersion(VERSION)
        .setOriginCell(1)
        .setSequence(42)
        .setWriterEpoch(3)
        .setFacts(facts())
        .setPost(post().build().toByteString())
        .build();
  }

  private static PostLine edited() {
    Post post = post().setText("New words").setEditedAtMillis(1_763_650_060_000L).build();
    return published().toBuilder()
        .setKind(PostLineKind.POST_LINE_KIND_EDITED)
        .setVersion(VERSION + 1)
        .setSequence(43)
        .setPost(post.toByteString())
        .build();
  }

  private static PostLine deleted() {
    return PostLine.newBuilder()
        .setKind(PostLineKind.POST_LINE_KIND_DELETED)
        .setPostId(POST.toByteString())
        .setAuthorId("ann")
        .setVersion(VERSION + 2)
        .setOriginCell(1)
        .setSequence(44)
        .setWriterEpoch(3)
        .build();
  }

  private static PostLine erased() {
    return PostLine.newBuilder()
        .setKind(PostLineKind.POST_LINE_KIND_ERASED)
        .setAuthorId("ann")
        .setVersion(VERSION + 3)
        .setOriginCell(1)
        .setSequence(45)
        .setWriterEpoch(3)
        .build();
  }

  private static PostFacts facts() {
    return PostFacts.newBuilder()
        .addTags("tide")
        .addTags("moon")
        .setLanguage("en")
        .addMentions("bob")
        .setParent(related(PARENT, "bob", true))
        .setRoot(related(ROOT, "cid", true))
        .setOriginal(related(ORIGINAL, "", false))
        .build();
  }

  private static RelatedPost related(PostId id, String author, boolean known) {
    return RelatedPost.newBuilder()
        .setPostId(id.toByteString())
        .setAuthorId(author)
        .setKnown(known)
        .build();
  }

  private static Post.Builder post() {
    return Post.newBuilder()
        .setPostId(POST.toString())
        .setAuthorId("ann")
        .setKind(PostKind.POST_KIND_IMAGE)
        .setText("Words")
        .setTitle("Title")
        .addLinks("https://tideline.example/a")
        .addMedia(
            Media.newBuilder()
                .setUrl("https://tideline.example/a.png")
                .setMimeType("image/png")
                .setDescription("A wave")
                .setWidth(640)
                .setHeight(480)
                .setDurationMillis(5))
        .setLanguage("en")
        .addTags("tide")
        .addTags("moon")
        .addMentions("bob")
        .putAttributes("mood", "calm")
        .setReplyTo(reference(PARENT, "bob"))
        .setThreadRoot(reference(ROOT, "cid"))
        .setRepostOf(reference(ORIGINAL, ""))
        .setCreatedAtMillis(1_763_650_000_123L)
        .setVersion(VERSION);
  }

  private static PostReference reference(PostId id, String author) {
    return PostReference.newBuilder().setPostId(id.toString()).setAuthorId(author).build();
  }

  private static IntentLine followsChanged() {
    return intent(5)
        .setFollowsChanged(
            FollowsChanged.newBuilder()
                .addTargetIds("bob")
                .addTargetIds("cid")
                .setActive(true)
                .setWithoutReposts(true)
                .addLanguages("en")
                .addLanguages("de-AT"))
        .build();
  }

  private static IntentLine readMarked() {
    LogOffsets log =
        LogOffsets.newBuilder()
            .setCell(1)
            .setIncarnation(0x9f3c01aa)
            .addNextOffsets(18)
            .addNextOffsets(0)
            .addNextOffsets(301)
            .build();
    return intent(6)
        .setReadMarked(
            ReadMarked.newBuilder()
                .setSurface("home")
                .setWatermark(
                    FeedWatermark.newBuilder()
                        .setPositions(LogPositions.newBuilder().addLogs(log))
                        .setRulesAt(VERSION - 1)
                        .setFloorPostId(ROOT.toByteString())
                        .setNewestPostId(POST.toByteString())))
        .build();
  }

  private static IntentLine tagsChanged() {
    return intent(7)
        .setTagsChanged(TagsChanged.newBuilder().addTags("tide").addTags("moon").setActive(true))
        .build();
  }

  private static IntentLine mutesChanged() {
    return intent(8)
        .setMutesChanged(
            MutesChanged.newBuilder()
                .addTargetIds("bob")
                .addTargetIds("cid")
                .setActive(true)
                .setUntilMillis(1_763_736_400_000L))
        .build();
  }

  private static IntentLine blocksChanged() {
    return intent(9)
        .setBlocksChanged(
            BlocksChanged.newBuilder().addTargetIds("bob").addTargetIds("cid").setActive(true))
        .build();
  }

  private static IntentLine muteRuleChanged() {
    MuteRuleContent content =
        MuteRuleContent.newBuilder()
            .setName("No spoilers")
            .setWords("the end")
            .setWarn(true)
            .setUntilMillis(1_763_736_400_000L)
            .build();
    return intent(10)
        .setMuteRuleChanged(MuteRuleChanged.newBuilder().setRuleId("r1").setContent(content))
        .build();
  }

  private static IntentLine listChanged() {
    ListContent content = ListContent.newBuilder().setName("Friends").setExclusive(true).build();
    return intent(11)
        .setListChanged(ListChanged.newBuilder().setListId("l1").setContent(content))
        .build();
  }

  private static IntentLine listMembersChanged() {
    return intent(12)
        .setListMembersChanged(
            ListMembersChanged.newBuilder()
                .setListId("l1")
                .addTargetIds("bob")
                .addTargetIds("cid")
                .setActive(true))
        .build();
  }

  private static IntentLine blockedBy() {
    return intent(13)
        .setBlockedBy(BlockedBy.newBuilder().setBlockerId("bob").setActive(true))
        .build();
  }

  private static IntentLine userErased() {
    return intent(0).setUserErased(UserErased.getDefaultInstance()).build();
  }

  private static IntentLine appliedPositions() {
    return IntentLine.newBuilder()
        .setOriginCell(1)
        .setAt(VERSION)
        .setAppliedPositions(
            AppliedPositions.newBuilder()
                .addPositions(
                    LogPosition.newBuilder()
                        .setCell(2)
                        .setIncarnation(-7)
                        .setPartition(3)
                        .setOffset(1_000)))
        .build();
  }

  private static IntentLine backfill() {
    return IntentLine.newBuilder()
        .setOriginCell(1)
        .setAt(VERSION)
        .setAppliedPositions(AppliedPositions.getDefaultInstance())
        .setBackfill(
            BackfillNote.newBuilder()
                .addRequests(BackfillRequest.newBuilder().setSourceCell(2).setRequest(VERSION))
                .addProgress(
                    BackfillProgress.newBuilder()
                        .setForCell(3)
                        .setRequest(VERSION)
                        .setPosts(5)
                        .setUsers(6)
                        .addEnd(appliedPositions().getAppliedPositions().getPositions(0))))
        .build();
  }

  private static IntentLine.Builder intent(long sequence) {
    return IntentLine.newBuilder()
        .setUserId("ann")
        .setOriginCell(1)
        .setSequence(sequence)
        .setWriterEpoch(3)
        .setAt(VERSION);
  }
}
