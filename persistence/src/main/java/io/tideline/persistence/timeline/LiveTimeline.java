package io.tideline.persistence.timeline;

import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A timeline that is awake: registered with the log, filled from a checkpoint or the store, and
 * published to the readers of this node.
 *
 * <p>Everything runs on the owner's thread, to which answers come back through {@code owner}. No
 * gap is possible because an author is registered first and its recent lines are read second, and
 * because those are read both before and after the store is: what the store did not have yet was
 * recent before or is recent after, and when something that came in between has been forgotten
 * already, all is read again. One load runs at a time: none replaces what another one found. A view
 * is shown only once the log has been applied on this node up to everything in it, so its positions
 * never claim less than it shows nor more than it holds.
 */
public final class LiveTimeline {
  private static final Logger LOG = LoggerFactory.getLogger(LiveTimeline.class);
  private static final Duration RETRY = Duration.ofMillis(500);
  private static final Duration TAIL_CHECK = Duration.ofMillis(5);
  private static final int TAIL_CHECKS = 400;

  /**
   * What a timeline lives on.
   *
   * @param capacity how many entries it keeps
   * @param inboxCapacity how many lines may wait for it; when more come it reloads
   */
  public record Surroundings(
      Arrivals arrivals,
      Stored stored,
      ResidentTimelines residents,
      TimelineStats stats,
      Consumer<Collection<PostId>> prefetch,
      int capacity,
      int inboxCapacity) {}

  /** Where all posts are kept. */
  @FunctionalInterface
  public interface Stored {
    /**
     * The newest posts of all these sources together between two ids, neither of them included;
     * deleted ones too.
     *
     * @param limit how many wanted ones; those that are not wanted are among the answer as well, up
     *     to {@code 4 * limit} in all
     */
    CompletionStage<Newest> newest(
        Sources sources, PostId olderThan, PostId newerThan, int limit, Predicate<PostRef> wanted);
  }

  /** The thread that everything runs on; asked from any thread. */
  @FunctionalInterface
  public interface Owner extends Executor {
    default void executeIn(Duration delay, Runnable task) {
      CompletableFuture.delayedExecutor(delay.toMillis(), TimeUnit.MILLISECONDS, this)
          .execute(task);
    }
  }

  private record Waiting(Runnable task, Consumer<String> ifStopped) {}

  private final UserId user;
  private final Surroundings around;
  private final Owner owner;
  private final Inbox inbox;
  private final ResidentTimeline resident;
  private final List<FeedWatcher> watchers = new ArrayList<>();
  private final List<Waiting> whenSettled = new ArrayList<>();
  private final long startedNanos = System.nanoTime();

  private Set<UserId> followees;
  private Timeline timeline;
  private Positions positions = Positions.EMPTY;
  private boolean awake;
  private boolean cold;
  private boolean stopped;

  // What is being loaded, and what is to be loaded next.
  private boolean loading;
  private boolean loadingAll;
  private boolean allMissing;
  private final Set<UserId> missing = new HashSet<>();
  // Lines were dropped: positions stand still until all has been loaded.
  private boolean behind;

  /**
   * Prepares a timeline that sleeps until {@link #wake}.
   *
   * @param drain called from any thread when lines wait in the inbox; to end in {@link #drain}
   * @param followees whom the user follows
   */
  public LiveTimeline(
      UserId user, Surroundings around, Owner owner, Runnable drain, Set<UserId> followees) {
    this.user = user;
    this.around = around;
    this.owner = owner;
    this.followees = followees;
    this.inbox = new Inbox(around.inboxCapacity(), drain);
    this.timeline = new Timeline(around.capacity());
    this.resident = new ResidentTimeline(user, watcher -> owner.execute(() -> watch(watcher)));
  }

  /** Fills the timeline, from the checkpoint where the log still reaches back to it. */
  public void wake(@Nullable Checkpoint checkpoint) {
    register(user);
    followees.forEach(this::register);
    if (checkpoint == null) loadCold();
    else resume(checkpoint);
  }

  private void loadCold() {
    cold = true;
    allMissing = true;
    loadNext();
  }

  private void resume(Checkpoint checkpoint) {
    loading = true;
    loadingAll = true;
    attempt(
        TAIL_CHECKS,
        patient -> {
          drain();
          List<PostRef> lines = new ArrayList<>();
          for (UserId author : authors()) {
            lines.addAll(around.arrivals().recent(author, checkpoint.positions()));
          }
          Positions applied = around.arrivals().applied();
          if (!around.arrivals().reachesBack(checkpoint.positions())) {
            loading = false;
            loadCold();
            return true;
          }
          Positions held = checkpoint.positions().of(applied);
          if (patient && !(applied.covers(held) && covered(lines))) return false;
          List<PostRef> refs = new ArrayList<>(checkpoint.entries());
          refs.addAll(lines);
          finish(Timeline.of(around.capacity(), checkpoint.floor(), refs, this::eligible), held);
          return true;
        });
  }

  /** Whom the user follows, whatever was said before. */
  public void follows(Set<UserId> allFollowees) {
    Set<UserId> gone = new HashSet<>(followees);
    gone.removeAll(allFollowees);
    Set<UserId> added = new HashSet<>(allFollowees);
    added.removeAll(followees);
    unfollowed(gone, allFollowees);
    if (!added.isEmpty()) followed(added, allFollowees);
    drain();
  }

  /** The user now follows these too. */
  public void followed(Collection<UserId> targets, Set<UserId> allFollowees) {
    followees = allFollowees;
    targets.forEach(this::register);
    missing.addAll(targets);
    loadNext();
  }

  /** The user no longer follows these. */
  public void unfollowed(Collection<UserId> targets, Set<UserId> allFollowees) {
    followees = allFollowees;
    for (UserId target : targets) {
      if (!target.equals(user)) around.arrivals().unregister(target, inbox);
    }
    List<PostRef> removed = timeline.removeIf(ref -> !eligible(ref));
    if (!awake) return;
    TimelineView shown = resident.view();
    if (behind && shown != null) resident.show(shown.only(this::eligible));
    if (removed.isEmpty()) return;
    show();
    tell(removed.stream().map(r -> new FeedWatcher.Change(Timeline.Change.REMOVED, r)).toList());
    refillIfThin();
  }

  /** Applies what waits in the inbox and shows it. */
  public void drain() {
    if (stopped) return;
    Positions applied = around.arrivals().applied();
    List<PostRef> lines = inbox.drain();
    if (inbox.overflowed() && !behind) {
      LOG.warn("More arrived for {} at once than its inbox holds; loading it again", user);
      around.stats().overflows.increment();
      loadAgain();
    }
    if (awake && !behind && !positions.knowsAllOf(applied)) {
      LOG.warn("The logs of {} are not those that its timeline knows; loading it again", user);
      loadAgain();
    }
    List<FeedWatcher.Change> changes = new ArrayList<>(lines.size());
    Positions reached = positions.merge(applied);
    for (PostRef line : lines) {
      if (!reached.contains(line.partition, line.offset)) {
        reached = reached.with(line.partition, line.offset + 1);
      }
      Timeline.Change change = timeline.apply(line, this::eligible);
      if (change != Timeline.Change.NONE) changes.add(new FeedWatcher.Change(change, line));
    }
    around.stats().applied.add(lines.size());
    if (!awake) return;
    if (!behind) positions = reached;
    show();
    tell(changes);
    refillIfThin();
  }

  private void loadAgain() {
    behind = true;
    // A load of everything ends with a look at all that is remembered: it makes good for this too.
    if (loading && loadingAll) return;
    allMissing = true;
    loadNext();
  }

  /**
   * Runs the task once everything asked for so far is in the view.
   *
   * @param ifStopped told why that will never be
   */
  public void whenSettled(Runnable task, Consumer<String> ifStopped) {
    drain();
    if (settled()) task.run();
    else whenSettled.add(new Waiting(task, ifStopped));
  }

  /** What the timeline holds now; {@code null} while it is not complete. */
  public @Nullable Checkpoint checkpoint() {
    drain();
    if (!settled()) return null;
    return new Checkpoint(timeline.entries(), positions, timeline.floor());
  }

  /** Whether the view holds everything that was asked for. */
  public boolean settled() {
    return awake && !loading && !allMissing && missing.isEmpty();
  }

  public boolean watched() {
    watchers.removeIf(FeedWatcher::gone);
    return !watchers.isEmpty();
  }

  /** How long nobody has read or watched it. */
  public Duration idle() {
    return watched() ? Duration.ZERO : Duration.ofNanos(resident.idleNanos());
  }

  public void showReadTo(@Nullable PostId readTo) {
    resident.showReadTo(readTo);
  }

  /** Leaves the log and the readers of this node. */
  public void stop(String reason) {
    stopped = true;
    around.residents().remove(resident);
    around.arrivals().unregister(user, inbox);
    for (UserId followee : followees) around.arrivals().unregister(followee, inbox);
    watchers.forEach(watcher -> watcher.close(reason));
    watchers.clear();
    whenSettled.forEach(waiting -> waiting.ifStopped().accept(reason));
    whenSettled.clear();
  }

  private void watch(FeedWatcher watcher) {
    if (stopped) {
      watcher.close("the timeline has left this node");
      return;
    }
    whenSettled(
        () -> {
          Positions from = watcher.resumesFrom();
          List<FeedWatcher.Change> missed = new ArrayList<>();
          if (from != null) {
            for (PostRef ref : timeline.entries()) {
              if (!TimelineView.arrivedBy(from, ref)) {
                missed.add(new FeedWatcher.Change(Timeline.Change.ADDED, ref));
              }
            }
          }
          if (watcher.offer(missed, positions)) watchers.add(watcher);
        },
        watcher::close);
  }

  private void loadNext() {
    if (loading || (!allMissing && missing.isEmpty())) return;
    loading = true;
    loadingAll = allMissing;
    List<UserId> wanted = allMissing ? authors() : List.copyOf(missing);
    allMissing = false;
    missing.clear();
    load(wanted);
  }

  private void load(Collection<UserId> wanted) {
    Positions since = around.arrivals().applied();
    List<PostRef> before = recent(wanted);
    PostId floor = loadingAll ? PostId.MIN : timeline.floor();
    around
        .stored()
        .newestOfAll(wanted, around.capacity(), floor)
        .whenComplete(
            (stored, failure) ->
                owner.execute(
                    () -> {
                      if (failure == null) merge(wanted, since, before, stored);
                      else retry(wanted, failure);
                    }));
  }

  private void retry(Collection<UserId> wanted, Throwable failure) {
    if (stopped) return;
    around.stats().failedLoads.increment();
    LOG.warn("Loading the timeline of {} failed; trying again", user, failure);
    owner.executeIn(RETRY, () -> loadOnceMore(wanted));
  }

  private void loadOnceMore(Collection<UserId> wanted) {
    if (stopped) return;
    loading = false;
    if (loadingAll) allMissing = true;
    else missing.addAll(wanted);
    loadNext();
  }

  private void merge(
      Collection<UserId> wanted, Positions since, List<PostRef> before, Newest stored) {
    attempt(
        TAIL_CHECKS,
        patient -> {
          drain();
          List<PostRef> refs = new ArrayList<>(stored.refs());
          refs.addAll(before);
          refs.addAll(recent(wanted));
          if (!remembered(since)) {
            loadOnceMore(wanted);
            return true;
          }
          if (patient && !covered(refs)) return false;
          PostId floor = stored.cutOff() ? below(stored.refs()) : PostId.MIN;
          if (!loadingAll) {
            refs.addAll(timeline.entries());
            if (floor.compareTo(timeline.floor()) < 0) floor = timeline.floor();
          }
          finish(
              Timeline.of(around.capacity(), floor, refs, this::eligible),
              loadingAll ? since : Positions.EMPTY);
          return true;
        });
  }

  private List<PostRef> recent(Collection<UserId> authors) {
    List<PostRef> lines = new ArrayList<>();
    for (UserId author : authors) {
      lines.addAll(around.arrivals().recent(author, Positions.EMPTY));
    }
    return lines;
  }

  /** True when nothing that has arrived since then was forgotten. */
  private boolean remembered(Positions since) {
    return around.arrivals().reachesBack(since)
        || (since.equals(Positions.EMPTY) && around.arrivals().applied().equals(Positions.EMPTY));
  }

  private void attempt(int checks, Predicate<Boolean> step) {
    if (stopped || step.test(checks > 0)) return;
    owner.executeIn(TAIL_CHECK, () -> attempt(checks - 1, step));
  }

  private void finish(Timeline loaded, Positions reflected) {
    List<PostRef> old = timeline.entries();
    timeline = loaded;
    positions = positions.merge(reflected);
    loading = false;
    if (loadingAll) behind = false;
    tell(differences(old, loaded.entries()));
    if (!awake) {
      awake = true;
      around.stats().activated(cold, System.nanoTime() - startedNanos);
      prefetch();
    }
    drain();
    loadNext();
    if (!settled()) return;
    List<Waiting> settled = List.copyOf(whenSettled);
    whenSettled.clear();
    settled.forEach(waiting -> waiting.task().run());
  }

  private void prefetch() {
    TimelineView view = timeline.publish(positions);
    around.prefetch().accept(view.older(null, null, 40).stream().map(PostRef::id).toList());
  }

  private static List<FeedWatcher.Change> differences(List<PostRef> old, List<PostRef> now) {
    Map<PostId, PostRef> gone = new HashMap<>();
    for (PostRef ref : old) gone.put(ref.id(), ref);
    List<FeedWatcher.Change> changes = new ArrayList<>();
    for (PostRef ref : now) {
      PostRef before = gone.remove(ref.id());
      if (before == null) {
        changes.add(new FeedWatcher.Change(Timeline.Change.ADDED, ref));
      } else if (before.version < ref.version) {
        changes.add(new FeedWatcher.Change(Timeline.Change.CHANGED, ref));
      }
    }
    gone.values().forEach(ref -> changes.add(new FeedWatcher.Change(Timeline.Change.REMOVED, ref)));
    return changes;
  }

  /** Fetches older posts when removals have emptied a timeline that had been cut off. */
  private void refillIfThin() {
    if (settled()
        && !timeline.floor().equals(PostId.MIN)
        && timeline.size() < around.capacity() / 2) {
      allMissing = true;
      loadNext();
    }
  }

  private void show() {
    // What is missing may lie below what is here: readers keep the last view that was whole.
    if (behind) return;
    boolean first = resident.view() == null;
    resident.show(timeline.publish(positions));
    if (first) around.residents().add(resident);
  }

  private void tell(List<FeedWatcher.Change> changes) {
    if (!changes.isEmpty() && !watchers.isEmpty()) {
      watchers.removeIf(watcher -> !watcher.offer(changes, positions));
    }
  }

  /** True when this node has applied its logs up to all of these lines. */
  private boolean covered(List<PostRef> lines) {
    Positions applied = around.arrivals().applied();
    for (PostRef line : lines) {
      if (!TimelineView.arrivedBy(applied, line)) return false;
    }
    return true;
  }

  /** The id just below the oldest of these. */
  private static PostId below(List<PostRef> stored) {
    PostId oldest = stored.stream().map(PostRef::id).min(PostId::compareTo).orElse(PostId.MIN);
    if (oldest.equals(PostId.MIN)) return oldest;
    return new PostId(oldest.lo() == 0 ? oldest.hi() - 1 : oldest.hi(), oldest.lo() - 1);
  }

  private boolean eligible(PostRef post) {
    return post.author.equals(user) || followees.contains(post.author);
  }

  private List<UserId> authors() {
    List<UserId> authors = new ArrayList<>(followees);
    authors.add(user);
    return authors;
  }

  private void register(UserId author) {
    around.arrivals().register(author, inbox);
  }
}
