package io.tideline.multidc.mirror;

import io.tideline.multidc.log.LogBounds;
import io.tideline.multidc.log.LogConsumers;
import io.tideline.multidc.log.LogEnds;
import io.tideline.multidc.log.LogSettings;
import io.tideline.multidc.log.LogTopics;
import io.tideline.multidc.log.OtherCell;
import io.tideline.multidc.log.Stamp;
import io.tideline.protocols.LogPartition;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.pekko.Done;
import org.apache.pekko.NotUsed;
import org.apache.pekko.actor.Cancellable;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.kafka.ConsumerSettings;
import org.apache.pekko.kafka.Subscriptions;
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
 * Copies one log of another cell to this cell's Kafka: every line at least once, those of a
 * partition in order, each with where it stood. It goes on after the last copy that it finds, so
 * whoever copied before need not have stopped properly.
 */
final class LogMirror {
  private static final Logger log = LoggerFactory.getLogger(LogMirror.class);
  private static final Duration LOOK_EVERY = Duration.ofSeconds(1);
  private static final RestartSettings RESTART =
      RestartSettings.create(Duration.ofMillis(200), Duration.ofSeconds(5), 0.2);
  private static final String RECONNECT_MILLIS = "5000";
  private static final long MOST_BYTES = 1L << 20;
  // So that a batch has no more lines than readers of the copy expect to see again.
  private static final long LEAST_WEIGHT = MOST_BYTES / Stamp.MOST_IN_FLIGHT + 1;

  /** What all logs of a cell count together, on this node. */
  record Counts(LongAdder lines, LongAdder restarts, LongAdder losses) {
    Counts() {
      this(new LongAdder(), new LongAdder(), new LongAdder());
    }
  }

  private final ActorSystem<?> system;
  private final LogSettings settings;
  private final OtherCell cell;
  private final LogTopics source;
  private final LogTopics copies;
  private final String topic;
  private final BooleanSupplier mayAct;
  private final Missing missing;
  private final Counts counts;
  private final Consumer<MirrorStatus> report;
  private final Executor blocking;
  private final AtomicBoolean looking = new AtomicBoolean();
  private final Map<Integer, Long> next = new ConcurrentHashMap<>();
  // By partition, when the last line was copied, and when the copy last said where that was.
  private final Map<Integer, Long> copiedAt = new ConcurrentHashMap<>();
  private final Map<Integer, Long> keptSince = new ConcurrentHashMap<>();
  private volatile @Nullable UniqueKillSwitch stream;
  private volatile @Nullable Copying copying;
  private volatile @Nullable Cancellable looks;
  private volatile boolean stopped;
  private volatile boolean tried;
  private volatile long lookedBackNanos;
  private volatile @Nullable Producer<byte[], byte[]> producer;
  private volatile long lagLines;
  private volatile long completeAtMillis = System.currentTimeMillis();
  private volatile long copiedToMillis;
  private volatile @Nullable Look looked;

  private record Copying(int incarnation, UniqueKillSwitch stream) {}

  /** Where the log ended at some time. */
  private record Look(long atMillis, Map<Integer, Long> ends) {}

  /**
   * @param first nothing has been copied before
   * @param lost what cannot be copied any more, for people
   */
  private record Start(
      int incarnation, Map<Integer, Long> offsets, boolean first, List<String> lost) {}

  /**
   * @param topic of the two logs of that cell the one to copy
   * @param mayAct false while this node may have lost its cell, and another one copies
   * @param report told every second how it goes, on any thread
   */
  LogMirror(
      ActorSystem<?> system,
      LogSettings settings,
      OtherCell cell,
      Function<LogTopics, String> topic,
      BooleanSupplier mayAct,
      Missing missing,
      Counts counts,
      Consumer<MirrorStatus> report) {
    this.system = system;
    this.settings = settings;
    this.cell = cell;
    this.source = LogTopics.of(cell, settings);
    this.copies = LogTopics.copiesOf(cell, settings);
    this.topic = topic.apply(source);
    this.mayAct = mayAct;
    this.missing = missing;
    this.counts = counts;
    this.report = report;
    this.blocking = system.dispatchers().lookup(DispatcherSelector.blocking());
  }

  void start() {
    stream =
        RestartSource.onFailuresWithBackoff(RESTART, this::copy)
            .viaMat(KillSwitches.single(), Keep.right())
            .to(Sink.ignore())
            .run(system);
    looks =
        system
            .scheduler()
            .scheduleAtFixedRate(LOOK_EVERY, LOOK_EVERY, this::look, system.executionContext());
  }

  void stop() {
    stopped = true;
    Producer<byte[], byte[]> made = producer;
    if (made != null) {
      blocking.execute(() -> made.close(Duration.ZERO));
    }
    Cancellable looking = looks;
    if (looking != null) {
      looking.cancel();
    }
    UniqueKillSwitch started = stream;
    if (started != null) {
      started.shutdown();
    }
    source.close();
    copies.close();
  }

  // While the other cell is away nothing else says how old is what is here, nor keeps it.
  private CompletionStage<Void> lookBack() {
    long now = System.nanoTime();
    if (tried && now - lookedBackNanos < settings.retention().dividedBy(4).toNanos()) {
      return CompletableFuture.completedStage(null);
    }
    lookedBackNanos = now;
    return copies
        .bounds(topic)
        .thenApplyAsync(copy -> LastStamps.of(topic, copy, settings).values(), blocking)
        .thenComposeAsync(this::keepOld, blocking)
        .exceptionally(
            failure -> {
              log.debug("When a line of {} was copied last is unknown", topic, failure);
              return null;
            });
  }

  private CompletionStage<Void> keepOld(Collection<LastStamps.Copied> last) {
    last.stream().mapToLong(LastStamps.Copied::atMillis).max().ifPresent(this::notCompleteAfter);
    List<ProducerRecord<byte[], byte[]>> marks =
        last.stream()
            .filter(each -> isOld(each.keptSinceMillis()))
            .map(each -> CopyMark.of(topic, each.stamp(), each.atMillis()))
            .toList();
    if (marks.isEmpty() || !mayAct.getAsBoolean()) {
      return CompletableFuture.completedStage(null);
    }
    Producer<byte[], byte[]> marking = producer();
    return sendAll(marks, marking)
        .whenCompleteAsync((done, failure) -> marking.close(Duration.ZERO), blocking);
  }

  /** Whether it is time to say it again: retention takes what is older than twice that. */
  private boolean isOld(long millis) {
    return System.currentTimeMillis() - millis > settings.retention().toMillis() / 2;
  }

  private Source<Done, NotUsed> copy() {
    CompletionStage<Void> lookedBack = lookBack();
    if (tried) {
      counts.restarts.increment();
    }
    tried = true;
    CompletionStage<Source<Done, NotUsed>> from =
        lookedBack
            .thenCompose(done -> requireAnotherKafka())
            .thenCompose(differs -> source.bounds(topic))
            .thenCompose(
                origin ->
                    copies
                        .createCopy(topic, origin.partitions().size())
                        .thenCompose(made -> copies.bounds(topic))
                        .thenApplyAsync(copy -> startOf(origin, copy), blocking))
            .thenCompose(this::note)
            .thenApplyAsync(this::copyFrom, blocking);
    return Source.completionStageSource(from).mapMaterializedValue(ignored -> NotUsed.notUsed());
  }

  // A log that is copied to itself grows for ever.
  private CompletionStage<Void> requireAnotherKafka() {
    return source
        .clusterId()
        .thenCombine(
            copies.clusterId(),
            (theirs, ours) -> {
              if (theirs.equals(ours)) {
                throw new IllegalStateException(
                    "the bootstrap-servers of cell %s lead to this cell's own Kafka"
                        .formatted(cell.name()));
              }
              return null;
            });
  }

  // --- where to go on ---

  private Start startOf(LogBounds origin, LogBounds copy) {
    if (copy.partitions().size() < origin.partitions().size()) {
      throw new IllegalStateException(
          "%s has %d partitions, but its copy only %d: add the others to the copy"
              .formatted(topic, origin.partitions().size(), copy.partitions().size()));
    }
    Map<Integer, LastStamps.Copied> last = LastStamps.of(topic, copy, settings);
    Map<Integer, Long> offsets = new HashMap<>();
    List<String> lost = new ArrayList<>();
    // Once something of the new log is copied, this has been told before.
    if (last.values().stream()
        .noneMatch(each -> each.stamp().partition().incarnation() == origin.incarnation())) {
      last.values()
          .forEach(
              each ->
                  lost.add(
                      "nobody knows what came after line %d of %s: it was made anew"
                          .formatted(each.stamp().offset(), each.stamp().partition())));
    }
    origin
        .partitions()
        .forEach(
            (number, bounds) -> {
              LogPartition partition =
                  new LogPartition(cell.number(), origin.incarnation(), number);
              LogBounds.Partition here = copy.partitions().get(number);
              LastStamps.Copied before = last.get(number);
              offsets.put(
                  number,
                  startOf(
                      partition,
                      bounds,
                      before == null ? null : before.stamp(),
                      here == null ? 0 : here.end(),
                      lost));
            });
    next.clear();
    next.putAll(offsets);
    copiedAt.clear();
    keptSince.clear();
    // One that has been emptied says nothing of either; one that never had a line needs no mark.
    copy.partitions()
        .forEach(
            (number, bounds) -> {
              if (bounds.end() > 0) {
                copiedAt.put(number, System.currentTimeMillis() - settings.retention().toMillis());
                keptSince.put(number, 0L);
              }
            });
    last.forEach(
        (number, copied) -> {
          copiedAt.put(number, copied.atMillis());
          keptSince.put(number, copied.keptSinceMillis());
        });
    looked = null;
    log.info("Copying {} of cell {} from {}", topic, cell.name(), offsets);
    boolean first = copy.partitions().values().stream().allMatch(each -> each.end() == 0);
    return new Start(origin.incarnation(), offsets, first, lost);
  }

  // Before anything is copied: afterwards nothing would tell.
  private CompletionStage<Start> note(Start start) {
    CompletionStage<Boolean> all =
        start.first ? missing.all() : CompletableFuture.completedStage(false);
    return all.thenCompose(
            isAll -> {
              if (isAll || start.lost.isEmpty()) {
                return CompletableFuture.completedStage(null);
              }
              counts.losses.increment();
              log.error(
                  "BACKFILL NEEDED: {} of cell {} has lost lines before they were copied: {}",
                  topic,
                  cell.name(),
                  start.lost);
              return missing.some(topic + ": " + String.join("; ", start.lost));
            })
        .thenApply(noted -> start);
  }

  private long startOf(
      LogPartition partition,
      LogBounds.Partition bounds,
      @Nullable Stamp last,
      long copied,
      List<String> lost) {
    long wanted;
    if (last == null) {
      // What there was of a copy is gone; whatever was copied, it was not more than that.
      wanted = Math.min(copied, bounds.begin());
    } else if (last.partition().equals(partition)) {
      wanted = last.offset() + 1;
    } else {
      log.warn(
          "{} of cell {} was made anew: after {} comes {}, from its beginning",
          topic,
          cell.name(),
          last.partition(),
          partition);
      wanted = 0;
    }
    if (wanted >= bounds.begin() && wanted <= bounds.end()) {
      return wanted;
    }
    lost.add(
        "line %d of %s is next, but it holds %d to %d only"
            .formatted(wanted, partition, bounds.begin(), bounds.end()));
    return wanted < bounds.begin() ? bounds.begin() : bounds.end();
  }

  // --- copying ---

  private Source<Done, NotUsed> copyFrom(Start start) {
    Map<TopicPartition, Long> assignment = new HashMap<>();
    start.offsets.forEach(
        (number, offset) -> assignment.put(new TopicPartition(topic, number), offset));
    Producer<byte[], byte[]> producer = producer();
    this.producer = producer;
    if (stopped) {
      producer.close(Duration.ZERO);
      throw new IllegalStateException("copying has ended");
    }
    return org.apache.pekko.kafka.javadsl.Consumer.plainSource(
            consumer(), Subscriptions.assignmentWithOffset(assignment))
        .viaMat(KillSwitches.single(), Keep.right())
        .batchWeighted(
            MOST_BYTES,
            line -> LEAST_WEIGHT + Math.max(0, line.serializedValueSize()),
            LogMirror::batchOf,
            LogMirror::addTo)
        .merge(Source.tick(Duration.ZERO, settings.retention().dividedBy(4), List.of()), true)
        .mapAsync(
            1,
            lines ->
                lines.isEmpty()
                    ? keep(start.incarnation, producer)
                    : append(lines, start.incarnation, producer))
        .watchTermination(
            (killSwitch, done) -> {
              copying = new Copying(start.incarnation, killSwitch);
              done.whenCompleteAsync((end, failure) -> ended(producer), blocking);
              return NotUsed.notUsed();
            });
  }

  private ConsumerSettings<byte[], byte[]> consumer() {
    return LogConsumers.streaming(system, cell.connection(), "tideline-mirror-" + topic)
        .withProperty("auto.offset.reset", "none")
        .withProperty("reconnect.backoff.max.ms", RECONNECT_MILLIS);
  }

  // One request at a time and for as long as it takes: no line may get there after one before it
  // has failed, or the next copier would take what is missing for copied.
  private Producer<byte[], byte[]> producer() {
    Map<String, Object> properties = settings.connection();
    properties.put("client.id", "tideline-mirror-" + topic);
    properties.put("acks", "all");
    properties.put("enable.idempotence", true);
    properties.put("max.in.flight.requests.per.connection", 1);
    properties.put("delivery.timeout.ms", Integer.MAX_VALUE);
    properties.put("compression.type", "lz4");
    properties.put("batch.size", 128 << 10);
    properties.put("linger.ms", 1);
    return new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
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

  private CompletionStage<Done> append(
      List<ConsumerRecord<byte[], byte[]>> lines,
      int incarnation,
      Producer<byte[], byte[]> producer) {
    notCompleteAfter(lines.get(0).timestamp());
    if (!mayAct.getAsBoolean()) {
      return CompletableFuture.failedStage(
          new IllegalStateException("this node is cut off from its cell and copies nothing"));
    }
    // Sending may wait for the broker.
    return CompletableFuture.completedStage(lines)
        .thenComposeAsync(
            batch ->
                sendAll(batch.stream().map(line -> copyOf(line, incarnation)).toList(), producer),
            blocking)
        .thenApply(acknowledged -> copied(lines));
  }

  // Where nothing has come for long, before retention leaves nothing that says up to where it came.
  private CompletionStage<Done> keep(int incarnation, Producer<byte[], byte[]> producer) {
    List<Integer> old =
        keptSince.entrySet().stream()
            .filter(each -> isOld(each.getValue()))
            .map(Map.Entry::getKey)
            .filter(number -> next.getOrDefault(number, 0L) > 0)
            .toList();
    if (old.isEmpty() || !mayAct.getAsBoolean()) {
      return CompletableFuture.completedStage(Done.getInstance());
    }
    return CompletableFuture.completedStage(old)
        .thenComposeAsync(
            numbers ->
                sendAll(
                    numbers.stream().map(number -> markOf(number, incarnation)).toList(), producer),
            blocking)
        .thenApply(
            acknowledged -> {
              old.forEach(number -> keptSince.put(number, System.currentTimeMillis()));
              return Done.getInstance();
            });
  }

  private ProducerRecord<byte[], byte[]> markOf(int number, int incarnation) {
    Stamp last =
        new Stamp(
            new LogPartition(cell.number(), incarnation, number),
            next.getOrDefault(number, 1L) - 1);
    return CopyMark.of(topic, last, copiedAt.getOrDefault(number, 0L));
  }

  private ProducerRecord<byte[], byte[]> copyOf(
      ConsumerRecord<byte[], byte[]> line, int incarnation) {
    ProducerRecord<byte[], byte[]> copy =
        new ProducerRecord<>(
            topic, line.partition(), null, line.key(), line.value(), line.headers());
    new Stamp(new LogPartition(cell.number(), incarnation, line.partition()), line.offset())
        .addTo(copy.headers());
    return copy;
  }

  private static CompletableFuture<Void> sendAll(
      List<ProducerRecord<byte[], byte[]>> lines, Producer<byte[], byte[]> producer) {
    return CompletableFuture.allOf(
        lines.stream().map(line -> send(line, producer)).toArray(CompletableFuture[]::new));
  }

  private static CompletableFuture<Void> send(
      ProducerRecord<byte[], byte[]> line, Producer<byte[], byte[]> producer) {
    CompletableFuture<Void> acknowledged = new CompletableFuture<>();
    var unused =
        producer.send(
            line,
            (metadata, failure) -> {
              if (failure == null) {
                acknowledged.complete(null);
              } else {
                // Here, before the producer sends what comes after it.
                producer.close(Duration.ZERO);
                acknowledged.completeExceptionally(failure);
              }
            });
    return acknowledged;
  }

  private Done copied(List<ConsumerRecord<byte[], byte[]>> lines) {
    long now = System.currentTimeMillis();
    for (ConsumerRecord<byte[], byte[]> line : lines) {
      next.put(line.partition(), line.offset() + 1);
      copiedAt.put(line.partition(), now);
      keptSince.put(line.partition(), now);
    }
    counts.lines.add(lines.size());
    completeAtMillis = lines.get(lines.size() - 1).timestamp();
    return Done.getInstance();
  }

  private void notCompleteAfter(long millis) {
    completeAtMillis = Math.min(completeAtMillis, millis);
  }

  private void ended(Producer<byte[], byte[]> producer) {
    copying = null;
    producer.close(Duration.ZERO);
  }

  // --- how it goes ---

  private void look() {
    if (!looking.compareAndSet(false, true)) {
      return;
    }
    long now = System.currentTimeMillis();
    source
        .ends(topic)
        .thenApply(ends -> status(seen(ends, now), true))
        // Nobody says where all ends are while one partition has no leader; others are copied on.
        .exceptionallyCompose(
            failure -> source.incarnation(topic).thenApply(found -> status(isOf(found), false)))
        .exceptionally(failure -> status(false, false))
        .thenAccept(
            status -> {
              looking.set(false);
              if (!stopped) {
                report.accept(status);
              }
            });
  }

  private boolean seen(LogEnds found, long atMillis) {
    Copying current = copying;
    if (current == null) {
      return false;
    }
    if (current.incarnation != found.incarnation()) {
      current.stream.abort(new IllegalStateException(topic + " was made anew"));
      return false;
    }
    lagLines =
        found.ends().entrySet().stream()
            .mapToLong(each -> Math.max(0, each.getValue() - next.getOrDefault(each.getKey(), 0L)))
            .sum();
    Look last = looked;
    if (last == null || reached(last.ends)) {
      if (last != null) {
        copiedToMillis = last.atMillis;
      }
      looked = new Look(atMillis, found.ends());
    }
    if (lagLines == 0) {
      completeAtMillis = Math.max(completeAtMillis, atMillis);
    }
    return true;
  }

  private boolean isOf(int incarnation) {
    Copying current = copying;
    return current != null && current.incarnation == incarnation;
  }

  private boolean reached(Map<Integer, Long> ends) {
    return ends.entrySet().stream()
        .allMatch(each -> next.getOrDefault(each.getKey(), 0L) >= each.getValue());
  }

  /**
   * @param endsKnown whether {@link #lagLines} is that of now
   */
  private MirrorStatus status(boolean here, boolean endsKnown) {
    MirrorStatus.State state = here ? MirrorStatus.State.UP : MirrorStatus.State.AWAY;
    long lag =
        here && endsKnown && lagLines == 0
            ? 0
            : Math.max(0, System.currentTimeMillis() - completeAtMillis);
    return new MirrorStatus(cell.name(), topic, state, lagLines, lag, copiedToMillis);
  }
}
