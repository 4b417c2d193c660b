package io.tideline.multidc;

import io.tideline.multidc.apply.IntentApplier;
import io.tideline.multidc.apply.PostStoreWriter;
import io.tideline.multidc.log.Interest;
import io.tideline.multidc.log.LogBounds;
import io.tideline.multidc.log.LogSettings;
import io.tideline.multidc.log.LogTail;
import io.tideline.multidc.log.LogTopics;
import io.tideline.multidc.log.LogWriter;
import io.tideline.multidc.log.ParkedLines;
import io.tideline.multidc.log.PostListener;
import io.tideline.multidc.log.RecentPosts;
import io.tideline.persistence.posts.PostStore;
import io.tideline.persistence.timeline.Arrivals;
import io.tideline.persistence.timeline.Inbox;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.Positions;
import io.tideline.protocols.UserId;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.pekko.actor.Cancellable;
import org.apache.pekko.actor.typed.ActorSystem;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One node's part in the logs of its cell: appends, reads, remembers, delivers, and stores. */
public final class PostsLog implements Arrivals {
  private static final Logger log = LoggerFactory.getLogger(PostsLog.class);
  private static final Duration REFRESH = Duration.ofSeconds(1);

  private final ActorSystem<?> system;
  private final LogSettings settings;
  private final int cell;
  private final LogTopics topics;
  private final LogWriter writer;
  private final ParkedLines parked;
  private final RecentPosts recent;
  private final Interest interest = new Interest();
  private final LogTail tail;
  private final PostStoreWriter storeWriter;
  private final Cancellable refreshing;
  private final AtomicBoolean refreshPending = new AtomicBoolean();
  private volatile @Nullable LogBounds bounds;
  private volatile @Nullable IntentApplier intentApplier;

  private PostsLog(
      ActorSystem<?> system,
      LogSettings settings,
      int cell,
      String cellName,
      PostStore store,
      HybridClock clock,
      PostListener listener) {
    this.system = system;
    this.settings = settings;
    this.cell = cell;
    topics = new LogTopics(settings, cellName);
    writer = new LogWriter(settings, topics);
    parked = new ParkedLines(settings, topics, writer);
    recent = new RecentPosts(settings.maxReferences());
    tail =
        new LogTail(
            system, settings, cell, topics, recent, interest, clock, listener, store.erased());
    storeWriter = new PostStoreWriter(system, settings, cell, topics, store, parked);
    tail.start();
    storeWriter.start();
    refreshing =
        system
            .scheduler()
            .scheduleAtFixedRate(REFRESH, REFRESH, this::refresh, system.executionContext());
  }

  /** Begins at once and needs no broker to be there: what is away is tried again until it comes. */
  public static PostsLog start(
      ActorSystem<?> system,
      LogSettings settings,
      int cell,
      String cellName,
      PostStore store,
      HybridClock clock,
      PostListener listener) {
    return new PostsLog(system, settings, cell, cellName, store, clock, listener);
  }

  /** Begins to tell users what others' intents mean for them; once only. */
  public IntentApplier applyIntents(IntentApplier.Targets targets) {
    IntentApplier applier = new IntentApplier(system, settings, topics, parked, targets);
    applier.start();
    intentApplier = applier;
    return applier;
  }

  /** Completes when what was waiting has been appended, or has failed. */
  public CompletionStage<Void> stop() {
    refreshing.cancel();
    tail.stop();
    storeWriter.stop();
    IntentApplier applier = intentApplier;
    if (applier != null) {
      applier.stop();
    }
    return writer.stop().thenRun(topics::close);
  }

  private void refresh() {
    if (refreshPending.compareAndSet(false, true)) {
      topics
          .bounds()
          .thenAccept(this::onBounds)
          .thenCompose(known -> refreshIntents())
          .whenComplete((known, failure) -> refreshed(failure));
    }
  }

  private void onBounds(LogBounds now) {
    bounds = now;
    tail.observe(now);
    storeWriter.observe(now);
  }

  private CompletionStage<Void> refreshIntents() {
    IntentApplier applier = intentApplier;
    return applier == null
        ? CompletableFuture.completedStage(null)
        : topics.intentBounds().thenAccept(applier::observe);
  }

  private void refreshed(@Nullable Throwable failure) {
    refreshPending.set(false);
    if (failure != null) {
      log.debug("How far the logs have been read is unknown for now", failure);
    }
  }

  @Override
  public Positions applied() {
    return tail.applied();
  }

  @Override
  public void register(UserId author, Inbox inbox) {
    interest.add(author, inbox);
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
    return recent.reachesBack(from);
  }

  @Override
  public List<PostRef> recent(UserId author, Positions after) {
    return recent.recent(author, after);
  }

  @Override
  public List<PostRef> recentWithTag(String tag, Positions after) {
    return recent.recentWithTag(tag, after);
  }

  /** Up to where the log has been written by now; asks the broker. */
  public CompletionStage<Positions> end() {
    return topics.bounds().thenApply(now -> now.end(cell));
  }

  /** How many lines this node has yet to apply, by partition, as of the last look at the end. */
  public Map<Integer, Long> tailLag() {
    LogBounds known = bounds;
    return known == null ? Map.of() : known.lag(cell, tail.applied());
  }

  /** How many lines are not in the post store yet, by partition, as of the last look. */
  public Map<Integer, Long> storeLag() {
    LogBounds known = bounds;
    return known == null ? Map.of() : known.groupLag();
  }

  public LogWriter writer() {
    return writer;
  }

  public LogTail tail() {
    return tail;
  }

  public RecentPosts recentPosts() {
    return recent;
  }

  public Interest interest() {
    return interest;
  }

  public PostStoreWriter storeWriter() {
    return storeWriter;
  }

  public ParkedLines parked() {
    return parked;
  }
}
