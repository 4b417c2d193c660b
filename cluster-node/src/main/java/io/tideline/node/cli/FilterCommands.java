package io.tideline.node.cli;

import io.tideline.protocols.v1.BlockRequest;
import io.tideline.protocols.v1.GetFiltersRequest;
import io.tideline.protocols.v1.GetFiltersResponse;
import io.tideline.protocols.v1.MuteMode;
import io.tideline.protocols.v1.MuteRequest;
import io.tideline.protocols.v1.MuteRule;
import io.tideline.protocols.v1.UnblockRequest;
import io.tideline.protocols.v1.UnmuteRequest;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Whom a user does not want to see, and a look at everything that is hidden. */
final class FilterCommands {
  private FilterCommands() {}

  /** Hides somebody. */
  @Command(
      name = "mute",
      description = "Hide posts by, reposts of and posts mentioning somebody.",
      footer = {"", "Example: tideline mute ann bob --for 2h"})
  static final class Mute extends CallCommand {
    @Parameters(index = "1", paramLabel = "TARGET", description = "who is hidden")
    private String target = "";

    @ArgGroup private EndOptions end = new EndOptions();

    @Override
    public Integer call() {
      var request =
          MuteRequest.newBuilder()
              .setUserId(user())
              .setTargetId(target)
              .setUntilMillis(end.untilMillis())
              .build();
      return show(
          Methods.MUTE,
          request,
          done -> user() + " mutes " + target + FeedText.until(request.getUntilMillis()));
    }
  }

  /** Shows somebody again. */
  @Command(name = "unmute", description = "Take a mute back; what it hid is there again.")
  static final class Unmute extends CallCommand {
    @Parameters(index = "1", paramLabel = "TARGET", description = "who was hidden")
    private String target = "";

    @Override
    public Integer call() {
      return show(
          Methods.UNMUTE,
          UnmuteRequest.newBuilder().setUserId(user()).setTargetId(target).build(),
          done -> user() + " does not mute " + target);
    }
  }

  /** Hides two users from each other. */
  @Command(name = "block", description = "Hide somebody, and the user from that one.")
  static final class Block extends CallCommand {
    @Parameters(index = "1", paramLabel = "TARGET", description = "who is blocked")
    private String target = "";

    @Override
    public Integer call() {
      return show(
          Methods.BLOCK,
          BlockRequest.newBuilder().setUserId(user()).setTargetId(target).build(),
          done -> user() + " blocks " + target);
    }
  }

  /** Hides two users from each other no longer. */
  @Command(name = "unblock", description = "Take a block back.")
  static final class Unblock extends CallCommand {
    @Parameters(index = "1", paramLabel = "TARGET", description = "who was blocked")
    private String target = "";

    @Override
    public Integer call() {
      return show(
          Methods.UNBLOCK,
          UnblockRequest.newBuilder().setUserId(user()).setTargetId(target).build(),
          done -> user() + " does not block " + target);
    }
  }

  /** Shows what is hidden. */
  @Command(name = "filters", description = "Show a user's mutes, blocks and rules.")
  static final class Show extends CallCommand {
    @Override
    public Integer call() {
      return show(
          Methods.GET_FILTERS,
          GetFiltersRequest.newBuilder().setUserId(user()).build(),
          this::text);
    }

    private String text(GetFiltersResponse filters) {
      List<String> lines = new ArrayList<>();
      for (GetFiltersResponse.Mute mute : filters.getMutesList()) {
        lines.add("mutes " + mute.getTargetId() + FeedText.until(mute.getUntilMillis()));
      }
      filters.getBlockedIdsList().forEach(blocked -> lines.add("blocks " + blocked));
      filters.getRulesList().forEach(rule -> lines.add(text(rule)));
      return lines.isEmpty() ? user() + " hides nothing" : String.join("\n", lines);
    }

    private static String text(MuteRule rule) {
      boolean warns = rule.getMode() == MuteMode.MUTE_MODE_WARN;
      return "rule %s%s %s %s%s"
          .formatted(
              rule.getRuleId(),
              rule.getName().isEmpty() ? "" : " (" + rule.getName() + ")",
              warns ? "warns of" : "hides",
              rule.hasTag() ? "#" + rule.getTag() : "`" + rule.getWords() + "`",
              FeedText.until(rule.getUntilMillis()));
    }
  }
}
