package io.tideline.multidc.apply;

import io.tideline.multidc.log.LogBounds;
import io.tideline.multidc.log.LogSettings;
import io.tideline.multidc.log.LogTopics;
import io.tideline.multidc.log.ParkedLines;
import io.tideline.multidc.log.PoisonLineException;
import io.tideline.multidc.log.PostLines;
import io.tideline.persistence.posts.PostStore;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.log.v1.PostLine;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.pekko.actor.typed.ActorSystem;

/**
 * Writes the posts log to the post store. The group's offsets say what the store has, and the
 * memory of every node relies on them.
 */
public final class PostStoreWriter {
  private final int cell;
  private final PostStore store;
  private final LogGroup group;

  public PostStoreWriter(
      ActorSystem<?> system,
      LogSettings settings,
      int cell,
      LogTopics topics,
      PostStore store,
      ParkedLines parked) {
    this.cell = cell;
    this.store = store;
    group =
        new LogGroup(
            system,
            settings,
            topics,
            parked,
            topics.posts(),
            topics.postStoreGroup(),
            settings.storeParallelism(),
            this::tasks);
  }

  public void start() {
    group.start();
  }

  public void stop() {
    group.stop();
  }

  /** How many lines this node has written. */
  public long written() {
    return group.done();
  }

  /** How many lines this node has parked. */
  public long parked() {
    return group.parked();
  }

  /** How many times this node has tried again. */
  public long retries() {
    return group.retries();
  }

  /** Takes note of whether this is still the same log. */
  public void observe(LogBounds bounds) {
    group.observe(bounds);
  }

  private List<Supplier<CompletionStage<Void>>> tasks(
      ConsumerRecord<byte[], byte[]> record, int incarnation) throws PoisonLineException {
    PostLine line = PostLines.parse(record.value());
    LogPartition partition = new LogPartition(cell, incarnation, record.partition());
    return List.of(
        () ->
            store
                .write(line, partition, record.offset())
                .exceptionallyCompose(PostStoreWriter::poisonIfRefused));
  }

  private static CompletionStage<Void> poisonIfRefused(Throwable failure) {
    Throwable cause = failure instanceof CompletionException e ? e.getCause() : failure;
    return CompletableFuture.failedStage(
        cause instanceof IllegalArgumentException
            ? new PoisonLineException(String.valueOf(cause.getMessage()))
            : cause);
  }
}
