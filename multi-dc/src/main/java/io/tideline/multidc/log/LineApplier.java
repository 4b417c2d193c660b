package io.tideline.multidc.log;

import static java.util.Objects.requireNonNull;

import io.tideline.persistence.posts.ErasedAuthors;
import io.tideline.persistence.timeline.Inbox;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.Positions;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.PostLine;
import io.tideline.protocols.log.v1.PostLineKind;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.pekko.Done;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Applies lines turn by turn: in each turn every partition may tell a limited number of inboxes.
 *
 * <p>A post that more inboxes want takes several turns. Its own partition waits for it, so that
 * every inbox sees every partition in log order; the others go on. All but the getters is confined
 * to one thread.
 */
final class LineApplier {
  private static final Logger log = LoggerFactory.getLogger(LineApplier.class);
  private static final Inbox[] NOBODY = {};

  private final LogSettings settings;
  private final int cell;
  private final RecentPosts recent;
  private final Interest interest;
  private final HybridClock clock;
  private final PostListener listener;
  private final ErasedAuthors erased;
  private final Executor thread;
  private final Consumer<Runnable> later;
  private final LongAdder lines = new LongAdder();
  private final LongAdder deliveries = new LongAdder();
  private final LongAdder poison = new LongAdder();
  private final LongAdder outOfRange = new LongAdder();
  private volatile Positions applied = Positions.EMPTY;
  private volatile boolean caughtUp;
  private volatile boolean heldBack;
  private volatile boolean paused;
  private volatile boolean stopped;

  private final Map<Integer, Lane> lanes = new TreeMap<>();
  private int linesWaiting;
  private boolean busy;
  private @Nullable CompletableFuture<Done> accepted;

  /**
   * @param thread runs one task at a time
   * @param later runs a task on that thread, after a moment
   */
  LineApplier(
      LogSettings settings,
      int cell,
      RecentPosts recent,
      Interest interest,
      HybridClock clock,
      PostListener listener,
      ErasedAuthors erased,
      Executor thread,
      Consumer<Runnable> later) {
    this.settings = settings;
    this.cell = cell;
    this.recent = recent;
    this.interest = interest;
    this.clock = clock;
    this.listener = listener;
    this.erased = erased;
    this.thread = thread;
    this.later = later;
  }

  Positions applied() {
    return applied;
  }

  boolean caughtUp() {
    return caughtUp;
  }

  boolean heldBack() {
    return heldBack;
  }

  long lines() {
    return lines.sum();
  }

  long deliveries() {
    return deliveries.sum();
  }

  long poison() {
    return poison.sum();
  }

  long outOfRange() {
    return outOfRange.sum();
  }

  void pause() {
    paused = true;
  }

  void resume() {
    paused = false;
  }

  void stop() {
    stopped = true;
  }

  /** Whether what is being applied is a part of this log, and not of one that is no more. */
  boolean isOf(LogBounds bounds) {
    return lanes.values().stream()
        .allMatch(
            lane ->
                lane.partition.incarnation() == bounds.incarnation()
                    && bounds.partitions().containsKey(lane.partition.partition()));
  }

  void stored(LogBounds bounds) {
    bounds
        .partitions()
        .forEach(
            (number, partition) ->
                recent.stored(
                    new LogPartition(cell, bounds.incarnation(), number), partition.done()));
    recent.evict();
  }

  /** Where to read on, by partition; the first time, where to begin. */
  Map<Integer, Long> resumeAt(LogBounds bounds) {
    Map<Integer, Long> offsets = new HashMap<>();
    bounds
        .partitions()
        .forEach(
            (number, partition) -> {
              LogPartition current = new LogPartition(cell, bounds.incarnation(), number);
              Lane lane = lane(current, partition, bounds.partitions().size());
              offsets.put(number, lane.next);
            });
    stored(bounds);
    publish();
    return offsets;
  }

  private Lane lane(LogPartition current, LogBounds.Partition bounds, int partitions) {
    Lane lane = lanes.get(current.partition());
    if (lane == null) {
      long wanted = bounds.end() - settings.maxReferences() / partitions;
      long start = Math.max(bounds.begin(), Math.min(wanted, bounds.done()));
      return open(current, start, bounds.end());
    }
    if (lane.partition.equals(current)
        && lane.next >= bounds.begin()
        && lane.next <= bounds.end()) {
      return lane;
    }
    log.error(
        "Line {} of {} is next, but the log is {} and holds {} to {}: going on at its beginning",
        lane.next,
        lane.partition,
        current,
        bounds.begin(),
        bounds.end());
    outOfRange.increment();
    linesWaiting -= lane.waiting.size();
    recent.close(lane.partition);
    return open(current, bounds.begin(), bounds.end());
  }

  private Lane open(LogPartition partition, long start, long end) {
    recent.open(partition, start);
    Lane lane = new Lane(partition, start, end);
    lanes.put(partition.partition(), lane);
    return lane;
  }

  /** Takes what was read; says so once there is room for more, not once it is applied. */
  void take(List<ConsumerRecord<byte[], byte[]>> batch, CompletableFuture<Done> whenAccepted) {
    for (ConsumerRecord<byte[], byte[]> line : batch) {
      Lane lane = lanes.get(line.partition());
      if (lane != null && line.offset() >= lane.next) {
        lane.waiting.add(line);
        lane.next = line.offset() + 1;
        linesWaiting++;
      }
    }
    accepted = whenAccepted;
    acceptMore();
    if (!busy) {
      busy = true;
      turn();
    }
  }

  private void turn() {
    if (stopped) {
      return;
    }
    if (paused || isHeldBack()) {
      later.accept(this::turn);
      return;
    }
    lanes.values().forEach(Lane::advance);
    recent.evict();
    publish();
    acceptMore();
    busy = lanes.values().stream().anyMatch(Lane::hasWork);
    if (busy) {
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
        if (line.getKind() == PostLineKind.POST_LINE_KIND_ERASED) {
          erased.add(author, line.getVersion());
        } else if (erased.contains(author)) {
          return;
        }
        PostRef ref = PostRef.of(line, author, partition, record.offset());
        if (recent.add(ref, line.getSequence())) {
          tell(line, ref);
          delivering = ref;
          inboxes = interest.in(ref);
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
