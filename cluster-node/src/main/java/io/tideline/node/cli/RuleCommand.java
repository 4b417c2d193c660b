package io.tideline.node.cli;

import io.tideline.protocols.v1.DeleteMuteRuleRequest;
import io.tideline.protocols.v1.MuteMode;
import io.tideline.protocols.v1.MuteRule;
import io.tideline.protocols.v1.PutMuteRuleRequest;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Makes and deletes rules about what posts say. */
@Command(
    name = "rule",
    description = "Make and delete rules about words and tags; `filters` shows them.",
    subcommands = {RuleCommand.Put.class, RuleCommand.Delete.class})
final class RuleCommand implements Runnable {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "put or delete?");
  }

  /** Makes or replaces a rule. */
  @Command(
      name = "put",
      description = "Make or replace a rule that hides posts, or shows them with a warning.",
      footer = {"", "Example: tideline rule put ann finale --words 'last episode' --warn"})
  static final class Put extends CallCommand {
    /** What the posts say. */
    static final class What {
      @Option(
          names = "--words",
          paramLabel = "WORDS",
          description = "one or several whole words in a row; case does not matter")
      private @Nullable String words;

      @Option(
          names = "--tag",
          paramLabel = "TAG",
          converter = TagText.class,
          description = "a tag, with or without its #; case does not matter")
      private @Nullable String tag;
    }

    @Parameters(
        index = "1",
        paramLabel = "ID",
        description = "id of the rule, 1-32 characters of A-Z a-z 0-9 . _ -")
    private String id = "";

    @ArgGroup(multiplicity = "1")
    private What what = new What();

    @Option(names = "--warn", description = "show the posts with a warning instead of hiding them")
    private boolean warn;

    @Option(
        names = "--name",
        paramLabel = "NAME",
        description = "what the warning says; default: the words or the tag")
    private String name = "";

    @ArgGroup private EndOptions end = new EndOptions();

    @Override
    public Integer call() {
      MuteRule.Builder rule =
          MuteRule.newBuilder()
              .setRuleId(id)
              .setName(name)
              .setMode(warn ? MuteMode.MUTE_MODE_WARN : MuteMode.MUTE_MODE_HIDE)
              .setUntilMillis(end.untilMillis());
      if (what.words != null) rule.setWords(what.words);
      if (what.tag != null) rule.setTag(what.tag);
      return show(
          Methods.PUT_MUTE_RULE,
          PutMuteRuleRequest.newBuilder().setUserId(user()).setRule(rule).build(),
          done -> user() + " has the rule " + id + FeedText.until(rule.getUntilMillis()));
    }
  }

  /** Deletes a rule. */
  @Command(name = "delete", description = "Delete a rule; what it hid is there again.")
  static final class Delete extends CallCommand {
    @Parameters(index = "1", paramLabel = "ID", description = "id of the rule")
    private String id = "";

    @Override
    public Integer call() {
      return show(
          Methods.DELETE_MUTE_RULE,
          DeleteMuteRuleRequest.newBuilder().setUserId(user()).setRuleId(id).build(),
          done -> user() + " has no rule " + id);
    }
  }
}
