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
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
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
 *
 * <p>Of a copy of another cell's log, every line says where it stands in the log it was copied
 * from, and what is told to anybody are places there. A line that comes again is passed over.
 */
final class LineApplier {
  private static final Logger log = LoggerFactory.getLogger(LineApplier.class);
  private static final Inbox[] NOBODY = {};
  // Two copiers at a time, of which one does not know yet that it is none any more, may leave up to
  // a batch of older lines behind newer ones.
  private static final int LOOK_BACK = 2 * Stamp.MOST_IN_FLIGHT;

  private final LogSettings settings;
  private final int cell;
  private final int here;
  private final LogTopics topics;
  private final long maxReferences;
  private final RecentPosts recent;
  private final Interest interest;
  private final HybridClock clock;
  private final PostListener listener;
  private final ErasedAuthors erased;
  private final Executor thread;
  private final Consumer<Runnable> later;
  private final Runnable whenApplied;
  private final LongAdder lines = new LongAdder();
  private final LongAdder deliveries = new LongAdder();
  private final LongAdder poison = new LongAdder();
  private final LongAdder outOfRange = new LongAdder();
  private volatile Positions applied = Positions.EMPTY;
  private volatile Positions read = Positions.EMPTY;
  private volatile Positions unsettled = Positions.EMPTY;
  private volatile boolean located;
  private volatile boolean caughtUp;
  private volatile boolean heldBack;
  private volatile boolean paused;
  private volatile boolean stopped;

  private final Map<Integer, Lane> lanes = new TreeMap<>();
  private int incarnation;
  private int linesWaiting;
  private boolean busy;
  private @Nullable CompletableFuture<Done> accepted;

  /**
   * @param cell the one that wrote the log
   * @param here this one
   * @param maxReferences how many lines to begin before the end of the log
   * @param thread runs one task at a time
   * @param later runs a task on that thread, after a moment
   * @param whenApplied runs after {@link #applied} has moved
   */
  LineApplier(
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
      Executor thread,
      Consumer<Runnable> later,
      Runnable whenApplied) {
    this.settings = settings;
    this.cell = cell;
    this.here = here;
    this.topics = topics;
    this.maxReferences = maxReferences;
    this.recent = recent;
    this.interest = interest;
    this.clock = clock;
    this.listener = listener;
    this.erased = erased;
    this.thread = thread;
    this.later = later;
    this.whenApplied = whenApplied;
  }

  Positions applied() {
    return applied;
  }

  /** How far the log itself has been applied; of a copy, not where that is in the original. */
  Positions read() {
    return read;
  }

  /**
   * Of partitions that have brought posts of long ago of which timelines have yet to be told, up to
   * where they were applied before.
   */
  Positions unsettled() {
    return unsettled;
  }

  /** False while it is not known yet from where on the lines of some partition are remembered. */
  boolean located() {
    return located;
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
    return lanes.isEmpty()
        || (incarnation == bounds.incarnation()
            && bounds.partitions().keySet().equals(lanes.keySet()));
  }

  void stored(LogBounds bounds) {
    bounds
        .partitions()
        .forEach(
            (number, partition) -> {
              Lane lane = lanes.get(number);
              if (lane != null) {
                lane.stored(partition.done());
              }
            });
    publishUnsettled();
    recent.evict();
  }

  /** Where to read on, by partition; the first time, where to begin. */
  Map<Integer, Long> resumeAt(LogBounds bounds) {
    boolean sameLog = incarnation == bounds.incarnation();
    incarnation = bounds.incarnation();
    boolean first = lanes.isEmpty();
    lanes.values().removeIf(lane -> isGone(lane, bounds));
    Map<Integer, Long> offsets = new HashMap<>();
    bounds
        .partitions()
        .forEach(
            (number, partition) -> {
              Lane lane = lanes.get(number);
              if (lane == null) {
                // Of one that is added while others are read nobody here knows anything.
                long start =
                    first ? start(partition, bounds.partitions().size()) : partition.begin();
                lane = begin(number, start, partition);
              } else if (!sameLog || lane.next < partition.begin() || lane.next > partition.end()) {
                lane = anew(number, lane, partition);
              }
              offsets.put(number, lane.next);
            });
    stored(bounds);
    publish();
    return offsets;
  }

  private long start(LogBounds.Partition bounds, int partitions) {
    long wanted = bounds.end() - maxReferences / partitions;
    return Math.max(bounds.begin(), Math.min(wanted, bounds.done()));
  }

  private Lane begin(int number, long start, LogBounds.Partition bounds) {
    return topics.own()
        ? own(number, start, bounds)
        : put(new Lane(number, Math.max(bounds.begin(), start - LOOK_BACK), start, bounds));
  }

  private boolean isGone(Lane lane, LogBounds bounds) {
    if (bounds.partitions().containsKey(lane.number)) {
      return false;
    }
    linesWaiting -= lane.waiting.size();
    if (lane.opened != null) {
      recent.close(lane.opened);
    }
    return true;
  }

  private Lane anew(int number, Lane lane, LogBounds.Partition bounds) {
    log.error(
        "Line {} of {}-{} is next, but the log is {} and holds {} to {}: going on at its beginning",
        lane.next,
        topics.posts(),
        number,
        Integer.toHexString(incarnation),
        bounds.begin(),
        bounds.end());
    outOfRange.increment();
    linesWaiting -= lane.waiting.size();
    LogPartition partition = lane.partition;
    if (topics.own()) {
      if (partition != null) {
        recent.close(partition);
      }
      return own(number, bounds.begin(), bounds);
    }
    Lane copy = put(new Lane(number, bounds.begin(), bounds.begin(), bounds));
    if (partition != null) {
      copy.position = lane.position;
      copy.open(partition);
    }
    return copy;
  }

  private Lane own(int number, long start, LogBounds.Partition bounds) {
    Lane lane = put(new Lane(number, start, start, bounds));
    lane.position = start;
    lane.open(new LogPartition(cell, incarnation, number));
    return lane;
  }

  private Lane put(Lane lane) {
    lanes.put(lane.number, lane);
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
    boolean full = topics.own() ? recent.full() : recent.fullForCopies();
    if (full && !heldBack) {
      log.error(
          "Reading of {} stands still at {} remembered posts: the post store is behind",
          topics.posts(),
          recent.size());
    } else if (heldBack && !full) {
      log.info("Reading of {} goes on", topics.posts());
    }
    heldBack = full;
    return full;
  }

  private void publishUnsettled() {
    Positions now = Positions.EMPTY;
    for (Lane lane : lanes.values()) {
      LogPartition partition = lane.opened;
      if (partition != null && lane.refill.since() >= 0) {
        now = now.with(partition, lane.refill.since());
      }
    }
    unsettled = now;
  }

  private void publish() {
    Positions now = Positions.EMPTY;
    Positions here = Positions.EMPTY;
    boolean atEnd = true;
    boolean allOpen = true;
    for (Lane lane : lanes.values()) {
      LogPartition partition = lane.opened;
      if (partition != null) {
        now = now.with(partition, lane.position);
      }
      here = here.with(new LogPartition(cell, incarnation, lane.number), lane.applied);
      atEnd &= lane.applied >= lane.endAtStart;
      allOpen &= partition != null || lane.endAtStart == 0;
    }
    now = now.like(applied);
    applied = now;
    read = topics.own() ? now : here;
    located = allOpen;
    whenApplied.run();
    if (atEnd && !caughtUp) {
      caughtUp = true;
      log.info(
          "{} is applied up to {}; {} posts are remembered", topics.posts(), now, recent.size());
    }
  }

  /** One partition: what has been read of it and is still to be applied. */
  private final class Lane {
    final int number;
    final long endAtStart;
    final Queue<ConsumerRecord<byte[], byte[]>> waiting = new ArrayDeque<>();
    // Of the log as it is read here.
    long next;
    long applied;
    private final long openAt;
    private long done;
    // Where that is in the log of its cell; the same unless this is a copy.
    @Nullable LogPartition partition;
    @Nullable LogPartition opened;
    long position;
    private final CopiedRuns runs = new CopiedRuns();
    private final Set<LogPartition> former = new HashSet<>();
    private long following;
    private @Nullable PostRef delivering;
    private Inbox[] inboxes = NOBODY;
    private int delivered;
    private final Refill refill = new Refill(recent, interest, Refill.PAUSE);

    /**
     * @param openAt lines from here on are remembered
     */
    Lane(int number, long start, long openAt, LogBounds.Partition bounds) {
      this.number = number;
      this.next = start;
      this.applied = start;
      this.openAt = openAt;
      this.done = bounds.done();
      this.endAtStart = bounds.end();
    }

    void open(LogPartition of) {
      partition = of;
      opened = of;
      recent.open(of, position);
    }

    void stored(long below) {
      done = Math.max(done, below);
      if (opened != null) {
        recent.stored(opened, topics.own() ? done : runs.originBelow(done));
        refill.go(opened, position, done);
      }
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
          begin(line);
          budget--;
        }
        budget -= deliver(budget);
        if (delivered == inboxes.length) {
          waiting.remove();
          linesWaiting--;
          end(line);
        }
      }
    }

    private void begin(ConsumerRecord<byte[], byte[]> record) {
      lines.increment();
      inboxes = NOBODY;
      delivered = 0;
      following = position;
      try {
        long offset = topics.own() ? record.offset() : origin(record);
        if (offset >= position) {
          following = offset + 1;
          if (opened != null) {
            remember(record, opened, offset);
          }
        }
      } catch (PoisonLineException e) {
        poison.increment();
        log.warn(
            "Skipped line {} of {}-{}: {}",
            record.offset(),
            record.topic(),
            number,
            e.getMessage());
      } catch (RuntimeException e) {
        // Whatever is wrong with one line, the others go on.
        poison.increment();
        log.error("Skipped line {} of {}-{}", record.offset(), record.topic(), number, e);
      }
    }

    /** Where the line was in the log it was copied from; -1 when that is no more. */
    private long origin(ConsumerRecord<byte[], byte[]> record) throws PoisonLineException {
      Stamp stamp = Stamp.of(record.headers());
      if (former.contains(stamp.partition())) {
        return -1;
      }
      if (!stamp.partition().equals(partition)) {
        leave();
        partition = stamp.partition();
        position = 0;
      }
      if (opened == null && record.offset() >= openAt) {
        position = Math.max(position, stamp.offset());
        open(stamp.partition());
      }
      return stamp.offset();
    }

    private void leave() {
      LogPartition before = partition;
      if (before == null) {
        return;
      }
      log.warn("{} is followed by another log of that cell", before);
      former.add(before);
      runs.clear();
      if (opened != null) {
        recent.close(before);
        opened = null;
      }
    }

    private void end(ConsumerRecord<byte[], byte[]> line) {
      applied = line.offset() + 1;
      delivering = null;
      if (following > position && opened != null && !topics.own()) {
        if (line.offset() < done) {
          recent.stored(opened, following);
        } else {
          runs.add(line.offset(), following - 1);
        }
      }
      position = following;
      if (opened == null && partition != null && applied >= openAt) {
        open(partition);
      }
    }

    private void remember(ConsumerRecord<byte[], byte[]> record, LogPartition of, long offset)
        throws PoisonLineException {
      SaidAgain again = SaidAgain.of(record.headers());
      if (again != null && !again.cells().contains(here)) {
        return;
      }
      PostLine line = PostLines.parse(record.value());
      clock.observe(line.getVersion());
      UserId author = recent.shared(new UserId(line.getAuthorId()));
      if (line.getKind() == PostLineKind.POST_LINE_KIND_ERASED) {
        erased.add(author, line.getVersion());
      } else if (erased.contains(author)) {
        return;
      }
      Stamp arrival = again == null ? null : again.arrival();
      if (arrival != null) {
        PostRef ref = PostRef.of(line, author, arrival.partition(), arrival.offset());
        tell(line, ref);
        refill.add(ref, record.offset(), position);
        // Before anybody is told of a line behind it.
        publishUnsettled();
        return;
      }
      PostRef ref = PostRef.of(line, author, of, offset);
      // A line that was parked in another cell keeps the number that it has among those there.
      long sequence = line.getOriginCell() == of.cell() ? line.getSequence() : 0;
      if (recent.add(ref, sequence)) {
        tell(line, ref);
        delivering = ref;
        inboxes = interest.in(ref);
      }
    }

    private int deliver(int most) {
      int end = delivered + Math.min(most, inboxes.length - delivered);
      for (int i = delivered; i < end; i++) {
        tell(inboxes[i]);
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

    private void tell(Inbox inbox) {
      try {
        inbox.deliver(requireNonNull(delivering));
      } catch (RuntimeException e) {
        log.error("A timeline was not told of {}", delivering, e);
      }
    }
  }
}
