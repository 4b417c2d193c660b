package io.tideline.node.cli;

import java.io.PrintWriter;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.logging.Level;
import java.util.logging.Logger;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.Spec;

/** The {@code tideline} command: what people and scripts do with a cluster from a shell. */
@Command(
    name = "tideline",
    description = "A distributed home-feed engine: run it, fill it, read from it.",
    synopsisSubcommandLabel = "COMMAND",
    mixinStandardHelpOptions = true,
    versionProvider = Tideline.Version.class,
    scope = CommandLine.ScopeType.INHERIT,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      " 0:done",
      " 1:failed; the message says why",
      " 2:the command or its input is not right",
      " 3:no node answers, or the cluster cannot do it now: try again",
      " 4:there is no such thing",
      " 5:not allowed",
      " 6:rolled back: the nodes run what they ran before",
    },
    footer = {
      "",
      "`tideline COMMAND --help` tells more about a command.",
      "`tideline bench` measures it beside others; `tideline bench --help` tells more.",
    },
    subcommands = {
      UpCommand.class,
      UpgradeCommand.class,
      DemoCommand.class,
      StackCommand.class,
      ImportCommand.class,
      PostCommand.class,
      FollowCommand.class,
      UnfollowCommand.class,
      TagCommand.class,
      ListCommand.class,
      FilterCommands.Mute.class,
      FilterCommands.Unmute.class,
      FilterCommands.Block.class,
      FilterCommands.Unblock.class,
      RuleCommand.class,
      FilterCommands.Show.class,
      EraseCommand.class,
      ReadCommand.class,
      WatchCommand.class,
      FeedCommands.MarkRead.class,
      FeedCommands.Unread.class,
      FeedCommands.Explain.class,
      FeedCommands.Describe.class,
      NodesCommand.class,
      MemberCommands.Drain.class,
      MemberCommands.Leave.class,
      MemberCommands.Down.class,
      PlacementCommand.class,
      CellsCommand.class,
      ParkedCommand.class,
    })
public final class Tideline implements Runnable {
  // Complaints say what went wrong; a stack trace of the transport above them helps nobody. Held
  // here because a logger that nobody holds forgets its level.
  private static final Logger TRANSPORT = Logger.getLogger("io.grpc");

  @Spec private CommandSpec spec = CommandSpec.create();

  private Tideline() {}

  /** Runs one command and leaves with its exit code. */
  public static void main(String[] args) {
    TRANSPORT.setLevel(Level.OFF);
    System.exit(commandLine().execute(args));
  }

  static CommandLine commandLine() {
    CommandLine commandLine = new CommandLine(new Tideline());
    commandLine.setUsageHelpAutoWidth(true);
    // A post may begin with @somebody.
    commandLine.setExpandAtFiles(false);
    commandLine.setCaseInsensitiveEnumValuesAllowed(true);
    commandLine.setExecutionExceptionHandler(Tideline::complain);
    return commandLine;
  }

  private static int complain(Exception failure, CommandLine command, ParseResult parsed) {
    Throwable cause = failure;
    while ((cause instanceof CompletionException || cause instanceof ExecutionException)
        && cause.getCause() != null) {
      cause = cause.getCause();
    }
    Complaint complaint = Complaint.about(cause);
    PrintWriter err = command.getErr();
    if (wantsJson(command)) {
      err.println(complaint.json());
    } else {
      err.println(complaint.text());
    }
    err.flush();
    return complaint.exitCode();
  }

  private static boolean wantsJson(CommandLine command) {
    var option = command.getCommandSpec().findOption("--output");
    return option != null && option.getValue() == Output.Format.json;
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "Which command?");
  }

  static final class Version implements CommandLine.IVersionProvider {
    @Override
    public String[] getVersion() {
      String version = Tideline.class.getPackage().getImplementationVersion();
      return new String[] {"tideline " + (version == null ? "(not packaged)" : version)};
    }
  }
}
