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
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Function;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.pekko.Done;
import org.apache.pekko.NotUsed;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.kafka.CommitterSettings;
import org.apache.pekko.kafka.ConsumerMessage.Committable;
import org.apache.pekko.kafka.ConsumerMessage.CommittableMessage;
import org.apache.pekko.kafka.ConsumerSettings;
import org.apache.pekko.kafka.Subscriptions;
import org.apache.pekko.kafka.javadsl.Committer;
import org.apache.pekko.kafka.javadsl.Consumer;
import org.apache.pekko.pattern.Patterns;
import org.apache.pekko.stream.KillSwitches;
import org.apache.pekko.stream.RestartSettings;
import org.apache.pekko.stream.UniqueKillSwitch;
import org.apache.pekko.stream.javadsl.Keep;
import org.apache.pekko.stream.javadsl.RestartSource;
import org.apache.pekko.stream.javadsl.Sink;
import org.apache.pekko.stream.javadsl.Source;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes the posts log to the post store, together with the other nodes of the cell; each has some
 * of the partitions.
 *
 * <p>A line that cannot be read is parked. Any other failure is tried again until it passes: the
 * group's offsets say what the store has, and the memory of every node relies on them.
 */
public final class PostStoreWriter {
  private static final Logger log = LoggerFactory.getLogger(PostStoreWriter.class);
  private static final Duration FIRST_RETRY = Duration.ofMillis(200);
  private static final Duration LAST_RETRY = Duration.ofSeconds(5);
  private static final RestartSettings RESTART =
      RestartSettings.create(Duration.ofMillis(200), Duration.ofSeconds(3), 0.2);

  private final ActorSystem<?> system;
  private final LogSettings settings;
  private final int cell;
  private final LogTopics topics;
  private final PostStore store;
  private final ParkedLines parked;
  private final LongAdder written = new LongAdder();
  private final LongAdder parkedCount = new LongAdder();
  private final LongAdder retries = new LongAdder();
  private volatile boolean stopping;
  private volatile @Nullable UniqueKillSwitch stream;
  private volatile @Nullable Reading reading;

  private record Reading(int incarnation, UniqueKillSwitch stream) {}

  public PostStoreWriter(
      ActorSystem<?> system,
      LogSettings settings,
      int cell,
      LogTopics topics,
      PostStore store,
      ParkedLines parked) {
    this.system = system;
    this.settings = settings;
    this.cell = cell;
    this.topics = topics;
    this.store = store;
    this.parked = parked;
  }

  public void start() {
    stream =
        RestartSource.onFailuresWithBackoff(RESTART, this::write)
            .viaMat(KillSwitches.single(), Keep.right())
            .to(Sink.ignore())
            .run(system);
  }

  public void stop() {
    stopping = true;
    UniqueKillSwitch started = stream;
    if (started != null) {
      started.shutdown();
    }
  }

  /** How many lines this node has written. */
  public long written() {
    return written.sum();
  }

  /** How many lines this node has parked. */
  public long parked() {
    return parkedCount.sum();
  }

  /** How many times this node has tried again. */
  public long retries() {
    return retries.sum();
  }

  /** Takes note of whether this is still the same log. */
  public void observe(LogBounds bounds) {
    Reading current = reading;
    if (current != null && current.incarnation() != bounds.incarnation()) {
      current.stream().abort(new IllegalStateException("the posts log was made anew"));
    }
  }

  private Source<Done, NotUsed> write() {
    CompletionStage<Source<Done, NotUsed>> source =
        topics
            .createMissing()
            .thenCompose(made -> topics.incarnation(topics.posts()))
            .thenApply(this::writeFrom);
    return Source.completionStageSource(source).mapMaterializedValue(ignored -> NotUsed.notUsed());
  }

  private Source<Done, NotUsed> writeFrom(int incarnation) {
    ConsumerSettings<byte[], byte[]> consumer =
        ConsumerSettings.create(system, new ByteArrayDeserializer(), new ByteArrayDeserializer())
            .withProperties(settings.clientProperties())
            .withBootstrapServers(settings.bootstrapServers())
            .withClientId("tideline-post-store-writer")
            .withGroupId(topics.postStoreGroup())
            .withProperty("auto.offset.reset", "earliest")
            .withStopTimeout(Duration.ZERO)
            .withCloseTimeout(Duration.ofSeconds(1));
    CommitterSettings committer =
        CommitterSettings.create(system).withMaxInterval(Duration.ofMillis(500));
    return Consumer.committableSource(consumer, Subscriptions.topics(topics.posts()))
        .viaMat(KillSwitches.single(), Keep.right())
        .mapAsync(settings.storeParallelism(), message -> write(message, incarnation))
        .via(Committer.flow(committer))
        .mapMaterializedValue(killSwitch -> reading(incarnation, killSwitch));
  }

  private NotUsed reading(int incarnation, UniqueKillSwitch killSwitch) {
    reading = new Reading(incarnation, killSwitch);
    return NotUsed.notUsed();
  }

  private CompletionStage<Committable> write(
      CommittableMessage<byte[], byte[]> message, int incarnation) {
    ConsumerRecord<byte[], byte[]> record = message.record();
    return untilDone(() -> write(record, incarnation), FIRST_RETRY)
        .thenApply(done -> message.committableOffset());
  }

  private CompletionStage<Void> write(ConsumerRecord<byte[], byte[]> record, int incarnation) {
    PostLine line;
    try {
      line = PostLines.parse(record.value());
    } catch (PoisonLineException e) {
      return park(record, String.valueOf(e.getMessage()));
    }
    LogPartition partition = new LogPartition(cell, incarnation, record.partition());
    return store
        .write(line, partition, record.offset())
        .handle((done, failure) -> outcome(record, failure))
        .thenCompose(Function.identity());
  }

  private CompletionStage<Void> outcome(
      ConsumerRecord<byte[], byte[]> record, @Nullable Throwable failure) {
    if (failure == null) {
      written.increment();
      return CompletableFuture.completedStage(null);
    }
    Throwable cause = failure instanceof CompletionException e ? e.getCause() : failure;
    return cause instanceof IllegalArgumentException
        ? park(record, String.valueOf(cause.getMessage()))
        : CompletableFuture.failedStage(cause);
  }

  private CompletionStage<Void> park(ConsumerRecord<byte[], byte[]> record, String reason) {
    return parked.park(record, reason).thenRun(() -> onParked(record, reason));
  }

  private void onParked(ConsumerRecord<byte[], byte[]> record, String reason) {
    parkedCount.increment();
    log.warn(
        "Parked line {} of {}-{}: {}", record.offset(), record.topic(), record.partition(), reason);
  }

  private CompletionStage<Void> untilDone(
      Supplier<CompletionStage<Void>> attempt, Duration retryAfter) {
    return attempt
        .get()
        .handle((done, failure) -> failure == null ? null : retry(attempt, failure, retryAfter))
        .thenCompose(retried -> retried == null ? CompletableFuture.completedStage(null) : retried);
  }

  private CompletionStage<Void> retry(
      Supplier<CompletionStage<Void>> attempt, Throwable failure, Duration after) {
    if (stopping) {
      return CompletableFuture.failedStage(failure);
    }
    retries.increment();
    log.warn("A line is not stored yet; trying again in {}", after, failure);
    Duration doubled = after.multipliedBy(2);
    Duration next = doubled.compareTo(LAST_RETRY) < 0 ? doubled : LAST_RETRY;
    // With Done, because what completes with null never completes the result of this.
    return Patterns.after(
            after,
            system.classicSystem(),
            () -> untilDone(attempt, next).thenApply(stored -> Done.getInstance()))
        .thenAccept(stored -> {});
  }
}
