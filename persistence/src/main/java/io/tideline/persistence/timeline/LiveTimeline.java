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
 * still recent before, or has come through the inbox. A view is shown only once the log has been
 * applied on this node up to everything in it, so its positions never claim less than it shows nor
 * more than it holds.
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
    /** The newest posts of all these authors together, above the floor; deleted ones too. */
    CompletionStage<Newest> newestOfAll(Collection<UserId> authors, int limit, PostId floor);
  }

  /** The thread that everything runs on; asked from any thread. */
  @FunctionalInterface
  public interface Owner extends Executor {
    default void executeIn(Duration delay, Runnable task) {
      CompletableFuture.delayedExecutor(delay.toMillis(), TimeUnit.MILLISECONDS, this)
          .execute(task);
    }
  }

  private final UserId user;
  private final Surroundings around;
  private final Owner owner;
  private final Inbox inbox;
  private final ResidentTimeline resident;
  private final List<FeedWatcher> watchers = new ArrayList<>();
  private final List<Runnable> whenSettled = new ArrayList<>();
  private final long startedNanos = System.nanoTime();

  private Set<UserId> followees;
  private Timeline timeline;
  private Positions positions = Positions.EMPTY;
  private int loads;
  private boolean awake;
  private boolean behind;
  private boolean cold;
  private boolean stopped;

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
    if (checkpoint != null && around.arrivals().reachesBack(checkpoint.positions())) {
      resume(checkpoint);
    } else {
      cold = true;
      load(authors(), true);
    }
  }

  private void resume(Checkpoint checkpoint) {
    loads++;
    attempt(
        TAIL_CHECKS,
        patient -> {
          List<PostRef> lines = new ArrayList<>();
          for (UserId author : authors()) {
            lines.addAll(around.arrivals().recent(author, checkpoint.positions()));
          }
          // Asked again behind the reading: what is forgotten meanwhile would be missing.
          if (!around.arrivals().reachesBack(checkpoint.positions())) {
            loads--;
            cold = true;
            load(authors(), true);
            return true;
          }
          if (patient && !covered(lines)) return false;
          List<PostRef> refs = new ArrayList<>(checkpoint.entries());
          refs.addAll(lines);
          finish(Timeline.of(around.capacity(), checkpoint.floor(), refs, this::eligible));
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
    load(List.copyOf(targets), false);
  }

  /** The user no longer follows these. */
  public void unfollowed(Collection<UserId> targets, Set<UserId> allFollowees) {
    followees = allFollowees;
    for (UserId target : targets) {
      if (!target.equals(user)) around.arrivals().unregister(target, inbox);
    }
    List<PostRef> removed = timeline.removeIf(ref -> !eligible(ref));
    if (removed.isEmpty()) return;
    show();
    tell(
        removed.stream().map(r -> new FeedWatcher.Change(Timeline.Change.REMOVED, r)).toList(),
        positions);
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
      behind = true;
      load(authors(), true);
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
    if (behind) {
      // What is missing may lie below what is here: readers keep the last view that was whole.
      tell(changes, positions);
      return;
    }
    positions = reached;
    show();
    tell(changes, positions);
    refillIfThin();
  }

  /** Runs the task once everything asked for so far is in the view. */
  public void whenSettled(Runnable task) {
    drain();
    if (loads == 0) task.run();
    else whenSettled.add(task);
  }

  /** What the timeline holds now; {@code null} while it is not complete. */
  public @Nullable Checkpoint checkpoint() {
    drain();
    if (loads > 0 || behind) return null;
    return new Checkpoint(timeline.entries(), positions, timeline.floor());
  }

  /** Whether the view holds everything that was asked for. */
  public boolean settled() {
    return awake && loads == 0 && !behind;
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
        });
  }

  private void load(Collection<UserId> wanted, boolean whole) {
    loads++;
    Map<UserId, List<PostRef>> before = new HashMap<>();
    for (UserId author : wanted) {
      List<PostRef> lines = around.arrivals().recent(author, Positions.EMPTY);
      if (!lines.isEmpty()) before.put(author, lines);
    }
    PostId floor = whole ? PostId.MIN : timeline.floor();
    around
        .stored()
        .newestOfAll(wanted, around.capacity(), floor)
        .whenComplete(
            (stored, failure) ->
                owner.execute(
                    () -> {
                      if (failure == null) {
                        merge(wanted, whole, before, stored.refs(), stored.cutOff());
                      } else {
                        retry(wanted, whole, failure);
                      }
                    }));
  }

  private void retry(Collection<UserId> wanted, boolean whole, Throwable failure) {
    loads--;
    if (stopped) return;
    around.stats().failedLoads.increment();
    LOG.warn("Loading the timeline of {} failed; trying again", user, failure);
    loads++;
    owner.executeIn(
        RETRY,
        () -> {
          loads--;
          if (!stopped) load(wanted, whole);
        });
  }

  private void merge(
      Collection<UserId> wanted,
      boolean whole,
      Map<UserId, List<PostRef>> before,
      List<PostRef> stored,
      boolean cutOff) {
    attempt(
        TAIL_CHECKS,
        patient -> {
          List<PostRef> refs = new ArrayList<>(stored);
          before.values().forEach(refs::addAll);
          for (UserId author : wanted) {
            refs.addAll(around.arrivals().recent(author, Positions.EMPTY));
          }
          if (patient && !covered(refs)) return false;
          PostId floor = timeline.floor();
          if (whole) floor = cutOff ? below(stored) : PostId.MIN;
          else refs.addAll(timeline.entries());
          if (whole) behind = false;
          finish(Timeline.of(around.capacity(), floor, refs, this::eligible));
          return true;
        });
  }

  private void attempt(int checks, Predicate<Boolean> step) {
    if (stopped || step.test(checks > 0)) return;
    owner.executeIn(TAIL_CHECK, () -> attempt(checks - 1, step));
  }

  private void finish(Timeline loaded) {
    List<PostRef> old = timeline.entries();
    timeline = loaded;
    // What waits in the inbox is not among the differences, so they do not move the watchers.
    tell(differences(old, loaded.entries()), positions);
    positions = positions.merge(around.arrivals().applied());
    loads--;
    if (!awake) {
      awake = true;
      around.stats().activated(cold, System.nanoTime() - startedNanos);
      prefetch();
      drain();
      around.residents().add(resident);
    } else {
      drain();
    }
    if (loads > 0) return;
    List<Runnable> waiting = List.copyOf(whenSettled);
    whenSettled.clear();
    waiting.forEach(Runnable::run);
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
    if (loads == 0
        && !timeline.floor().equals(PostId.MIN)
        && timeline.size() < around.capacity() / 2) {
      load(authors(), true);
    }
  }

  private void show() {
    resident.show(timeline.publish(positions));
  }

  private void tell(List<FeedWatcher.Change> changes, Positions reflected) {
    if (!changes.isEmpty() && !watchers.isEmpty()) {
      watchers.removeIf(watcher -> !watcher.offer(changes, reflected));
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
