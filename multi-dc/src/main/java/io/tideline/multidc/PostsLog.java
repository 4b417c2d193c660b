package io.tideline.multidc;

import io.tideline.multidc.apply.IntentApplier;
import io.tideline.multidc.apply.PostStoreWriter;
import io.tideline.multidc.apply.Reached;
import io.tideline.multidc.log.Interest;
import io.tideline.multidc.log.LineForms;
import io.tideline.multidc.log.LogBounds;
import io.tideline.multidc.log.LogSettings;
import io.tideline.multidc.log.LogTail;
import io.tideline.multidc.log.LogTopics;
import io.tideline.multidc.log.LogWriter;
import io.tideline.multidc.log.OtherCell;
import io.tideline.multidc.log.ParkedLines;
import io.tideline.multidc.log.PostListener;
import io.tideline.multidc.log.RecentPosts;
import io.tideline.persistence.posts.PostStore;
import io.tideline.persistence.timeline.Arrivals;
import io.tideline.persistence.timeline.Inbox;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.Positions;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.AppliedPositions;
import io.tideline.protocols.log.v1.IntentLine;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.pekko.actor.Cancellable;
import org.apache.pekko.actor.typed.ActorSystem;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One node's part in the logs of its cell and the copies of others': appends, reads, remembers,
 * delivers, and stores.
 */
public final class PostsLog implements Arrivals {
  private static final Logger log = LoggerFactory.getLogger(PostsLog.class);
  private static final Duration REFRESH = Duration.ofSeconds(1);
  private static final Duration STATE_AGAIN = Duration.ofSeconds(10);
  private static final Duration LONGEST_UNKNOWN = Duration.ofSeconds(30);

  private final ActorSystem<?> system;
  private final LogSettings settings;
  private final LogTopics topics;
  private final LogWriter writer;
  private final ParkedLines parked;
  private final RecentPosts recent;
  private final Interest interest = new Interest();
  private final Log own;
  private final List<Log> all = new ArrayList<>();
  private final Cancellable refreshing;
  private volatile Positions applied = Positions.EMPTY;
  private final HybridClock clock;
  // Of the scheduled task alone.
  private volatile Positions stated = Positions.EMPTY;
  private volatile long statedNanos;
  private volatile List<IntentApplier> intentAppliers = List.of();

  private PostsLog(
      ActorSystem<?> system,
      LogSettings settings,
      int cell,
      String cellName,
      List<OtherCell> others,
      PostStore store,
      HybridClock clock,
      PostListener listener) {
    this.system = system;
    this.settings = settings;
    this.clock = clock;
    topics = new LogTopics(settings, cellName);
    writer = new LogWriter(settings, topics);
    parked = new ParkedLines(settings, topics, writer);
    recent = new RecentPosts(settings.maxReferences());
    long references = settings.maxReferences() / (1 + others.size());
    Reading reading =
        new Reading(cell, references, store, others.isEmpty() ? null : writer, clock, listener);
    own = new Log(cell, topics, reading);
    all.add(own);
    for (OtherCell other : others) {
      all.add(new Log(other.number(), LogTopics.copiesOf(other, settings), reading));
    }
    own.start();
    refreshing =
        system
            .scheduler()
            .scheduleAtFixedRate(Duration.ZERO, REFRESH, this::refresh, system.executionContext());
  }

  private void refresh() {
    try {
      all.forEach(Log::refresh);
      intentAppliers.forEach(IntentApplier::refresh);
      state();
    } catch (RuntimeException e) {
      // Thrown on, it would be the last time.
      log.error("What is known of the logs was not brought up to date", e);
    }
  }

  private record Reading(
      int here,
      long references,
      PostStore store,
      @Nullable LogWriter merging,
      HybridClock clock,
      PostListener listener) {}

  /** One posts log as this node has it: this cell's own, or the copy of another cell's. */
  private final class Log {
    final int cell;
    final LogTopics topics;
    final LogTail tail;
    final PostStoreWriter storeWriter;
    private final AtomicBoolean pending = new AtomicBoolean();
    private final AtomicBoolean started = new AtomicBoolean();
    private final AtomicBoolean storing = new AtomicBoolean();
    private volatile boolean absent;
    private volatile long knownNanos = System.nanoTime();
    private volatile boolean saidUnknown;
    volatile @Nullable LogBounds bounds;

    Log(int cell, LogTopics topics, Reading reading) {
      this.cell = cell;
      this.topics = topics;
      tail =
          new LogTail(
              system,
              settings,
              cell,
              reading.here,
              topics,
              reading.references,
              recent,
              interest,
              reading.clock,
              reading.listener,
              reading.store.erased(),
              PostsLog.this::onApplied);
      storeWriter =
          new PostStoreWriter(
              system, settings, cell, reading.here, topics, reading.store, reading.merging, parked);
    }

    void start() {
      if (started.compareAndSet(false, true)) {
        tail.start();
      }
      // Posts of other cells once it is known whom this one has erased meanwhile.
      if ((this == own || own.tail.caughtUp()) && storing.compareAndSet(false, true)) {
        storeWriter.start();
      }
    }

    void stop() {
      if (started.getAndSet(true)) {
        tail.stop();
      }
      if (storing.getAndSet(true)) {
        storeWriter.stop();
      }
    }

    void refresh() {
      if (pending.compareAndSet(false, true)) {
        topics
            .bounds()
            .thenAccept(this::onBounds)
            .exceptionallyCompose(this::withoutEnds)
            .whenComplete((known, failure) -> refreshed(failure));
      }
    }

    /** Else one partition without a leader would keep what is stored of all others in memory. */
    private CompletionStage<Void> withoutEnds(Throwable failure) {
      LogBounds known = bounds;
      CompletionStage<Void> stored =
          known == null
              ? CompletableFuture.completedStage(null)
              : topics.storedNow(known).thenAccept(this::onBounds);
      return stored
          .exceptionally(unknown -> null)
          .thenCompose(done -> CompletableFuture.failedStage(failure));
    }

    private void onBounds(LogBounds now) {
      bounds = now;
      start();
      tail.observe(now);
      storeWriter.observe(now);
    }

    private void refreshed(@Nullable Throwable failure) {
      pending.set(false);
      Throwable cause = failure instanceof CompletionException e ? e.getCause() : failure;
      absent = cause instanceof UnknownTopicOrPartitionException;
      if (failure == null || absent) {
        knownNanos = System.nanoTime();
        saidUnknown = false;
      } else if (!saidUnknown && isUnknownForLong()) {
        saidUnknown = true;
        log.warn(
            "Where {} ends has been unknown for {}, perhaps for want of one partition's leader:"
                + " lags stand still",
            topics.posts(),
            LONGEST_UNKNOWN,
            failure);
      }
    }

    private boolean isUnknownForLong() {
      return System.nanoTime() - knownNanos > LONGEST_UNKNOWN.toNanos();
    }

    /** Whether it is known from where on its lines are remembered, if there are any. */
    boolean located() {
      return (this != own && absent) || tail.located();
    }

    boolean awaits(LogPartition partition) {
      LogBounds known = bounds;
      LogBounds.Partition copy =
          known == null ? null : known.partitions().get(partition.partition());
      return copy == null || copy.end() == 0;
    }

    Map<Integer, Long> tailLag() {
      LogBounds known = bounds;
      return known == null ? Map.of() : known.lag(cell, tail.read());
    }

    Map<Integer, Long> storeLag() {
      LogBounds known = bounds;
      return known == null ? Map.of() : known.groupLag();
    }
  }

  /**
   * Begins at once and needs no broker to be there: what is away is tried again until it comes.
   *
   * @param others the cells whose posts are copied to this one
   */
  public static PostsLog start(
      ActorSystem<?> system,
      LogSettings settings,
      int cell,
      String cellName,
      List<OtherCell> others,
      PostStore store,
      HybridClock clock,
      PostListener listener) {
    return new PostsLog(system, settings, cell, cellName, others, store, clock, listener);
  }

  /**
   * Begins to tell users what others' intents mean for them, and their own of other cells; once
   * only. Of the appliers the first is that of this cell's own log.
   */
  public List<IntentApplier> applyIntents(IntentApplier.Targets targets, Reached reached) {
    List<IntentApplier> appliers =
        all.stream()
            .map(
                each ->
                    new IntentApplier(
                        system, settings, own.cell, each.topics, parked, targets, reached))
            .toList();
    appliers.get(0).start();
    intentAppliers = appliers;
    return appliers;
  }

  /** Says on this cell's intents log how far this node has applied the logs of others. */
  private void state() {
    Positions now = Positions.EMPTY;
    for (Log each : all) {
      now = now.merge(each.storeWriter.reached());
    }
    for (IntentApplier applier : intentAppliers) {
      now = now.merge(applier.reached());
    }
    long nanos = System.nanoTime();
    boolean again = nanos - statedNanos >= STATE_AGAIN.toNanos();
    if (all.size() == 1 || (now.equals(stated) && !again)) {
      return;
    }
    stated = now;
    statedNanos = nanos;
    writer
        .append(
            IntentLine.newBuilder()
                .setOriginCell(own.cell)
                .setAt(clock.next())
                .setAppliedPositions(AppliedPositions.newBuilder().addAllPositions(now.toProto()))
                .setReadsForm(LineForms.ofMembers(system))
                .build())
        .whenComplete(
            (done, failure) -> {
              if (failure != null) {
                log.debug("Other cells are not told what is applied here for now", failure);
              }
            });
  }

  /**
   * Up to where the lines of a user lie in this cell's posts log, or its intents log; asks the
   * broker.
   */
  public CompletionStage<Positions> end(UserId user, boolean posts) {
    return topics.end(posts ? topics.posts() : topics.intents(), own.cell, user);
  }

  /** Completes when what was waiting has been appended, or has failed. */
  public CompletionStage<Void> stop() {
    refreshing.cancel();
    all.forEach(Log::stop);
    intentAppliers.forEach(IntentApplier::stop);
    return writer.stop().thenRun(() -> all.forEach(each -> each.topics.close()));
  }

  @Override
  public Positions applied() {
    return applied;
  }

  @Override
  public Positions stored() {
    return recent.stored();
  }

  // Runs on the thread that applies all of them.
  private void onApplied() {
    Positions now = Positions.EMPTY;
    for (Log each : all) {
      now = now.merge(each.tail.applied());
    }
    applied = now;
  }

  @Override
  public void register(UserId author, Inbox inbox) {
    interest.add(author, inbox);
  }

  @Override
  public void register(Set<UserId> authors, Inbox inbox) {
    interest.add(authors, inbox);
  }

  @Override
  public void unregister(UserId author, Inbox inbox) {
    interest.remove(author, inbox);
  }

  @Override
  public void registerTag(String tag, Inbox inbox) {
    interest.addTag(tag, inbox);
  }

  @Override
  public void unregisterTag(String tag, Inbox inbox) {
    interest.removeTag(tag, inbox);
  }

  @Override
  public boolean reachesBack(Positions from) {
    return all.stream().allMatch(Log::located) && recent.reachesBack(from);
  }

  @Override
  public Positions settled(Positions reached) {
    Positions settled = reached;
    for (Log each : all) {
      settled = settled.atMost(each.tail.unsettled());
    }
    return settled;
  }

  @Override
  public boolean remembersSince(Positions applied) {
    return recent.reachesBack(applied);
  }

  @Override
  public List<PostRef> recent(UserId author, Positions after) {
    return recent.recent(author, after);
  }

  @Override
  public List<PostRef> recent(Set<UserId> authors, Positions after) {
    return recent.recent(authors, after);
  }

  @Override
  public PostRef remembered(PostRef ref) {
    return recent.remembered(ref);
  }

  @Override
  public List<PostRef> recentWithTag(String tag, Positions after) {
    return recent.recentWithTag(tag, after);
  }

  /** Whether lines of another cell's partition, if there are any, have yet to come here at all. */
  public boolean awaits(LogPartition partition) {
    return all.stream()
        .anyMatch(each -> each != own && each.cell == partition.cell() && each.awaits(partition));
  }

  /**
   * Whether this node has applied, by the time that is asked, everything that a cell's log or its
   * copy here holds now; asks the broker. Fails for a cell of which nothing is known here.
   */
  public CompletionStage<BooleanSupplier> appliedToTheEnd(int cell) {
    return all.stream()
        .filter(each -> each.cell == cell)
        .findFirst()
        .map(PostsLog::appliedToTheEnd)
        .orElseGet(
            () ->
                CompletableFuture.failedStage(
                    new IllegalArgumentException("cell " + cell + " is not known here")));
  }

  private static CompletionStage<BooleanSupplier> appliedToTheEnd(Log of) {
    return of.topics
        .bounds()
        .thenApply(
            bounds -> {
              Positions end = bounds.end(of.cell);
              return () -> of.tail.read().covers(end);
            });
  }

  /** How many lines this node has yet to apply, by partition, as of the last look at the end. */
  public Map<Integer, Long> tailLag() {
    return own.tailLag();
  }

  /** How many lines are not in the post store yet, by partition, as of the last look. */
  public Map<Integer, Long> storeLag() {
    return own.storeLag();
  }

  /** How many copied lines of other cells this node has yet to apply, as of the last look. */
  public long copiesTailLag() {
    return sumOfCopies(Log::tailLag);
  }

  /** How many copied lines of other cells are not in the post store yet, as of the last look. */
  public long copiesStoreLag() {
    return sumOfCopies(Log::storeLag);
  }

  /** How many copied lines of another cell are not applied by this one yet, of both logs. */
  public long copiesLag(int cell) {
    long lag = 0;
    for (int i = 0; i < all.size(); i++) {
      Log each = all.get(i);
      if (each != own && each.cell == cell) {
        lag += sum(each.storeLag());
        lag += i < intentAppliers.size() ? sum(intentAppliers.get(i).lag()) : 0;
      }
    }
    return lag;
  }

  /** The logs of which it has been unknown for 30 s where they end: their lags stand still. */
  public List<String> unknownEnds() {
    return all.stream().filter(Log::isUnknownForLong).map(each -> each.topics.posts()).toList();
  }

  private static long sum(Map<Integer, Long> byPartition) {
    return byPartition.values().stream().mapToLong(Long::longValue).sum();
  }

  private long sumOfCopies(Function<Log, Map<Integer, Long>> lag) {
    return all.stream()
        .filter(each -> each != own)
        .flatMap(each -> lag.apply(each).values().stream())
        .mapToLong(Long::longValue)
        .sum();
  }

  /** How many lines of posts logs this node has parked, this cell's own and copied ones. */
  public long parkedLines() {
    return all.stream().mapToLong(each -> each.storeWriter.parked()).sum();
  }

  /** How many lines of posts logs were skipped here because they cannot be read. */
  public long poison() {
    return all.stream().mapToLong(each -> each.tail.poison()).sum();
  }

  /** How many times reading a posts log began anew after a failure. */
  public long tailRestarts() {
    return all.stream().mapToLong(each -> each.tail.restarts()).sum();
  }

  /** This cell's own. */
  public LogTopics topics() {
    return topics;
  }

  public LogWriter writer() {
    return writer;
  }

  /** Of this cell's own log. */
  public LogTail tail() {
    return own.tail;
  }

  public RecentPosts recentPosts() {
    return recent;
  }

  public Interest interest() {
    return interest;
  }

  /** Of this cell's own log. */
  public PostStoreWriter storeWriter() {
    return own.storeWriter;
  }

  public ParkedLines parked() {
    return parked;
  }
}
