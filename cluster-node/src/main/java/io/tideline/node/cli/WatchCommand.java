package io.tideline.node.cli;

import io.tideline.protocols.v1.Card;
import io.tideline.protocols.v1.UnreadCount;
import io.tideline.protocols.v1.WatchFeedRequest;
import io.tideline.protocols.v1.WatchFeedResponse;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Shows what happens in a feed while it happens. */
@Command(name = "watch", description = "Show what happens in a feed, from now on; Ctrl-C ends it.")
final class WatchCommand implements Callable<Integer> {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private ClientOptions client = new ClientOptions();
  @Mixin private OutputOptions output = new OutputOptions();

  @Parameters(index = "0", paramLabel = "USER", description = "whose feed")
  private String user = "";

  @Option(
      names = "--cursor",
      paramLabel = "CURSOR",
      description = "where to resume, as an earlier watch or read printed it")
  private String cursor = "";

  @Option(
      names = "--list",
      paramLabel = "LIST",
      description = "watch the feed of one of the user's lists")
  private String list = "";

  @Option(
      names = "--limit",
      paramLabel = "N",
      defaultValue = "0",
      description = "end after so many changes, 0 = never (default)")
  private int limit;

  @Override
  public Integer call() {
    if (limit < 0) {
      throw new ParameterException(spec.commandLine(), "--limit must not be negative.");
    }
    var seen = new CompletableFuture<Void>();
    var shown = new AtomicInteger();
    try (FeedClient feed = client.connect();
        FeedWatch watch =
            FeedWatch.open(
                feed,
                WatchFeedRequest.newBuilder()
                    .setUserId(user)
                    .setListId(list)
                    .setCursor(cursor)
                    .build(),
                0,
                PATIENCE,
                message -> {
                  if (seen.isDone()) return;
                  boolean isLast = show(message) && shown.incrementAndGet() == limit;
                  if (isLast || output.output().isClosed()) seen.complete(null);
                })) {
      CompletableFuture.anyOf(seen, watch.ended()).join();
    }
    return ExitCode.OK;
  }

  /** Whether the message was a change of the feed. */
  private boolean show(WatchFeedResponse message) {
    Output out = output.output();
    if (out.json()) out.message(message);
    String text =
        switch (message.getChangeCase()) {
          case ADDED -> "+ " + card(message, message.getAdded());
          case CHANGED -> "~ " + card(message, message.getChanged());
          case REMOVED_POST_ID -> "- " + message.getRemovedPostId();
          case UNREAD -> "(%s unread)".formatted(unread(message.getUnread()));
          case HEARTBEAT, END, CHANGE_NOT_SET -> "";
        };
    if (!text.isEmpty()) out.note(text);
    return message.hasAdded() || message.hasChanged() || message.hasRemovedPostId();
  }

  private static String card(WatchFeedResponse message, Card card) {
    return FeedText.card(card, message.getReason(), message.getWarningsList());
  }

  private static String unread(UnreadCount unread) {
    return FeedText.count(unread.getCount(), unread.getAtLeast());
  }
}
