package io.tideline.persistence.timeline;

import io.tideline.protocols.Cursor;
import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.Watermark;
import io.tideline.protocols.v1.Post;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A timeline that is awake: registered with the log, filled from a checkpoint or the store, and
 * published to the readers of this node.
 *
 * <p>Everything runs on the owner's thread, to which answers come back through {@code owner}, but
 * for one thing: where nothing is under way and nobody watches, the thread that reads the log takes
 * a line into the timeline itself, under the lock that whatever else changes it holds. No gap is
 * possible because an author is registered first and its recent lines are read second, and because
 * those are read both before and after the store is: what the store did not have yet was recent
 * before or is recent after, and when something that came in between has been forgotten already,
 * all is read again. One load runs at a time: none replaces what another one found. A view is shown
 * only once the log has been applied on this node up to everything in it, so its positions never
 * claim less than it shows nor more than it holds.
 */
public final class LiveTimeline {
  private static final Logger LOG = LoggerFactory.getLogger(LiveTimeline.class);
  private static final Duration RETRY = Duration.ofMillis(500);
  private static final int DOUBLINGS = 6;
  private static final Duration TAIL_CHECK = Duration.ofMillis(5);
  private static final int TAIL_CHECKS = 400;
  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(30);

  /**
   * What a timeline lives on.
   *
   * @param capacity how many entries it keeps
   * @param inboxCapacity how many lines may wait for it; when more come it reloads
   */
  public record Surroundings(
      Arrivals arrivals,
      Stored stored,
      Texts texts,
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
     * also those that have been deleted or have lost the tag.
     *
     * @param limit how many wanted ones; those that are not wanted are among the answer as well, up
     *     to {@code 4 * limit} in all
     */
    CompletionStage<Newest> newest(
        Sources sources, PostId olderThan, PostId newerThan, int limit, Predicate<PostRef> wanted);
  }

  /** What posts say. */
  public interface Texts {
    /** The post if it is at hand. */
    @Nullable Post postIfPresent(PostId id);

    /** The posts that are there, from wherever they are. */
    CompletionStage<Map<PostId, Post>> posts(Collection<PostId> ids);
  }

  /** What an operator wants to know of one timeline. */
  public record Description(
      int entries,
      int duplicates,
      PostId floor,
      Positions positions,
      int watchers,
      boolean cold,
      Duration activation) {}

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
  private final BooleanSupplier open;
  private final Inbox inbox;
  private final ReentrantLock lock = new ReentrantLock();
  private final ResidentTimeline resident;
  // With the floor above which each is told of all that is added.
  private final IdentityHashMap<FeedWatcher, PostId> watchers = new IdentityHashMap<>();
  private final List<Waiting> whenSettled = new ArrayList<>();
  private final long startedNanos = System.nanoTime();

  private Timeline timeline;
  private Positions positions = Positions.EMPTY;
  private boolean awake;
  private boolean cold;
  private boolean stopped;
  private Duration activation = Duration.ZERO;
  // Who wrote what came by a tag: only their own lines tell of edits and deletes.
  private final Set<UserId> authorsByTag = new HashSet<>();

  // Others of whom a load has found something by a tag too late to be sure of it.
  private final Set<UserId> foundByTag = new HashSet<>();

  // What is being loaded, and what is to be loaded next.
  private boolean loading;
  private int failedLoads;
  private boolean loadingAll;
  private boolean allMissing;
  private Sources missing = Sources.NONE;
  private boolean textsMissing;
  private long loadingByRulesAt;
  // How many entries a load of everything finds by the present rules, as far as that is known.
  private int attainable;
  // By post, the version that could not be read: what it says counts as far as it was known before.
  private final Map<PostId, Long> unread = new HashMap<>();
  private boolean readingAgain;
  // Lines were dropped: positions stand still until all has been loaded.
  private boolean behind;
  // What was dropped may be below the floor once all is here: whoever watches is to resume then.
  private boolean missed;
  // Lines in the order in which they came, from the first one on whose text is not at hand: while
  // it is read none may overtake another.
  private List<PostRef> held = List.of();
  private final Map<PostId, Post> heldTexts = new HashMap<>();
  private boolean readingTexts;
  private boolean askedForTexts;
  // What was shown last, while posts of new sources are missing and readers and watchers wait for
  // them: a cursor into what is here would count them as seen.
  private @Nullable TimelineView shownBefore;
  // What was added meanwhile.
  private final List<FeedWatcher.Change> untold = new ArrayList<>();

  /**
   * Prepares a timeline that sleeps until {@link #wake}.
   *
   * @param surface which feed of the user
   * @param drain called from any thread when lines wait in the inbox; to end in {@link #drain}
   * @param open whether this node may still own it; asked from any thread
   */
  public LiveTimeline(
      UserId user,
      String surface,
      Surroundings around,
      Owner owner,
      Runnable drain,
      BooleanSupplier open,
      Eligibility rules) {
    this.user = user;
    this.around = around;
    this.owner = locking(owner);
    this.open = open;
    this.inbox = new Inbox(around.inboxCapacity(), receiver(drain));
    this.timeline = new Timeline(around.capacity(), rules);
    this.attainable = around.capacity();
    this.resident =
        new ResidentTimeline(user, surface, watcher -> this.owner.execute(() -> watch(watcher)));
  }

  private Inbox.Receiver receiver(Runnable drain) {
    return new Inbox.Receiver() {
      @Override
      public void wakeUp() {
        drain.run();
      }

      @Override
      public boolean take(PostRef line) {
        return LiveTimeline.this.take(line);
      }
    };
  }

  private Owner locking(Owner plain) {
    return new Owner() {
      @Override
      public void execute(Runnable task) {
        plain.execute(() -> locked(task));
      }

      @Override
      public void executeIn(Duration delay, Runnable task) {
        plain.executeIn(delay, () -> locked(task));
      }
    };
  }

  private void locked(Runnable task) {
    lock.lock();
    try {
      task.run();
    } finally {
      lock.unlock();
    }
  }

  private <T> T locked(Supplier<T> task) {
    lock.lock();
    try {
      return task.get();
    } finally {
      lock.unlock();
    }
  }

  /** Fills the timeline, from the checkpoint where the log still reaches back to it. */
  public void wake(@Nullable StoredCheckpoint checkpoint) {
    locked(
        () -> {
          register(timeline.rules().sources());
          if (checkpoint == null) loadCold();
          else resume(checkpoint);
        });
  }

  private void loadCold() {
    cold = true;
    allMissing = true;
    loadNext();
  }

  private void resume(StoredCheckpoint stored) {
    Checkpoint checkpoint = stored.read();
    loading = true;
    loadingAll = true;
    registerAuthorsOf(checkpoint.entries());
    Met met = new Met();
    attempt(
        TAIL_CHECKS,
        patient -> {
          takeAll();
          if (patient && met.reading) return false;
          List<PostRef> lines =
              around.arrivals().recent(timeline.rules().sources(), checkpoint.positions());
          lines.addAll(around.arrivals().recent(authorsByTag, checkpoint.positions()));
          Positions applied = around.arrivals().applied();
          if (!around.arrivals().reachesBack(checkpoint.positions())) {
            loading = false;
            loadCold();
            return true;
          }
          Positions held = checkpoint.positions().of(applied);
          if (patient && !(applied.covers(held) && covered(lines))) return false;
          Checkpoint shared = checkpoint.of(asRemembered(checkpoint.entries()));
          List<PostRef> refs = new ArrayList<>(shared.entries());
          refs.addAll(lines);
          Timeline resumed = met.timeline(checkpoint.floor(), refs, patient);
          if (resumed == null) return false;
          finish(resumed, held, met);
          stored.hold(shared);
          return true;
        });
  }

  /** What is in the feed is now decided by these. */
  public void changed(Eligibility rules) {
    locked(() -> change(rules));
  }

  private void change(Eligibility rules) {
    Eligibility before = timeline.rules();
    if (rules.at() == before.at()) return;
    attainable = around.capacity();
    Sources added = rules.sources().without(before.sources());
    unregister(before.sources().without(rules.sources()));
    register(added);
    TimelineView old = timeline.publish(positions);
    timeline = timeline.under(rules);
    registerAuthorsOf(timeline.candidates());
    missing = missing.and(added);
    if (!added.isEmpty()) {
      if (shownBefore == null) shownBefore = old;
      resident.holdReaders(true);
    }
    if (rules.readsTexts() && !rules.readsTextsAs(before)) lookAtTexts();
    if (awake) {
      TimelineView shown = resident.view();
      if (behind && shownBefore == null && shown != null) {
        resident.show(shown.under(rules, around.capacity()));
      }
      show();
      tellDifferences(old);
    }
    loadNext();
    refillIfThin();
  }

  /**
   * What is at hand is judged at once, the rest is read; until then readers wait, unless what they
   * would wait for has no end.
   */
  private void lookAtTexts() {
    Map<PostId, List<String>> met = new HashMap<>();
    for (PostRef ref : timeline.remembered()) {
      Post post = around.texts().postIfPresent(ref.id());
      if (post != null && post.getVersion() >= ref.version) {
        met.put(ref.id(), timeline.rules().met(post));
      } else {
        textsMissing = true;
      }
    }
    timeline = timeline.meeting(met);
    if (textsMissing && !loading && !behind) resident.holdReaders(true);
  }

  /** Applies what waits in the inbox and shows it. */
  public void drain() {
    locked(this::takeAll);
  }

  private void takeAll() {
    if (stopped) return;
    Positions applied = around.arrivals().applied();
    List<PostRef> lines = inbox.drain();
    if (inbox.overflowed()) overflow();
    if (inbox.lacked()) {
      // Also when a load is under way: what it has read may not have had it.
      allMissing = true;
      loadNext();
    }
    if (awake && !behind && !positions.knowsAllOf(applied)) {
      LOG.warn("The logs of {} are not those that its timeline knows; loading it again", user);
      loadAgain();
    }
    if (!held.isEmpty()) {
      held.addAll(lines);
      lines = held;
    }
    List<FeedWatcher.Change> changes = new ArrayList<>(lines.size());
    int taken = 0;
    while (taken < lines.size() && apply(lines.get(taken), changes)) taken++;
    around.stats().applied.add(taken);
    hold(lines.subList(taken, lines.size()));
    if (!awake) return;
    if (!behind) {
      if (held.isEmpty()) positions = positions.merge(applied);
      for (PostRef line : lines.subList(0, taken)) positions = with(positions, line);
    }
    show();
    tell(changes);
    refillIfThin();
  }

  private static Positions with(Positions reached, PostRef line) {
    return reached.contains(line.partition, line.offset)
        ? reached
        : reached.with(line.partition, line.offset + 1);
  }

  /**
   * Takes one line on the thread that reads the log, in the most frequent case: nothing is under
   * way here, nobody is to be told, and the line is all that there is to look at.
   */
  private boolean take(PostRef line) {
    if (!lock.tryLock()) return false;
    try {
      if (stopped) return true;
      Positions applied = around.arrivals().applied();
      boolean plain =
          whole()
              && !behind
              && watchers.isEmpty()
              && timeline.plain()
              && inbox.isEmpty()
              && open.getAsBoolean()
              && positions.knowsAllOf(applied);
      if (!plain) return false;
      timeline.apply(line, List.of(), new ArrayList<>(1));
      positions = with(positions.merge(applied), line);
      around.stats().applied.increment();
      show();
      if (thin()) owner.execute(this::refillIfThin);
      return true;
    } catch (RuntimeException e) {
      // Its owner fails and begins anew, as if it had taken the line itself.
      owner.execute(
          () -> {
            throw e;
          });
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** False when it has to be read first what its post says. */
  private boolean apply(PostRef line, List<FeedWatcher.Change> changes) {
    List<String> met = List.of();
    if (timeline.rules().readsTexts() && !line.deleted() && timeline.concerns(line)) {
      Post post = textOf(line);
      boolean given = unread.getOrDefault(line.id(), Long.MIN_VALUE) >= line.version;
      if (post == null && !given) return false;
      // Deleted meanwhile, of which another line may have told before this one.
      if (post != null && isDeleted(post)) return true;
      met = post == null ? timeline.met(line.id()) : timeline.rules().met(post);
    }
    if (isToldAlready(line, changes)) return true;
    timeline.apply(line, met, changes);
    // Only of those that are kept: whom it hears of otherwise, it forgets and meets again for ever.
    if (!timeline.rules().sources().tags().isEmpty() && timeline.find(line.id()) != null) {
      registerAuthorsOf(List.of(line));
    }
    return true;
  }

  /** Whether watchers would be told once more of a post that lies below all that is here. */
  private boolean isToldAlready(PostRef line, List<FeedWatcher.Change> changes) {
    boolean late =
        (line.flags & (PostRef.EDITED | PostRef.DELETED)) == 0
            && !line.isAbove(timeline.floor())
            && watchers.values().stream().anyMatch(line::isAbove);
    return late
        && (positions.contains(line.partition, line.offset)
            || changes.stream().anyMatch(change -> change.post().isOf(line.id())));
  }

  /** Keeps what waits for a text to be read, in order. */
  private void hold(List<PostRef> lines) {
    if (lines.size() > around.inboxCapacity()) {
      overflow();
      lines = List.of();
    }
    if (lines.isEmpty()) {
      held = List.of();
      heldTexts.clear();
      return;
    }
    held = new ArrayList<>(lines);
    if (readingTexts) return;
    readingTexts = true;
    owner.execute(this::readTexts);
  }

  /** Reads what keeps lines waiting; those of which nothing could be read are taken without. */
  private void readTexts() {
    if (held.isEmpty()) {
      readingTexts = false;
      settle();
      return;
    }
    PostRef first = held.get(0);
    attempt(
        TAIL_CHECKS,
        patient -> {
          if (!patient) passBy();
          takeAll();
          if (!held.isEmpty() && held.get(0).equals(first)) {
            askForTexts();
            return false;
          }
          readTexts();
          return true;
        });
  }

  private void askForTexts() {
    if (askedForTexts) return;
    askedForTexts = true;
    Set<PostId> wanted = new HashSet<>();
    for (PostRef line : held) if (lacksText(line)) wanted.add(line.id());
    around
        .texts()
        .posts(wanted)
        .whenComplete(
            (posts, failure) ->
                owner.execute(
                    () -> {
                      askedForTexts = false;
                      if (posts != null && !held.isEmpty()) heldTexts.putAll(posts);
                    }));
  }

  private boolean lacksText(PostRef line) {
    return !line.deleted() && timeline.concerns(line) && textOf(line) == null;
  }

  /** What the post of a line says, as far as that is at hand. */
  private @Nullable Post textOf(PostRef line) {
    Post post = around.texts().postIfPresent(line.id());
    if (post != null) return post;
    Post read = heldTexts.get(line.id());
    return read == null || readVersion(read, line.version) < line.version ? null : read;
  }

  private void passBy() {
    Map<PostId, Long> versions = new HashMap<>();
    for (PostRef line : held) {
      if (lacksText(line)) versions.merge(line.id(), line.version, Math::max);
    }
    passBy(versions);
  }

  private void passBy(Map<PostId, Long> versions) {
    unread.putAll(versions);
    if (unread.isEmpty() || readingAgain) return;
    LOG.warn(
        "{} posts of the timeline of {} cannot be read; until then rules about words pass them by",
        unread.size(),
        user);
    readingAgain = true;
    readAgainIn(RETRY);
  }

  private void overflow() {
    missed = true;
    if (behind) return;
    LOG.warn("More arrived for {} at once than its inbox holds; loading it again", user);
    around.stats().overflows.increment();
    loadAgain();
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
    locked(
        () -> {
          takeAll();
          if (whole()) task.run();
          else whenSettled.add(new Waiting(task, ifStopped));
        });
  }

  /** What the timeline holds now; {@code null} while it is not complete. */
  public @Nullable Checkpoint checkpoint() {
    return locked(
        () -> {
          takeAll();
          return whole()
              ? new Checkpoint(
                  timeline.remembered(),
                  around.arrivals().settled(positions),
                  timeline.floor(),
                  timeline.rules().at())
              : null;
        });
  }

  /** What readers would see now; {@code null} while that is not complete. */
  public @Nullable TimelineView view() {
    return locked(
        () -> {
          takeAll();
          return whole() ? timeline.publish(positions) : null;
        });
  }

  /** What is known of a post, shown or not; {@code null} when nothing is. */
  public @Nullable PostRef candidate(PostId id) {
    return locked(() -> timeline.find(id));
  }

  /** The entry because of which a post that is eligible is not shown. */
  public @Nullable PostId duplicateOf(PostRef post) {
    return locked(() -> timeline.duplicateOf(post));
  }

  public Description describe() {
    return locked(
        () -> {
          forgetThoseGone();
          return new Description(
              timeline.size(),
              timeline.duplicates(),
              timeline.floor(),
              positions,
              watchers.size(),
              cold,
              activation);
        });
  }

  /** Whether the view holds everything that was asked for. */
  public boolean settled() {
    return locked(this::whole);
  }

  private boolean whole() {
    return awake && !loading && nothingMissing() && held.isEmpty();
  }

  private boolean nothingMissing() {
    return !allMissing && missing.isEmpty() && !textsMissing;
  }

  public boolean watched() {
    return locked(
        () -> {
          forgetThoseGone();
          return !watchers.isEmpty();
        });
  }

  private void forgetThoseGone() {
    watchers.keySet().removeIf(FeedWatcher::gone);
  }

  /** How long nobody has read or watched it. */
  public Duration idle() {
    return watched() ? Duration.ZERO : Duration.ofNanos(resident.idleNanos());
  }

  public void showReadTo(Watermark mark) {
    locked(
        () -> {
          resident.showReadTo(mark);
          TimelineView shown = resident.view();
          if (shown != null) watchers.keySet().forEach(watcher -> watcher.readTo(mark, shown));
        });
  }

  /** Leaves the log and the readers of this node. */
  public void stop(String reason) {
    locked(() -> leave(reason));
  }

  private void leave(String reason) {
    stopped = true;
    around.residents().remove(resident);
    unregister(timeline.rules().sources());
    authorsByTag.forEach(author -> around.arrivals().unregister(author, inbox));
    sendAway(reason);
    whenSettled.forEach(waiting -> waiting.ifStopped().accept(reason));
    whenSettled.clear();
  }

  private void sendAway(String reason) {
    watchers.keySet().forEach(watcher -> watcher.close(reason));
    watchers.clear();
  }

  private void watch(FeedWatcher watcher) {
    if (!resident.takeOver(watcher)) return;
    whenSettled(
        () -> {
          Cursor from = watcher.resumesFrom();
          TimelineView view = timeline.publish(positions);
          List<FeedWatcher.Change> missed = new ArrayList<>();
          if (from != null) {
            for (PostRef ref : view.arrivedSince(from)) {
              missed.add(new FeedWatcher.Change(Timeline.Event.ADDED, ref));
            }
            // When all is new, what was new as well may have left already.
            if (missed.size() == view.size() && view.newBeyond(from.base(), from.passed())) {
              watcher.close("more has arrived than a timeline holds");
              return;
            }
          }
          watcher.readTo(resident.readTo(), view);
          PostId floor = from == null ? view.floor() : from.base().floor();
          if (watcher.offer(missed, view)) watchers.put(watcher, floor);
        },
        watcher::close);
  }

  private void loadNext() {
    if (loading || nothingMissing()) return;
    loading = true;
    loadingAll = allMissing;
    Sources wanted = allMissing ? timeline.rules().sources() : missing;
    allMissing = false;
    missing = Sources.NONE;
    textsMissing = false;
    load(wanted);
  }

  private void load(Sources wanted) {
    Eligibility rules = timeline.rules();
    loadingByRulesAt = rules.at();
    Start start = start(wanted);
    if (wanted.isEmpty()) {
      merge(wanted, start, new Newest(List.of(), false));
      return;
    }
    PostId floor = loadingAll ? PostId.MIN : timeline.floor();
    around
        .stored()
        .newest(
            wanted,
            PostId.MAX,
            floor,
            around.capacity(),
            ref -> rules.judge(ref, List.of(), rules.now()).present())
        .whenComplete(
            (stored, failure) ->
                owner.execute(
                    () -> {
                      if (failure == null) merge(wanted, start, stored);
                      else retry(wanted, failure);
                    }));
  }

  private void retry(Sources wanted, Throwable failure) {
    if (stopped) return;
    around.stats().failedLoads.increment();
    showWhatIsHere();
    if (failedLoads == 0) {
      LOG.warn("Loading the timeline of {} failed; trying until it does not", user, failure);
    }
    owner.executeIn(pause(), () -> loadOnceMore(wanted));
  }

  /** Twice as long each time, up to 32 s, and not the same for all timelines. */
  private Duration pause() {
    long most = RETRY.toMillis() << Math.min(failedLoads++, DOUBLINGS);
    return Duration.ofMillis(ThreadLocalRandom.current().nextLong(most * 3 / 4, most + 1));
  }

  /** Whoever waits for what cannot be read would wait for ever. */
  private void showWhatIsHere() {
    TimelineView before = shownBefore;
    if (!awake || before == null) return;
    shownBefore = null;
    show();
    tellDifferences(before);
    resident.holdReaders(false);
  }

  private void loadOnceMore(Sources wanted) {
    if (stopped) return;
    loading = false;
    if (loadingAll) allMissing = true;
    else if (wanted.isEmpty()) textsMissing = true;
    else missing = missing.and(wanted);
    loadNext();
  }

  /**
   * What was there before the store was read.
   *
   * @param stored every line below is in the store
   * @param authorsByTag whose edits and deletes are among what is recent
   */
  private record Start(
      Positions stored, Positions applied, Set<UserId> authorsByTag, List<PostRef> recent) {}

  private Start start(Sources wanted) {
    Set<UserId> authors = new HashSet<>(authorsByTag);
    authors.addAll(foundByTag);
    Positions stored = around.arrivals().stored();
    Positions applied = around.arrivals().applied();
    List<PostRef> recent = around.arrivals().recent(wanted, Positions.EMPTY);
    for (PostRef line : around.arrivals().recent(authors, Positions.EMPTY)) {
      if (line.isLaterWord()) recent.add(line);
    }
    return new Start(stored, applied, authors, recent);
  }

  private void merge(Sources wanted, Start start, Newest stored) {
    Met met = new Met();
    attempt(
        TAIL_CHECKS,
        patient -> {
          if (!patient) passBy();
          takeAll();
          if (patient && met.reading) return false;
          // Of references that say the same the first is kept: what is remembered is there anyway.
          List<PostRef> refs = new ArrayList<>(start.recent);
          refs.addAll(around.arrivals().recent(wanted, Positions.EMPTY));
          Set<UserId> authors = authorsByTag(start, stored.refs());
          refs.addAll(saidOfTagged(authors, refs, stored.refs()));
          refs.addAll(stored.refs());
          if (!remembersAllSince(start, authors)) {
            foundByTag.addAll(authors);
            LOG.warn(
                "What has come for {} while it was loaded is forgotten; loading it again", user);
            around.stats().failedLoads.increment();
            owner.executeIn(RETRY, () -> loadOnceMore(wanted));
            return true;
          }
          boolean ready = loadingAll ? covered(refs) : held.isEmpty() && reached(refs);
          if (patient && !ready) return false;
          PostId floor = PostId.MIN;
          if (stored.cutOff()) floor = loadingAll ? floor(stored.refs()) : lowest(stored.refs());
          if (!loadingAll) {
            refs.addAll(timeline.remembered());
            if (floor.compareTo(timeline.floor()) < 0) floor = timeline.floor();
          }
          Timeline loaded = met.timeline(floor, refs, patient);
          if (loaded == null) return false;
          if (loadingAll && loadingByRulesAt == loaded.rules().at()) attainable = loaded.size();
          finish(loaded, loadingAll ? start.applied : Positions.EMPTY, met);
          return true;
        });
  }

  /** Also those of whom a tag has brought something from the store. */
  private Set<UserId> authorsByTag(Start start, List<PostRef> stored) {
    Sources sources = timeline.rules().sources();
    if (sources.tags().isEmpty()) return start.authorsByTag;
    Set<UserId> authors = new HashSet<>(start.authorsByTag);
    authors.addAll(authorsByTag);
    for (PostRef ref : stored) {
      if (!sources.authors().contains(ref.author) && sources.contain(ref)) authors.add(ref.author);
    }
    return authors;
  }

  /** What these have said lately of posts that are here, or will be. */
  private List<PostRef> saidOfTagged(
      Set<UserId> authors, List<PostRef> recent, List<PostRef> stored) {
    List<PostRef> said = around.arrivals().recent(authors, Positions.EMPTY);
    if (said.isEmpty()) return said;
    Set<PostId> posts = new HashSet<>();
    for (List<PostRef> some : List.of(recent, stored, timeline.remembered())) {
      for (PostRef ref : some) posts.add(ref.id());
    }
    said.removeIf(line -> !line.erased() && !posts.contains(line.id()));
    return said;
  }

  /** What the rules about texts say of the posts of one load, read as it goes on. */
  private final class Met {
    final Map<PostId, List<String>> byPost = new HashMap<>();
    final Map<PostId, Long> unread = new HashMap<>();
    private final Map<PostId, Long> versions = new HashMap<>();
    private final Set<PostId> deleted = new HashSet<>();
    private Eligibility readBy = timeline.rules();
    private boolean reading;

    /**
     * A timeline of these, once it is known of all that it remembers; {@code null} while that is
     * read. What a rule hides makes room for something older, of which it has to be known as well.
     */
    @Nullable Timeline timeline(PostId floor, List<PostRef> refs, boolean patient) {
      Eligibility rules = timeline.rules();
      refs.removeIf(ref -> deleted.contains(ref.id()));
      if (!rules.readsTextsAs(readBy)) {
        readBy = rules;
        byPost.clear();
        versions.clear();
      }
      while (true) {
        Timeline made = Timeline.of(around.capacity(), rules, floor, refs, byPost);
        if (!rules.readsTexts() || knowsAll(made.remembered(), patient)) return made;
        if (patient) return null;
      }
    }

    /** Else reads what is missing, or does without. */
    private boolean knowsAll(List<PostRef> refs, boolean patient) {
      unread.clear();
      for (PostRef ref : refs) {
        if (versions.getOrDefault(ref.id(), 0L) < ref.version) unread.put(ref.id(), ref.version);
      }
      if (unread.isEmpty()) return true;
      if (!patient) {
        boolean given = byPost.keySet().containsAll(unread.keySet());
        unread.keySet().forEach(id -> byPost.putIfAbsent(id, timeline.met(id)));
        return given;
      }
      if (!reading) {
        reading = true;
        Map<PostId, Long> wanted = Map.copyOf(unread);
        around
            .texts()
            .posts(wanted.keySet())
            .whenComplete((posts, failure) -> owner.execute(() -> read(wanted, posts)));
      }
      return false;
    }

    private void read(Map<PostId, Long> wanted, @Nullable Map<PostId, Post> posts) {
      reading = false;
      if (posts == null) return;
      posts.forEach(
          (id, post) -> {
            if (isDeleted(post)) deleted.add(id);
            byPost.put(id, timeline.rules().met(post));
            versions.put(id, readVersion(post, wanted.getOrDefault(id, 0L)));
          });
    }
  }

  /** Of a post that is deleted, which says nothing, there is nothing to wait for. */
  private static long readVersion(Post post, long wanted) {
    return isDeleted(post) ? wanted : post.getVersion();
  }

  private static boolean isDeleted(Post read) {
    return read.getVersion() == 0;
  }

  /** Reads what could not be read, now and then, until it could be or has left the timeline. */
  private void readAgainIn(Duration pause) {
    owner.executeIn(
        pause,
        () -> {
          unread.keySet().removeIf(id -> timeline.find(id) == null);
          if (stopped || unread.isEmpty()) {
            readingAgain = false;
            return;
          }
          around
              .texts()
              .posts(Set.copyOf(unread.keySet()))
              .whenComplete(
                  (posts, failure) -> owner.execute(() -> readAgain(posts, failure, pause)));
        });
  }

  private void readAgain(
      @Nullable Map<PostId, Post> posts, @Nullable Throwable failure, Duration pause) {
    if (stopped) return;
    if (posts != null) {
      Map<PostId, List<String>> met = new HashMap<>();
      TimelineView old = timeline.publish(positions);
      posts.forEach(
          (id, post) -> {
            PostRef known = timeline.find(id);
            if (known == null || readVersion(post, known.version) < known.version) return;
            // Its author may not have been heard when it was deleted.
            if (isDeleted(post)) timeline.remove(known, new ArrayList<>());
            else met.put(id, timeline.rules().met(post));
            unread.remove(id);
          });
      timeline = timeline.meeting(met);
      show();
      tellDifferences(old);
      refillIfThin();
    }
    Duration doubled = pause.multipliedBy(2);
    Duration next = doubled.compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : doubled;
    if (!unread.isEmpty()) {
      LOG.warn(
          "{} posts of the timeline of {} still cannot be read; trying again in {}",
          unread.size(),
          user,
          next,
          failure);
    }
    readAgainIn(next);
  }

  /**
   * True when whatever the store lacked when it was read is remembered. Of authors of whom it was
   * not looked at before what is remembered, all that it lacked has to be here still.
   */
  private boolean remembersAllSince(Start start, Set<UserId> authors) {
    return remembered(start.applied)
        && (start.authorsByTag.containsAll(authors) || remembered(start.stored));
  }

  /** True when nothing that has arrived since then was forgotten. */
  private boolean remembered(Positions since) {
    return around.arrivals().remembersSince(since)
        || (since.equals(Positions.EMPTY) && around.arrivals().applied().equals(Positions.EMPTY));
  }

  /** The same, by the references that are remembered where those say the same. */
  private List<PostRef> asRemembered(List<PostRef> entries) {
    PostRef[] refs = entries.toArray(new PostRef[0]);
    for (int i = 0; i < refs.length; i++) refs[i] = around.arrivals().remembered(refs[i]);
    return Arrays.asList(refs);
  }

  private void attempt(int checks, Predicate<Boolean> step) {
    if (stopped || step.test(checks > 0)) return;
    owner.executeIn(TAIL_CHECK, () -> attempt(checks - 1, step));
  }

  private void finish(Timeline loaded, Positions reflected, Met met) {
    TimelineView old = shownBefore == null ? timeline.publish(positions) : shownBefore;
    if (missing.isEmpty()) shownBefore = null;
    timeline = loaded;
    failedLoads = 0;
    foundByTag.clear();
    unread.clear();
    passBy(met.unread);
    positions = positions.merge(reflected);
    loading = false;
    textsMissing = false;
    if (loadingAll) {
      behind = false;
      hold(List.of());
    }
    registerAuthorsOf(loaded.candidates());
    tellDifferences(old);
    if (!awake) {
      awake = true;
      long nanos = System.nanoTime() - startedNanos;
      activation = Duration.ofNanos(nanos);
      around.stats().activated(cold, nanos);
      prefetch();
    }
    takeAll();
    resident.holdReaders(shownBefore != null);
    if (missed && !behind) {
      missed = false;
      sendAway("more has arrived than a timeline holds");
    }
    loadNext();
    settle();
  }

  private void settle() {
    if (!whole()) return;
    List<Waiting> settled = List.copyOf(whenSettled);
    whenSettled.clear();
    settled.forEach(waiting -> waiting.task().run());
  }

  private void prefetch() {
    TimelineView view = timeline.publish(positions);
    around.prefetch().accept(view.older(null, null, 40).stream().map(PostRef::id).toList());
  }

  /** What has come above the floor of before, and what has gone otherwise than by sinking. */
  private static List<FeedWatcher.Change> differences(TimelineView old, Timeline now) {
    Map<PostId, PostRef> gone = new HashMap<>();
    for (PostRef ref : old.entries()) gone.put(ref.id(), ref);
    List<FeedWatcher.Change> changes = new ArrayList<>();
    for (PostRef ref : now.entries()) {
      PostRef before = gone.remove(ref.id());
      if (before != null && before.version < ref.version) {
        changes.add(new FeedWatcher.Change(Timeline.Event.CHANGED, ref));
      } else if (before == null && ref.isAbove(old.floor())) {
        changes.add(new FeedWatcher.Change(Timeline.Event.ADDED, ref));
      }
    }
    gone.values().removeIf(ref -> !ref.isAbove(now.floor()) && now.wants(ref));
    gone.values().forEach(ref -> changes.add(new FeedWatcher.Change(Timeline.Event.REMOVED, ref)));
    return changes;
  }

  /** Fetches older posts when removals have emptied a timeline that had been cut off. */
  private void refillIfThin() {
    if (thin()) {
      allMissing = true;
      loadNext();
    }
  }

  private boolean thin() {
    return whole()
        && !timeline.floor().equals(PostId.MIN)
        && timeline.size() < Math.min(around.capacity(), attainable) / 2;
  }

  private void show() {
    attainable = Math.max(attainable, timeline.size());
    // What is missing may lie below what is here: readers keep the last view that was whole.
    if (behind || shownBefore != null) return;
    boolean first = resident.view() == null;
    resident.show(timeline.publish(positions));
    if (first) around.residents().add(resident);
  }

  private void tell(List<FeedWatcher.Change> changes) {
    if (changes.isEmpty() || watchers.isEmpty() || missed) return;
    if (shownBefore != null) {
      changes.stream().filter(change -> change.what() == Timeline.Event.ADDED).forEach(untold::add);
      return;
    }
    TimelineView view = timeline.publish(positions);
    watchers.entrySet().removeIf(each -> !tell(each.getKey(), each.getValue(), changes, view));
  }

  private static boolean tell(
      FeedWatcher watcher, PostId floor, List<FeedWatcher.Change> changes, TimelineView view) {
    List<FeedWatcher.Change> wanted =
        changes.stream()
            .filter(change -> change.what() != Timeline.Event.ADDED || change.post().isAbove(floor))
            .toList();
    return wanted.isEmpty() || watcher.offer(wanted, view);
  }

  private void tellDifferences(TimelineView old) {
    List<FeedWatcher.Change> changes = new ArrayList<>();
    if (shownBefore == null) {
      // The others are among the differences, if they are here still.
      untold.removeIf(
          added -> added.post().isAbove(timeline.floor()) || !timeline.wants(added.post()));
      changes.addAll(untold);
      untold.clear();
    }
    if (watchers.isEmpty()) return;
    changes.addAll(differences(old, timeline));
    tell(changes);
  }

  /** True when this node has applied its logs up to all of these lines. */
  private boolean covered(List<PostRef> lines) {
    return cover(around.arrivals().applied(), lines);
  }

  /** True when what is shown next tells of all of these lines that they have come. */
  private boolean reached(List<PostRef> lines) {
    boolean shown = awake && !behind;
    return shown ? cover(positions, lines) : covered(lines);
  }

  private static boolean cover(Positions positions, List<PostRef> lines) {
    for (PostRef line : lines) {
      if (!TimelineView.arrivedBy(positions, line)) return false;
    }
    return true;
  }

  static PostId oldest(List<PostRef> stored) {
    return stored.stream().map(PostRef::id).min(PostId::compareTo).orElse(PostId.MIN);
  }

  private static PostId lowest(List<PostRef> stored) {
    return below(oldest(stored));
  }

  /**
   * Below what was read; where that may have left out what makes a repost a duplicate, above the
   * repost, as long as enough is left.
   */
  private PostId floor(List<PostRef> stored) {
    Eligibility rules = timeline.rules();
    long decided = oldest(stored).millis() + Timeline.DUPLICATE_MILLIS;
    PostId floor =
        stored.stream()
            .filter(ref -> ref.facts.original() != null && ref.id().millis() <= decided)
            .map(PostRef::id)
            .max(PostId::compareTo)
            .orElse(lowest(stored));
    long left =
        stored.stream()
            .filter(ref -> !ref.deleted() && ref.isAbove(floor))
            .filter(ref -> rules.judge(ref, List.of(), rules.now()).present())
            .count();
    return left >= around.capacity() * 3L / 4 ? floor : lowest(stored);
  }

  /** The id just below another one. */
  static PostId below(PostId id) {
    if (id.equals(PostId.MIN)) return id;
    return new PostId(id.lo() == 0 ? id.hi() - 1 : id.hi(), id.lo() - 1);
  }

  private void register(Sources sources) {
    around.arrivals().register(sources.authors(), inbox);
    sources.tags().forEach(tag -> around.arrivals().registerTag(tag, inbox));
  }

  private void unregister(Sources sources) {
    for (UserId author : sources.authors()) {
      if (!authorsByTag.contains(author)) around.arrivals().unregister(author, inbox);
    }
    sources.tags().forEach(tag -> around.arrivals().unregisterTag(tag, inbox));
  }

  /**
   * Hears of authors whose posts are here because of a tag, and of what they have said of those
   * before they were heard.
   */
  private void registerAuthorsOf(Collection<PostRef> posts) {
    Sources sources = timeline.rules().sources();
    if (sources.tags().isEmpty()) return;
    for (PostRef post : posts) {
      if (sources.authors().contains(post.author) || !sources.contain(post)) continue;
      if (!authorsByTag.add(post.author)) continue;
      around.arrivals().register(post.author, inbox);
      for (PostRef line : around.arrivals().recent(post.author, Positions.EMPTY)) {
        if (line.isLaterWord() || timeline.find(line.id()) != null) inbox.offer(line);
      }
    }
    if (authorsByTag.size() > Timeline.CANDIDATES_PER_ENTRY * around.capacity()) forgetAuthors();
  }

  private void forgetAuthors() {
    Set<UserId> gone = new HashSet<>(authorsByTag);
    timeline.candidates().forEach(post -> gone.remove(post.author));
    Set<UserId> followed = timeline.rules().sources().authors();
    for (UserId author : gone) {
      authorsByTag.remove(author);
      if (!followed.contains(author)) around.arrivals().unregister(author, inbox);
    }
  }
}
