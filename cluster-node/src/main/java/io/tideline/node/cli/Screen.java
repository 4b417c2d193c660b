package io.tideline.node.cli;

import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.WatchFeedRequest;
import io.tideline.protocols.v1.WatchFeedResponse;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** A feed that is watched from now on, and when each new post came to be seen. */
final class Screen implements AutoCloseable {
  private final Map<String, CompletableFuture<Long>> seen = new ConcurrentHashMap<>();
  private final Duration patience;
  private final FeedWatch watch;

  private Screen(FeedClient client, String reader, Duration patience) {
    this.patience = patience;
    String now =
        client
            .call(Methods.READ_FEED, ReadFeedRequest.newBuilder().setUserId(reader).build())
            .getNewerCursor();
    WatchFeedRequest request =
        WatchFeedRequest.newBuilder().setUserId(reader).setCursor(now).build();
    watch = FeedWatch.open(client, request, 0, patience, this::note);
  }

  static Screen of(FeedClient client, String reader, Duration patience) {
    return new Screen(client, reader, patience);
  }

  private void note(WatchFeedResponse message) {
    if (!message.hasAdded()) return;
    placeOf(message.getAdded().getPost().getPostId()).complete(System.nanoTime());
  }

  private CompletableFuture<Long> placeOf(String postId) {
    return seen.computeIfAbsent(postId, unused -> new CompletableFuture<>());
  }

  /**
   * Waits until the post is seen.
   *
   * @return when it was, as {@link System#nanoTime}; far away when it has not been for so long
   */
  long seenAt(String postId) {
    try {
      return placeOf(postId).get(patience.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      return Long.MAX_VALUE / 2;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CommandFailure(ExitCode.FAILED, "interrupted");
    } catch (ExecutionException e) {
      throw new CompletionException(e.getCause());
    }
  }

  /** Whether it is still watched. */
  boolean isOn() {
    return !watch.ended().isDone();
  }

  @Override
  public void close() {
    watch.close();
  }
}
