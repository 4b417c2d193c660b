package io.tideline.node.cli;

import io.tideline.protocols.v1.EraseUserRequest;
import io.tideline.protocols.v1.EraseUserResponse;
import io.tideline.protocols.v1.ErasedItem;
import java.io.Console;
import java.time.Duration;
import java.time.Instant;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Erases a user for ever. */
@Command(
    name = "erase",
    description = "Erase a user for ever, with everything it has written, and show the receipt.")
final class EraseCommand implements Callable<Integer> {
  private static final Duration PATIENCE = Duration.ofMinutes(1);

  @Mixin private ClientOptions client = new ClientOptions();
  @Mixin private OutputOptions output = new OutputOptions();

  @Parameters(index = "0", paramLabel = "USER", description = "who is to be erased")
  private String user = "";

  @Option(names = "--yes", description = "do not ask whether that is meant")
  private boolean yes;

  @Override
  public Integer call() {
    if (!yes) confirm();
    EraseUserRequest request = EraseUserRequest.newBuilder().setUserId(user).build();
    try (FeedClient feed = client.connect(PATIENCE)) {
      EraseUserResponse receipt = feed.call(Methods.ERASE_USER, request);
      if (output.output().json()) {
        output.output().message(receipt);
      } else {
        output
            .output()
            .line("%s is erased since %s".formatted(user, time(receipt.getErasedAtMillis())));
        receipt.getItemsList().forEach(item -> output.output().line(text(item)));
      }
    }
    return ExitCode.OK;
  }

  // Newer JDKs have a console that is no terminal: there the line that is read is none.
  @SuppressWarnings("SystemConsoleNull")
  private void confirm() {
    Console terminal = System.console();
    if (terminal == null) {
      throw new CommandFailure(
          ExitCode.USAGE, "erasing cannot be undone; add --yes if that is meant");
    }
    String answer =
        terminal.readLine("Erase %s for ever? This cannot be undone. Type the id again: ", user);
    if (!user.equals(answer)) {
      throw new CommandFailure(ExitCode.USAGE, "nothing was erased");
    }
  }

  private static String text(ErasedItem item) {
    String what =
        item.getWhat()
            .name()
            .replace("ERASED_DATA_", "")
            .replace('_', ' ')
            .toLowerCase(Locale.ROOT);
    String count = item.hasCount() ? " (" + item.getCount() + ")" : "";
    return item.hasDoneAtMillis()
        ? "  %s%s: gone at %s".formatted(what, count, time(item.getDoneAtMillis()))
        : "  %s%s: gone by %s".formatted(what, count, time(item.getGoesAtMillis()));
  }

  private static Instant time(long millis) {
    return Instant.ofEpochMilli(millis);
  }
}
