package io.tideline.multidc.log;

import static java.util.Objects.requireNonNull;

import io.tideline.persistence.timeline.Inbox;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.Positions;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.PostLine;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.LongAdder;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
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
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.concurrent.ExecutionContextExecutor;

/**
 * Reads the whole posts log on this node, remembers its lines, and offers them to the timelines
 * that want them.
 *
 * <p>One thread applies all partitions, turn by turn. A post that many inboxes want takes several
 * turns; meanwhile its own partition waits and the others go on, so every inbox sees every
 * partition in log order.
 */
public final class LogTail {
  private static final Logger log = LoggerFactory.getLogger(LogTail.class);
  private static final int MAX_BATCH = 1_000;
  private static final Inbox[] NOBODY = {};
  private static final Duration HELD_BACK_RETRY = Duration.ofMillis(100);
  private static final RestartSettings RESTART =
      RestartSettings.create(Duration.ofMillis(200), Duration.ofSeconds(3), 0.2);

  private final ActorSystem<?> system;
  private final LogSettings settings;
  private final int cell;
  private final LogTopics topics;
  private final RecentPosts recent;
  private final Interest interest;
  private final HybridClock clock;
  private final PostListener listener;
  private final ExecutionContextExecutor thread;
  private final LongAdder lines = new LongAdder();
  private final LongAdder deliveries = new LongAdder();
  private final LongAdder poison = new LongAdder();
  private final LongAdder outOfRange = new LongAdder();
  private final LongAdder restarts = new LongAdder();
  private volatile Positions applied = Positions.EMPTY;
  private volatile boolean caughtUp;
  private volatile boolean paused;
  private volatile boolean stopping;
  private volatile @Nullable UniqueKillSwitch stream;
  private volatile @Nullable UniqueKillSwitch reading;

  // From here on confined to the thread.
  private final Map<Integer, Lane> lanes = new TreeMap<>();
  private int linesWaiting;
  private boolean running;
  private boolean heldBack;
  private @Nullable CompletableFuture<Done> accepted;

  public LogTail(
      ActorSystem<?> system,
      LogSettings settings,
      int cell,
      LogTopics topics,
      RecentPosts recent,
      Interest interest,
      HybridClock clock,
      PostListener listener) {
    this.system = system;
    this.settings = settings;
    this.cell = cell;
    this.topics = topics;
    this.recent = recent;
    this.interest = interest;
    this.clock = clock;
    this.listener = listener;
    this.thread =
        system
            .dispatchers()
            .lookup(DispatcherSelector.fromConfig("tideline.multi-dc.log.tail-dispatcher"));
  }

  public void start() {
    stream =
        RestartSource.onFailuresWithBackoff(RESTART, this::read)
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

  /** Applies nothing more until {@link #resume}. */
  public void pause() {
    paused = true;
  }

  public void resume() {
    paused = false;
  }

  /** Below these, every line is remembered or forgotten, and in every inbox that wants it. */
  public Positions applied() {
    return applied;
  }

  /** True once everything has been applied that the log held when this node began to read it. */
  public boolean caughtUp() {
    return caughtUp;
  }

  public long lines() {
    return lines.sum();
  }

  public long deliveries() {
    return deliveries.sum();
  }

  /** How many lines were skipped because they cannot be read. */
  public long poison() {
    return poison.sum();
  }

  /** How many times lines were gone before this node had read them. */
  public long outOfRange() {
    return outOfRange.sum();
  }

  /** How many times reading began anew after a failure. */
  public long restarts() {
    return Math.max(0, restarts.sum() - 1);
  }

  /** Takes note of how far the post store has come, and of whether this is still the same log. */
  public void observe(LogBounds bounds) {
    thread.execute(() -> onBounds(bounds));
  }

  private void onBounds(LogBounds bounds) {
    for (Lane lane : lanes.values()) {
      LogBounds.Partition partition = bounds.partitions().get(lane.partition.partition());
      if (partition == null || lane.partition.incarnation() != bounds.incarnation()) {
        UniqueKillSwitch outdated = reading;
        if (outdated != null) {
          outdated.abort(new IllegalStateException("the posts log was made anew"));
        }
        return;
      }
      recent.stored(lane.partition, partition.stored());
    }
    recent.evict();
  }

  private Source<Done, NotUsed> read() {
    restarts.increment();
    CompletionStage<Source<Done, NotUsed>> source =
        topics
            .createMissing()
            .thenCompose(made -> topics.bounds())
            .thenApplyAsync(this::resumeAt, thread)
            .thenApply(this::readFrom);
    return Source.completionStageSource(source).mapMaterializedValue(ignored -> NotUsed.notUsed());
  }

  private Source<Done, NotUsed> readFrom(Map<TopicPartition, Long> offsets) {
    ConsumerSettings<byte[], byte[]> consumer =
        ConsumerSettings.create(system, new ByteArrayDeserializer(), new ByteArrayDeserializer())
            .withProperties(settings.clientProperties())
            .withBootstrapServers(settings.bootstrapServers())
            .withClientId("tideline-log-tail")
            .withProperty("auto.offset.reset", "none")
            .withStopTimeout(Duration.ZERO)
            .withCloseTimeout(Duration.ofSeconds(1));
    return Consumer.plainSource(consumer, Subscriptions.assignmentWithOffset(offsets))
        .viaMat(KillSwitches.single(), Keep.right())
        .batch(MAX_BATCH, LogTail::batchOf, LogTail::addTo)
        .mapAsync(1, this::accept)
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

  private Map<TopicPartition, Long> resumeAt(LogBounds bounds) {
    Map<TopicPartition, Long> offsets = new HashMap<>();
    bounds
        .partitions()
        .forEach(
            (number, partition) -> {
              LogPartition current = new LogPartition(cell, bounds.incarnation(), number);
              Lane lane = lane(current, partition, bounds.partitions().size());
              recent.stored(current, partition.stored());
              offsets.put(new TopicPartition(topics.posts(), number), lane.next);
            });
    publish();
    return offsets;
  }

  private Lane lane(LogPartition current, LogBounds.Partition bounds, int partitions) {
    Lane lane = lanes.get(current.partition());
    if (lane == null) {
      long wanted = bounds.end() - settings.maxReferences() / partitions;
      long start = Math.max(bounds.begin(), Math.min(wanted, bounds.stored()));
      return open(current, start, bounds.end());
    }
    if (!lane.partition.equals(current)) {
      log.error("The posts log was made anew: {} takes the place of {}", current, lane.partition);
      outOfRange.increment();
      recent.close(lane.partition);
      return open(current, bounds.begin(), bounds.end());
    }
    if (lane.next < bounds.begin() || lane.next > bounds.end()) {
      log.error(
          "The next line of {} is {}, but the log holds {} to {}: going on at its beginning",
          current,
          lane.next,
          bounds.begin(),
          bounds.end());
      outOfRange.increment();
      return open(current, bounds.begin(), bounds.end());
    }
    return lane;
  }

  private Lane open(LogPartition partition, long start, long end) {
    Lane replaced = lanes.get(partition.partition());
    if (replaced != null) {
      linesWaiting -= replaced.waiting.size();
    }
    recent.open(partition, start);
    Lane lane = new Lane(partition, start, end);
    lanes.put(partition.partition(), lane);
    return lane;
  }

  // Completes when there is room for more, not when the batch has been applied.
  private CompletionStage<Done> accept(List<ConsumerRecord<byte[], byte[]>> batch) {
    CompletableFuture<Done> done = new CompletableFuture<>();
    thread.execute(() -> take(batch, done));
    return done;
  }

  private void take(
      List<ConsumerRecord<byte[], byte[]>> batch, CompletableFuture<Done> whenAccepted) {
    for (ConsumerRecord<byte[], byte[]> line : batch) {
      Lane lane = lanes.get(line.partition());
      if (lane != null && line.offset() >= lane.next) {
        lane.waiting.add(line);
        lane.next = line.offset() + 1;
        linesWaiting++;
      }
    }
    accepted = whenAccepted;
    if (!running) {
      running = true;
      turn();
    }
    acceptMore();
  }

  private void turn() {
    if (stopping) {
      return;
    }
    if (paused || isHeldBack()) {
      system.scheduler().scheduleOnce(HELD_BACK_RETRY, this::turn, thread);
      return;
    }
    Collection<Lane> all = lanes.values();
    all.forEach(Lane::advance);
    recent.evict();
    publish();
    acceptMore();
    running = all.stream().anyMatch(Lane::hasWork);
    if (running) {
      thread.execute(this::turn);
    }
  }

  private void acceptMore() {
    if (accepted != null && linesWaiting < settings.maxLinesWaiting()) {
      accepted.complete(Done.getInstance());
      accepted = null;
    }
  }

  private boolean isHeldBack() {
    boolean full = recent.full();
    if (full && !heldBack) {
      log.error(
          "Reading of the posts log stands still at {} remembered posts: the post store is behind",
          recent.size());
    } else if (heldBack && !full) {
      log.info("Reading of the posts log goes on");
    }
    heldBack = full;
    return full;
  }

  private void publish() {
    Positions now = Positions.EMPTY;
    boolean atEnd = true;
    for (Lane lane : lanes.values()) {
      now = now.with(lane.partition, lane.applied);
      atEnd &= lane.applied >= lane.endAtStart;
    }
    applied = now;
    if (atEnd && !caughtUp) {
      caughtUp = true;
      log.info("The posts log is applied up to {}; {} posts are remembered", now, recent.size());
    }
  }

  /** One partition: what has been read of it and is still to be applied. */
  private final class Lane {
    final LogPartition partition;
    final long endAtStart;
    final Queue<ConsumerRecord<byte[], byte[]>> waiting = new ArrayDeque<>();
    long next;
    long applied;
    private @Nullable PostRef delivering;
    private Inbox[] inboxes = NOBODY;
    private int delivered;

    Lane(LogPartition partition, long start, long end) {
      this.partition = partition;
      this.next = start;
      this.applied = start;
      this.endAtStart = end;
    }

    boolean hasWork() {
      return !waiting.isEmpty();
    }

    void advance() {
      int budget = settings.slice();
      while (budget > 0) {
        ConsumerRecord<byte[], byte[]> line = waiting.peek();
        if (line == null) {
          return;
        }
        if (delivering == null) {
          remember(line);
          budget--;
        }
        budget -= deliver(budget);
        if (delivered == inboxes.length) {
          waiting.remove();
          linesWaiting--;
          applied = line.offset() + 1;
          delivering = null;
        }
      }
    }

    private void remember(ConsumerRecord<byte[], byte[]> record) {
      lines.increment();
      inboxes = NOBODY;
      delivered = 0;
      try {
        PostLine line = PostLines.parse(record.value());
        clock.observe(line.getVersion());
        UserId author = recent.shared(new UserId(line.getAuthorId()));
        PostRef ref = PostRef.of(line, author, partition, record.offset());
        if (recent.add(ref, line.getSequence())) {
          tell(line, ref);
          delivering = ref;
          inboxes = interest.of(author);
        }
      } catch (PoisonLineException e) {
        poison.increment();
        log.warn("Skipped line {} of {}: {}", record.offset(), partition, e.getMessage());
      }
    }

    private int deliver(int most) {
      int end = delivered + Math.min(most, inboxes.length - delivered);
      for (int i = delivered; i < end; i++) {
        offer(inboxes[i]);
      }
      int done = end - delivered;
      delivered = end;
      deliveries.add(done);
      return done;
    }

    // Whoever is told may have a fault; it must not end the reading for all others.
    private void tell(PostLine line, PostRef ref) {
      try {
        listener.onLine(line, ref);
      } catch (RuntimeException e) {
        log.error("Nobody kept the body of {}", ref, e);
      }
    }

    private void offer(Inbox inbox) {
      try {
        inbox.offer(requireNonNull(delivering));
      } catch (RuntimeException e) {
        log.error("A timeline was not woken for {}", delivering, e);
      }
    }
  }
}
