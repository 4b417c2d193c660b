package io.tideline.multidc.apply;

import io.tideline.multidc.log.LogBounds;
import io.tideline.multidc.log.LogConsumers;
import io.tideline.multidc.log.LogSettings;
import io.tideline.multidc.log.LogTopics;
import io.tideline.multidc.log.ParkedLines;
import io.tideline.multidc.log.PoisonLineException;
import io.tideline.multidc.log.Stamp;
import io.tideline.protocols.Positions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Function;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.ConsumerRecord;
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
import org.apache.pekko.stream.javadsl.Flow;
import org.apache.pekko.stream.javadsl.Keep;
import org.apache.pekko.stream.javadsl.RestartSource;
import org.apache.pekko.stream.javadsl.Sink;
import org.apache.pekko.stream.javadsl.Source;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Does what the lines of a log ask for, together with the other nodes of the cell; each has some of
 * the partitions.
 *
 * <p>A line that cannot be read is parked. Any other failure is tried again until it passes. Only
 * then does the group's offset move beyond the line.
 */
final class LogGroup {
  private static final Logger log = LoggerFactory.getLogger(LogGroup.class);
  private static final int MOST_TOGETHER = 500;
  private static final Duration FIRST_RETRY = Duration.ofMillis(200);
  private static final Duration LAST_RETRY = Duration.ofSeconds(5);
  // A group waits so long for a member that has gone without a word: a killed node, and all of them
  // after Kafka was killed.
  private static final String SESSION_MILLIS = "10000";
  private static final RestartSettings RESTART =
      RestartSettings.create(Duration.ofMillis(200), Duration.ofSeconds(3), 0.2);

  /** Says what a line asks for. */
  interface Tasks {
    /** What is to be done, in any order and perhaps more than once; empty = nothing. */
    List<Supplier<CompletionStage<Void>>> of(ConsumerRecord<byte[], byte[]> line, int incarnation)
        throws PoisonLineException;
  }

  /** Collects what lines that were read together ask for. */
  interface Batch {
    void add(ConsumerRecord<byte[], byte[]> line) throws PoisonLineException;

    /** What is to be done, in any order and perhaps more than once. */
    List<Supplier<CompletionStage<Void>>> tasks();
  }

  private final ActorSystem<?> system;
  private final LogSettings settings;
  private final LogTopics topics;
  private final ParkedLines parked;
  private final String topic;
  private final String group;
  private final int parallelism;
  private final Function<Integer, Flow<Line, Line, NotUsed>> work;
  private final LongAdder done = new LongAdder();
  private final LongAdder parkedCount = new LongAdder();
  private final LongAdder retries = new LongAdder();
  // Written by the one stream that runs.
  private volatile Positions reached = Positions.EMPTY;
  private volatile boolean stopping;
  private volatile @Nullable UniqueKillSwitch stream;
  private volatile @Nullable Reading reading;

  private record Line(CommittableMessage<byte[], byte[]> message) {
    ConsumerRecord<byte[], byte[]> record() {
      return message.record();
    }
  }

  private record Reading(int incarnation, UniqueKillSwitch stream) {}

  /** One task of a line; after the last one the line is done. */
  private record Step(Line line, Supplier<CompletionStage<Void>> task, boolean last) {}

  /**
   * One line after the other.
   *
   * @param parallelism how many tasks run at a time
   */
  LogGroup(
      ActorSystem<?> system,
      LogSettings settings,
      LogTopics topics,
      ParkedLines parked,
      String topic,
      String group,
      int parallelism,
      Tasks tasks) {
    this.system = system;
    this.settings = settings;
    this.topics = topics;
    this.parked = parked;
    this.topic = topic;
    this.group = group;
    this.parallelism = parallelism;
    this.work = incarnation -> eachLine(tasks, incarnation);
  }

  /**
   * Together what has been read while what was read before is done; then the next.
   *
   * @param parallelism how many tasks run at a time
   */
  LogGroup(
      ActorSystem<?> system,
      LogSettings settings,
      LogTopics topics,
      ParkedLines parked,
      String topic,
      String group,
      int parallelism,
      Supplier<Batch> newBatch) {
    this.system = system;
    this.settings = settings;
    this.topics = topics;
    this.parked = parked;
    this.topic = topic;
    this.group = group;
    this.parallelism = parallelism;
    this.work = incarnation -> together(newBatch);
  }

  void start() {
    stopping = false;
    stream =
        RestartSource.onFailuresWithBackoff(RESTART, this::read)
            .viaMat(KillSwitches.single(), Keep.right())
            .to(Sink.ignore())
            .run(system);
  }

  void stop() {
    stopping = true;
    UniqueKillSwitch started = stream;
    if (started != null) {
      started.shutdown();
    }
  }

  /** How many tasks this node has done. */
  long done() {
    return done.sum();
  }

  /** How many lines this node has parked. */
  long parked() {
    return parkedCount.sum();
  }

  /** How many times this node has tried again. */
  long retries() {
    return retries.sum();
  }

  /** How far this node has done another cell's log; only of what it has done itself. */
  Positions reached() {
    return reached;
  }

  /** Takes note of whether this is still the same log. */
  void observe(LogBounds bounds) {
    Reading current = reading;
    if (current != null && current.incarnation() != bounds.incarnation()) {
      current.stream().abort(new IllegalStateException(topic + " was made anew"));
    }
  }

  private Source<Done, NotUsed> read() {
    CompletionStage<Source<Done, NotUsed>> source =
        topics
            .createMissing()
            .thenCompose(made -> topics.incarnation(topic))
            .thenApply(this::readFrom);
    return Source.completionStageSource(source).mapMaterializedValue(ignored -> NotUsed.notUsed());
  }

  private Source<Done, NotUsed> readFrom(int incarnation) {
    Map<String, Object> connection = settings.connection();
    connection.putIfAbsent("session.timeout.ms", SESSION_MILLIS);
    ConsumerSettings<byte[], byte[]> consumer =
        LogConsumers.streaming(system, connection, group)
            .withGroupId(group)
            .withProperty("auto.offset.reset", "earliest");
    CommitterSettings committer =
        CommitterSettings.create(system).withMaxInterval(Duration.ofMillis(500));
    return Consumer.committableSource(consumer, Subscriptions.topics(topic))
        .viaMat(KillSwitches.single(), Keep.right())
        .map(Line::new)
        .via(work.apply(incarnation))
        .map(this::noted)
        .<Committable>map(line -> line.message().committableOffset())
        .via(Committer.flow(committer))
        .mapMaterializedValue(killSwitch -> reading(incarnation, killSwitch));
  }

  // Lines are done in their order.
  private Line noted(Line line) {
    if (!topics.own()) {
      try {
        Stamp stamp = Stamp.of(line.record().headers());
        reached =
            reached.merge(
                Positions.EMPTY.with(stamp.partition(), Math.addExact(stamp.offset(), 1)));
      } catch (PoisonLineException e) {
        log.debug("Line {} of {} was not copied", line.record().offset(), topic, e);
      }
    }
    return line;
  }

  private Flow<Line, Line, NotUsed> eachLine(Tasks tasks, int incarnation) {
    return Flow.<Line>create()
        .mapConcat(line -> steps(line, tasks, incarnation))
        .mapAsync(parallelism, step -> untilDone(step, FIRST_RETRY))
        .filter(Step::last)
        .map(Step::line);
  }

  private Flow<Line, Line, NotUsed> together(Supplier<Batch> newBatch) {
    return Flow.<Line>create()
        .batch(MOST_TOGETHER, first -> List.of(first), LogGroup::with)
        .mapAsync(
            1,
            lines ->
                allDone(lines, newBatch.get())
                    .thenApplyAsync(done -> lines, system.executionContext()))
        .mapConcat(lines -> lines);
  }

  private static List<Line> with(List<Line> before, Line next) {
    List<Line> lines = before.size() == 1 ? new ArrayList<>(before) : before;
    lines.add(next);
    return lines;
  }

  private CompletionStage<Done> allDone(List<Line> lines, Batch batch) {
    List<Step> steps = new ArrayList<>();
    for (Line line : lines) {
      try {
        batch.add(line.record());
      } catch (PoisonLineException | RuntimeException e) {
        steps.add(new Step(line, () -> park(line.record(), e), true));
      }
    }
    Line last = lines.get(lines.size() - 1);
    for (Supplier<CompletionStage<Void>> task : batch.tasks()) {
      steps.add(new Step(last, () -> attempt(last.record(), task), true));
    }
    return Source.from(steps)
        .mapAsyncUnordered(parallelism, step -> untilDone(step, FIRST_RETRY))
        .runWith(Sink.ignore(), system);
  }

  private NotUsed reading(int incarnation, UniqueKillSwitch killSwitch) {
    reading = new Reading(incarnation, killSwitch);
    return NotUsed.notUsed();
  }

  private List<Step> steps(Line line, Tasks tasks, int incarnation) {
    List<Supplier<CompletionStage<Void>>> all;
    try {
      all = tasks.of(line.record(), incarnation);
    } catch (PoisonLineException | RuntimeException e) {
      return List.of(new Step(line, () -> park(line.record(), e), true));
    }
    if (all.isEmpty()) {
      return List.of(new Step(line, () -> CompletableFuture.completedStage(null), true));
    }
    List<Step> steps = new ArrayList<>(all.size());
    for (Supplier<CompletionStage<Void>> task : all) {
      steps.add(new Step(line, () -> attempt(line.record(), task), steps.size() == all.size() - 1));
    }
    return steps;
  }

  private CompletionStage<Void> attempt(
      ConsumerRecord<byte[], byte[]> record, Supplier<CompletionStage<Void>> task) {
    return task.get()
        .handle((nothing, failure) -> outcome(record, failure))
        .thenCompose(Function.identity());
  }

  private CompletionStage<Void> outcome(
      ConsumerRecord<byte[], byte[]> record, @Nullable Throwable failure) {
    if (failure == null) {
      done.increment();
      return CompletableFuture.completedStage(null);
    }
    Throwable cause = failure instanceof CompletionException e ? e.getCause() : failure;
    return cause instanceof PoisonLineException poison
        ? park(record, poison)
        : CompletableFuture.failedStage(cause);
  }

  private CompletionStage<Void> park(ConsumerRecord<byte[], byte[]> record, Exception poison) {
    // A fault that a line brings out once it would bring out whenever it is read.
    boolean fault = poison instanceof RuntimeException;
    if (fault) {
      log.error(
          "Line {} of {}-{} cannot be done",
          record.offset(),
          record.topic(),
          record.partition(),
          poison);
    }
    String reason = fault ? poison.toString() : String.valueOf(poison.getMessage());
    return parked.park(record, reason).thenRun(() -> onParked(record, reason));
  }

  private void onParked(ConsumerRecord<byte[], byte[]> record, String reason) {
    parkedCount.increment();
    log.warn(
        "Parked line {} of {}-{}: {}", record.offset(), record.topic(), record.partition(), reason);
  }

  // Completes with a step, because Patterns.after never completes with null.
  private CompletionStage<Step> untilDone(Step step, Duration retryAfter) {
    return step.task()
        .get()
        .handle(
            (nothing, failure) ->
                failure == null
                    ? CompletableFuture.completedStage(step)
                    : retry(step, failure, retryAfter))
        .thenCompose(Function.identity());
  }

  private CompletionStage<Step> retry(Step step, Throwable failure, Duration after) {
    if (stopping) {
      return CompletableFuture.failedStage(failure);
    }
    retries.increment();
    ConsumerRecord<byte[], byte[]> record = step.line().record();
    log.warn(
        "Line {} of {}-{} is not done yet; trying again in {}",
        record.offset(),
        record.topic(),
        record.partition(),
        after,
        failure);
    Duration doubled = after.multipliedBy(2);
    Duration next = doubled.compareTo(LAST_RETRY) < 0 ? doubled : LAST_RETRY;
    return Patterns.after(after, system.classicSystem(), () -> untilDone(step, next));
  }
}
