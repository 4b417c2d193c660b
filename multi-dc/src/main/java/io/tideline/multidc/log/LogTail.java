package io.tideline.multidc.log;

import io.tideline.persistence.posts.ErasedAuthors;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.Positions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.LongAdder;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.pekko.Done;
import org.apache.pekko.NotUsed;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.kafka.ConsumerSettings;
import org.apache.pekko.kafka.Subscriptions;
import org.apache.pekko.kafka.javadsl.Consumer;
import org.apache.pekko.stream.KillSwitches;
import org.apache.pekko.stream.RestartSettings;
import org.apache.pekko.stream.UniqueKillSwitch;
import org.apache.pekko.stream.javadsl.Keep;
import org.apache.pekko.stream.javadsl.RestartSource;
import org.apache.pekko.stream.javadsl.Sink;
import org.apache.pekko.stream.javadsl.Source;
import org.jspecify.annotations.Nullable;
import scala.concurrent.ExecutionContextExecutor;

/**
 * Reads a whole posts log on this node, this cell's own or the copy of another cell's, and has it
 * applied, whatever becomes of the broker.
 */
public final class LogTail {
  private static final int MAX_BATCH = 1_000;
  private static final Duration MOMENT = Duration.ofMillis(100);
  private static final RestartSettings RESTART =
      RestartSettings.create(Duration.ofMillis(200), Duration.ofSeconds(3), 0.2);

  private final ActorSystem<?> system;
  private final LogSettings settings;
  private final LogTopics topics;
  private final LineApplier applier;
  private final ExecutionContextExecutor thread;
  private final LongAdder starts = new LongAdder();
  private volatile @Nullable UniqueKillSwitch stream;
  private volatile @Nullable UniqueKillSwitch reading;

  /**
   * @param cell the one that wrote the log
   * @param here this one
   * @param maxReferences how many lines to begin before the end of the log
   * @param whenApplied runs, on the thread that applies all logs, after {@link #applied} has moved
   */
  public LogTail(
      ActorSystem<?> system,
      LogSettings settings,
      int cell,
      int here,
      LogTopics topics,
      long maxReferences,
      RecentPosts recent,
      Interest interest,
      HybridClock clock,
      PostListener listener,
      ErasedAuthors erased,
      Runnable whenApplied) {
    this.system = system;
    this.settings = settings;
    this.topics = topics;
    this.thread =
        system
            .dispatchers()
            .lookup(DispatcherSelector.fromConfig("tideline.multi-dc.log.tail-dispatcher"));
    this.applier =
        new LineApplier(
            settings,
            cell,
            here,
            topics,
            maxReferences,
            recent,
            interest,
            clock,
            listener,
            erased,
            thread,
            this::later,
            whenApplied);
  }

  public void start() {
    stream =
        RestartSource.onFailuresWithBackoff(RESTART, this::readOn)
            .viaMat(KillSwitches.single(), Keep.right())
            .to(Sink.ignore())
            .run(system);
  }

  public void stop() {
    applier.stop();
    UniqueKillSwitch started = stream;
    if (started != null) {
      started.shutdown();
    }
  }

  /** Applies nothing more until {@link #resume}. */
  public void pause() {
    applier.pause();
  }

  public void resume() {
    applier.resume();
  }

  /** Every line below is in every inbox that wants it. */
  public Positions applied() {
    return applier.applied();
  }

  /** As {@link LineApplier#unsettled}. */
  public Positions unsettled() {
    return applier.unsettled();
  }

  /** How far the log itself has been applied; of a copy, not where that is in the original. */
  public Positions read() {
    return applier.read();
  }

  /** False while it is not known yet from where on the lines of some partition are remembered. */
  public boolean located() {
    return applier.located();
  }

  /** True once everything is applied that the log held when this node began to read it. */
  public boolean caughtUp() {
    return applier.caughtUp();
  }

  /** True while nothing is applied because the post store is too far behind. */
  public boolean heldBack() {
    return applier.heldBack();
  }

  /** How many lines this node has applied or skipped. */
  public long lines() {
    return applier.lines();
  }

  /** How many times a line was put into an inbox. */
  public long deliveries() {
    return applier.deliveries();
  }

  /** How many lines were skipped because they cannot be read. */
  public long poison() {
    return applier.poison();
  }

  /** How many times a partition had to be read from its beginning because its lines were gone. */
  public long outOfRange() {
    return applier.outOfRange();
  }

  /** How many times reading began anew after a failure. */
  public long restarts() {
    return Math.max(0, starts.sum() - 1);
  }

  /** Takes note of how far the post store has come, and of whether this is still the same log. */
  public void observe(LogBounds bounds) {
    thread.execute(() -> onBounds(bounds));
  }

  private void onBounds(LogBounds bounds) {
    UniqueKillSwitch current = reading;
    if (applier.isOf(bounds)) {
      applier.stored(bounds);
    } else if (current != null) {
      current.abort(new IllegalStateException(topics.posts() + " was made anew"));
    }
  }

  private Source<Done, NotUsed> readOn() {
    starts.increment();
    CompletionStage<Source<Done, NotUsed>> source =
        topics
            .createMissing()
            .thenCompose(made -> topics.bounds())
            .thenApplyAsync(applier::resumeAt, thread)
            .thenApply(this::readFrom);
    return Source.completionStageSource(source).mapMaterializedValue(ignored -> NotUsed.notUsed());
  }

  private Source<Done, NotUsed> readFrom(Map<Integer, Long> offsets) {
    Map<TopicPartition, Long> assignment = new HashMap<>();
    offsets.forEach(
        (number, offset) -> assignment.put(new TopicPartition(topics.posts(), number), offset));
    ConsumerSettings<byte[], byte[]> consumer =
        LogConsumers.streaming(system, settings.connection(), "tideline-log-tail-" + topics.posts())
            .withProperty("auto.offset.reset", "none");
    return Consumer.plainSource(consumer, Subscriptions.assignmentWithOffset(assignment))
        .viaMat(KillSwitches.single(), Keep.right())
        .batch(MAX_BATCH, LogTail::batchOf, LogTail::addTo)
        .mapAsync(1, this::take)
        .mapMaterializedValue(this::readingNow);
  }

  private NotUsed readingNow(UniqueKillSwitch killSwitch) {
    reading = killSwitch;
    return NotUsed.notUsed();
  }

  private static List<ConsumerRecord<byte[], byte[]>> batchOf(
      ConsumerRecord<byte[], byte[]> first) {
    return addTo(new ArrayList<>(), first);
  }

  private static List<ConsumerRecord<byte[], byte[]>> addTo(
      List<ConsumerRecord<byte[], byte[]>> batch, ConsumerRecord<byte[], byte[]> next) {
    batch.add(next);
    return batch;
  }

  private CompletionStage<Done> take(List<ConsumerRecord<byte[], byte[]>> batch) {
    CompletableFuture<Done> accepted = new CompletableFuture<>();
    thread.execute(() -> applier.take(batch, accepted));
    return accepted;
  }

  private void later(Runnable task) {
    system.scheduler().scheduleOnce(MOMENT, task, thread);
  }
}
