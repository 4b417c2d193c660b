package io.tideline.multidc.mirror;

import io.tideline.multidc.log.LogBounds;
import io.tideline.multidc.log.LogSettings;
import io.tideline.multidc.log.LogTopics;
import io.tideline.multidc.log.OtherCell;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.Positions;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;

/**
 * Whether this cell has applied another one's logs up to some place. Asks the brokers, so it holds
 * whoever has applied them and however often nodes have started since.
 */
public final class Arrived implements AutoCloseable {
  private final LogSettings settings;
  private final OtherCell cell;
  private final Positions places;
  private final LogTopics source;
  private final LogTopics copies;
  private final Executor blocking;
  // By topic: where the copies ended when all of it had been copied.
  private final Map<String, LogBounds> copied = new ConcurrentHashMap<>();

  /**
   * @param places in both logs of the cell
   * @param blocking where threads may wait
   */
  public Arrived(LogSettings settings, OtherCell cell, Positions places, Executor blocking) {
    this.settings = settings;
    this.cell = cell;
    this.places = places;
    this.source = LogTopics.of(cell, settings);
    this.copies = LogTopics.copiesOf(cell, settings);
    this.blocking = blocking;
  }

  public Positions places() {
    return places;
  }

  @Override
  public void close() {
    source.close();
    copies.close();
  }

  /** Ask again later if not. */
  public CompletionStage<Boolean> now() {
    CompletionStage<Boolean> all = CompletableFuture.completedStage(true);
    for (String topic : List.of(source.posts(), source.intents())) {
      all =
          all.thenCompose(before -> before ? now(topic) : CompletableFuture.completedStage(false));
    }
    return all;
  }

  private CompletionStage<Boolean> now(String topic) {
    LogBounds then = copied.get(topic);
    return then == null
        ? source
            .bounds(topic)
            .thenCombine(copies.bounds(topic), Both::new)
            .thenApplyAsync(bounds -> isCopied(topic, bounds), blocking)
            .thenCompose(is -> is ? now(topic) : CompletableFuture.completedStage(false))
        : copies.bounds(topic).thenApply(now -> isApplied(then, now));
  }

  private record Both(LogBounds origin, LogBounds copy) {}

  private boolean isCopied(String topic, Both bounds) {
    Map<Integer, LastStamps.Copied> last = LastStamps.of(topic, bounds.copy, settings);
    boolean all =
        bounds.origin.partitions().entrySet().stream()
            .allMatch(
                each -> {
                  LogPartition partition =
                      new LogPartition(cell.number(), bounds.origin.incarnation(), each.getKey());
                  LastStamps.Copied copy = last.get(each.getKey());
                  long wanted = places.next(partition);
                  return places.knows(partition)
                      && (wanted <= each.getValue().begin()
                          || (copy != null
                              && copy.stamp().partition().equals(partition)
                              && copy.stamp().offset() + 1 >= wanted));
                });
    if (all) {
      copied.put(topic, bounds.copy);
    }
    return all;
  }

  private static boolean isApplied(LogBounds then, LogBounds now) {
    return now.incarnation() == then.incarnation()
        && then.partitions().entrySet().stream()
            .allMatch(
                each -> {
                  LogBounds.Partition is = now.partitions().get(each.getKey());
                  return is != null && is.done() >= each.getValue().end();
                });
  }
}
