package io.tideline.node.cli;

import io.tideline.protocols.v1.Card;
import io.tideline.protocols.v1.EntryGroup;
import io.tideline.protocols.v1.EntryReason;
import io.tideline.protocols.v1.FeedStart;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Reads a feed. */
@Command(
    name = "read",
    description = "Read a feed: newest first, or oldest first towards newer entries.")
final class ReadCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private ClientOptions client = new ClientOptions();
  @Mixin private OutputOptions output = new OutputOptions();

  @Parameters(index = "0", paramLabel = "USER", description = "whose feed")
  private String user = "";

  @Option(
      names = "--page-size",
      paramLabel = "N",
      defaultValue = "20",
      description = "posts per page, 1-100 (default: 20)")
  private int pageSize;

  @Option(
      names = "--pages",
      paramLabel = "N",
      defaultValue = "1",
      description = "how many pages to read, 0 = all (default: 1)")
  private int pages;

  @Option(
      names = "--cursor",
      paramLabel = "CURSOR",
      description = "where to go on, as an earlier read printed it")
  private String cursor = "";

  @Option(
      names = "--from-read-position",
      description = "begin with the newest post that has been read instead of the newest")
  private boolean fromReadPosition;

  @Option(
      names = "--list",
      paramLabel = "LIST",
      description = "read the feed of one of the user's lists")
  private String list = "";

  @Option(
      names = "--group",
      description = "fold neighbours about one original, or by one author, into one row")
  private boolean group;

  @Option(
      names = "--consistency-token",
      paramLabel = "TOKEN",
      description = "from a write that must be seen")
  private String consistencyToken = "";

  @Override
  public Integer call() {
    if (pageSize < 1 || pageSize > 100) {
      throw new ParameterException(spec.commandLine(), "--page-size must be 1 to 100.");
    }
    if (pages < 0) {
      throw new ParameterException(spec.commandLine(), "--pages must not be negative.");
    }
    if (fromReadPosition && !cursor.isEmpty()) {
      throw new ParameterException(
          spec.commandLine(), "--from-read-position and --cursor: it must be one of them.");
    }
    try (FeedClient feed = client.connect()) {
      String next = cursor;
      ReadFeedResponse answer;
      int read = 0;
      do {
        answer = feed.call(Methods.READ_FEED, request(next));
        print(answer);
        next = next(answer);
      } while (!next.isEmpty() && ++read != pages);
      output.output().note(outlook(answer));
    }
    return ExitCode.OK;
  }

  /** Only a walk towards newer entries is without an older page and without the feed's end. */
  private static boolean towardsNewer(ReadFeedResponse answer) {
    return answer.getNextCursor().isEmpty() && !answer.getEndOfFeed();
  }

  /** Where the walk goes on; empty when there is nothing more now. */
  private static String next(ReadFeedResponse answer) {
    return towardsNewer(answer) && answer.getGap() > 0
        ? answer.getNewerCursor()
        : answer.getNextCursor();
  }

  private static String outlook(ReadFeedResponse answer) {
    List<String> lines = new ArrayList<>();
    if (answer.getLogChanged()) {
      lines.add("(the log is another one: something may be left out, or be there again)");
    }
    if (answer.getEndOfFeed()) lines.add("(end of the feed)");
    if (!answer.getNextCursor().isEmpty()) {
      lines.add("(more with --cursor " + answer.getNextCursor() + ")");
    }
    if (answer.getGap() > 0) {
      String newer = FeedText.count(answer.getGap(), answer.getGapAtLeast());
      lines.add("(" + newer + " newer with --cursor " + answer.getNewerCursor() + ")");
    } else if (towardsNewer(answer)) {
      lines.add("(nothing newer yet; later with --cursor " + answer.getNewerCursor() + ")");
    }
    answer.getCellsList().forEach(cell -> lines.add("(" + FeedText.reach(cell) + ")"));
    return String.join("\n", lines);
  }

  private ReadFeedRequest request(String from) {
    return ReadFeedRequest.newBuilder()
        .setUserId(user)
        .setPageSize(pageSize)
        .setCursor(from)
        .setConsistencyToken(consistencyToken)
        .setListId(list)
        .setGroup(group)
        .setStart(
            fromReadPosition ? FeedStart.FEED_START_READ_POSITION : FeedStart.FEED_START_NEWEST)
        .build();
  }

  private void print(ReadFeedResponse answer) {
    if (output.output().json()) {
      output.output().message(answer);
      return;
    }
    Map<Integer, List<String>> warnings = new HashMap<>();
    answer.getWarningsList().forEach(is -> warnings.put(is.getCard(), is.getRulesList()));
    Map<Integer, EntryGroup> groups = new HashMap<>();
    answer.getGroupsList().forEach(is -> groups.put(is.getCard(), is));
    for (int i = 0; i < answer.getCardsCount(); i++) {
      Card card = answer.getCards(i);
      EntryReason reason =
          i < answer.getReasonsCount()
              ? answer.getReasons(i)
              : EntryReason.ENTRY_REASON_UNSPECIFIED;
      List<String> warned = warnings.getOrDefault(i, List.of());
      output.output().line(FeedText.card(card, reason, warned));
      if (answer.getPerhapsSeenList().contains(i)) output.output().line("    perhaps seen before");
      EntryGroup others = groups.get(i);
      if (others != null) {
        output.output().line(FeedText.group(others, card.getPost().getPostId()));
      }
    }
  }
}
