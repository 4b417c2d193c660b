package io.tideline.node.cli;

import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Reads a home feed. */
@Command(name = "read", description = "Read a home feed, newest first.")
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
    try (FeedClient feed = client.connect()) {
      String next = cursor;
      boolean end = false;
      for (int page = 0; !end && (pages == 0 || page < pages); page++) {
        ReadFeedResponse answer = feed.call(Methods.READ_FEED, request(next));
        print(answer);
        next = answer.getNextCursor();
        end = answer.getEndOfFeed() || next.isEmpty();
      }
      if (!output.output().json()) {
        output.output().line(end ? "(end of the feed)" : "(more with --cursor " + next + ")");
      }
    }
    return ExitCode.OK;
  }

  private ReadFeedRequest request(String from) {
    return ReadFeedRequest.newBuilder()
        .setUserId(user)
        .setPageSize(pageSize)
        .setCursor(from)
        .setConsistencyToken(consistencyToken)
        .build();
  }

  private void print(ReadFeedResponse answer) {
    if (output.output().json()) {
      output.output().message(answer);
    } else {
      answer.getCardsList().forEach(card -> output.output().line(FeedText.card(card)));
    }
  }
}
