package io.tideline.multidc.apply;

import io.tideline.multidc.log.LogBounds;
import io.tideline.multidc.log.LogSettings;
import io.tideline.multidc.log.LogTopics;
import io.tideline.multidc.log.LogWriter;
import io.tideline.multidc.log.ParkedLines;
import io.tideline.multidc.log.PoisonLineException;
import io.tideline.multidc.log.PostLines;
import io.tideline.multidc.log.SaidAgain;
import io.tideline.multidc.log.Stamp;
import io.tideline.persistence.posts.PostStore;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.log.v1.PostLine;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.pekko.actor.typed.ActorSystem;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes a posts log to the post store, this cell's own or the copy of another cell's. The group's
 * offsets say what the store has, and the memory of every node relies on them.
 */
public final class PostStoreWriter {
  private static final Logger log = LoggerFactory.getLogger(PostStoreWriter.class);

  private final int cell;
  private final int here;
  private final LogTopics topics;
  private final PostStore store;
  private final @Nullable LogWriter writer;
  private final LogGroup group;

  /**
   * @param cell the one that wrote the log
   * @param here this one
   * @param writer appends what makes one post of several under one key; {@code null} = there are no
   *     other cells, and no such posts
   */
  public PostStoreWriter(
      ActorSystem<?> system,
      LogSettings settings,
      int cell,
      int here,
      LogTopics topics,
      PostStore store,
      @Nullable LogWriter writer,
      ParkedLines parked) {
    this.cell = cell;
    this.here = here;
    this.topics = topics;
    this.store = store;
    this.writer = writer;
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

  /** How far this node has stored another cell's log; only of what it has stored itself. */
  public Positions reached() {
    return group.reached();
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
    SaidAgain again = SaidAgain.of(record.headers());
    if (again != null && !again.cells().contains(here)) {
      return List.of();
    }
    PostLine line = PostLines.parse(record.value());
    Stamp before = again == null ? null : again.arrival();
    Stamp arrival = before == null ? at(record, incarnation) : before;
    return List.of(
        () ->
            write(line, arrival, again == null)
                .exceptionallyCompose(PostStoreWriter::poisonIfRefused));
  }

  private Stamp at(ConsumerRecord<byte[], byte[]> record, int incarnation)
      throws PoisonLineException {
    return topics.own()
        ? new Stamp(new LogPartition(cell, incarnation, record.partition()), record.offset())
        : Stamp.of(record.headers());
  }

  private CompletionStage<Void> write(PostLine line, Stamp at, boolean first) {
    LogWriter own = writer;
    if (own == null) {
      return store.write(line, at.partition(), at.offset());
    }
    CompletionStage<Void> stored = store.writeWithKey(line, at.partition(), at.offset());
    // Who says a line again has looked already, and looks at what this cell has accepted.
    return first
        ? stored
            .thenCompose(done -> store.linesAfter(line, here))
            .thenCompose(lines -> append(lines, own))
        : stored;
  }

  private static CompletionStage<Void> append(List<PostLine> lines, LogWriter writer) {
    CompletionStage<Void> appended = CompletableFuture.completedStage(null);
    for (PostLine line : lines) {
      log.info(
          "One key in several cells: appending {} of post {} of {}",
          line.getKind(),
          PostId.fromBytes(line.getPostId()),
          line.getAuthorId());
      appended = appended.thenCompose(before -> writer.append(line));
    }
    return appended;
  }

  private static CompletionStage<Void> poisonIfRefused(Throwable failure) {
    Throwable cause = failure instanceof CompletionException e ? e.getCause() : failure;
    return CompletableFuture.failedStage(
        cause instanceof IllegalArgumentException
            ? new PoisonLineException(String.valueOf(cause.getMessage()))
            : cause);
  }
}
