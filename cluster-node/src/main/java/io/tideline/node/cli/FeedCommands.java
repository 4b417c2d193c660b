package io.tideline.node.cli;

import io.tideline.protocols.v1.DescribeTimelineRequest;
import io.tideline.protocols.v1.DescribeTimelineResponse;
import io.tideline.protocols.v1.ExplainEntryRequest;
import io.tideline.protocols.v1.ExplainEntryResponse;
import io.tideline.protocols.v1.GetReadStateRequest;
import io.tideline.protocols.v1.GetReadStateResponse;
import io.tideline.protocols.v1.MarkReadRequest;
import io.tideline.protocols.v1.PartitionState;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Questions about a feed, and how far it has been read. */
final class FeedCommands {
  private FeedCommands() {}

  /** Tells why a post is in a feed, or why not. */
  @Command(name = "explain", description = "Tell why a post is in a feed, or why it is not.")
  static final class Explain extends CallCommand {
    @Parameters(index = "1", paramLabel = "POST", description = "id of the post")
    private String post = "";

    @Option(names = "--list", paramLabel = "LIST", description = "in the feed of one of the lists")
    private String list = "";

    @Override
    public Integer call() {
      return show(
          Methods.EXPLAIN_ENTRY,
          ExplainEntryRequest.newBuilder()
              .setUserId(user())
              .setPostId(post)
              .setListId(list)
              .build(),
          Explain::text);
    }

    private static String text(ExplainEntryResponse why) {
      return (why.getPresent() ? "It is there: " : "It is not there: ") + why.getSentence();
    }
  }

  /** Shows what a node knows of a timeline. */
  @Command(
      name = "describe",
      description = "Show what a node knows of a user's timeline, for operators.")
  static final class Describe extends CallCommand {
    @Override
    public Integer call() {
      return show(
          Methods.DESCRIBE_TIMELINE,
          DescribeTimelineRequest.newBuilder().setUserId(user()).build(),
          Describe::text);
    }

    private static String text(DescribeTimelineResponse is) {
      StringBuilder text = new StringBuilder();
      row(text, "node", is.getNode());
      row(text, "entries", is.getEntries());
      row(text, "duplicates", is.getDuplicates());
      row(text, "floor", is.getFloorPostId().isEmpty() ? "none" : is.getFloorPostId());
      row(text, "follows", is.getFollows());
      row(text, "tags", is.getFollowedTags());
      row(text, "watchers", is.getWatchers());
      row(
          text,
          "woke up",
          "%s, in %,d µs".formatted(is.getLastActivation(), is.getLastActivationMicros()));
      text.append("%12s %12s %12s  PARTITION".formatted("CHECKPOINT", "TIMELINE", "NODE"));
      for (PartitionState partition : is.getPartitionsList()) {
        text.append(
            "%n%12d %12d %12d  %s"
                .formatted(
                    partition.getCheckpointOffset(),
                    partition.getTimelineOffset(),
                    partition.getNodeOffset(),
                    partition.getPartition()));
      }
      return text.toString();
    }

    private static void row(StringBuilder text, String name, Object value) {
      text.append("%-12s %s%n".formatted(name, value));
    }
  }

  /** Moves the read position. */
  @Command(name = "mark-read", description = "Move the read position of a feed forward.")
  static final class MarkRead extends CallCommand {
    @Spec private CommandSpec spec = CommandSpec.create();

    @Parameters(
        index = "1",
        arity = "0..1",
        paramLabel = "POST",
        description = "everything up to this post has been read")
    private String post = "";

    @Option(
        names = "--cursor",
        paramLabel = "CURSOR",
        description = "everything that was there when this cursor's walk began has been read")
    private String cursor = "";

    @Option(names = "--list", paramLabel = "LIST", description = "in the feed of one of the lists")
    private String list = "";

    @Option(
        names = "--expected",
        paramLabel = "POST",
        description =
            "only if the position is at this post; NONE: only if there is none yet. Such a call is"
                + " not repeated at another node")
    private String expected = "";

    @Override
    public Integer call() {
      if (post.isEmpty() == cursor.isEmpty()) {
        throw new ParameterException(
            spec.commandLine(), "POST and --cursor: it must be one of them.");
      }
      return show(
          Methods.MARK_READ,
          MarkReadRequest.newBuilder()
              .setUserId(user())
              .setPostId(post)
              .setCursor(cursor)
              .setListId(list)
              .setExpectedBase(expected)
              .build(),
          marked -> FeedText.readUpTo(marked.getReadPostId()));
    }
  }

  /** Counts what is unread. */
  @Command(
      name = "unread",
      description = "Count what is unread: what is newer than what was read, or arrived later.")
  static final class Unread extends CallCommand {
    @Option(names = "--list", paramLabel = "LIST", description = "in the feed of one of the lists")
    private String list = "";

    @Option(
        names = "--consistency-token",
        paramLabel = "TOKEN",
        description = "from a write that must be seen")
    private String consistencyToken = "";

    @Override
    public Integer call() {
      return show(
          Methods.GET_READ_STATE,
          GetReadStateRequest.newBuilder()
              .setUserId(user())
              .setListId(list)
              .setConsistencyToken(consistencyToken)
              .build(),
          Unread::text);
    }

    private static String text(GetReadStateResponse state) {
      return FeedText.count(state.getUnreadCount(), state.getAtLeast())
          + " unread, "
          + FeedText.readUpTo(state.getReadPostId());
    }
  }
}
