package io.tideline.persistence.user;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.persistence.timeline.FeedWatcher;
import io.tideline.persistence.timeline.Inbox;
import io.tideline.persistence.timeline.LiveTimeline;
import io.tideline.persistence.timeline.Newest;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.persistence.timeline.ResidentTimelines;
import io.tideline.persistence.timeline.TimelineStats;
import io.tideline.persistence.timeline.TimelineView;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.Positions;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.FollowsChanged;
import io.tideline.protocols.log.v1.IntentLine;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Lines that the thread of the log takes into a timeline while its owner is at work, too. */
class TakenAtOnceTest {
  private static final UserId ANN = new UserId("ann");
  private static final UserId BOB = new UserId("bob");
  private static final LogPartition LOG = new LogPartition(1, 7, 0);
  private static final int CAPACITY = 100;
  private static final int LINES = 20_000;

  private final ExecutorService owner = Executors.newSingleThreadExecutor();
  private final ExecutorService reading = Executors.newSingleThreadExecutor();
  private final AtomicInteger wakeUps = new AtomicInteger();
  private final AtomicBoolean open = new AtomicBoolean(true);
  private final Log log = new Log();
  private final ResidentTimelines residents = new ResidentTimelines();
  private final LiveTimeline timeline = awake();

  @AfterEach
  void stop() {
    owner.shutdownNow();
    reading.shutdownNow();
  }

  @Test
  void one_that_comes_while_nothing_is_under_way_wakes_nobody() throws Exception {
    log.say(1);
    assertThat(shown()).containsExactly(1L);
    assertThat(requireNonNull(view()).positions()).isEqualTo(log.applied());
    assertThat(wakeUps).hasValue(0);
  }

  @Test
  void one_that_comes_while_the_owner_is_at_work_waits_for_it() throws Exception {
    var begun = new CompletableFuture<Void>();
    var goOn = new CompletableFuture<Void>();
    Future<?> work =
        owner.submit(
            () ->
                timeline.whenSettled(
                    () -> {
                      begun.complete(null);
                      goOn.join();
                    },
                    reason -> {}));
    begun.get(10, TimeUnit.SECONDS);
    log.say(1);
    assertThat(shown()).isEmpty();
    goOn.complete(null);
    work.get(10, TimeUnit.SECONDS);
    settle();
    assertThat(shown()).containsExactly(1L);
    assertThat(wakeUps).hasValue(1);
  }

  @Test
  void those_that_come_behind_the_fence_wait() throws Exception {
    open.set(false);
    CompletableFuture<Void> goOn = new CompletableFuture<>();
    owner.execute(goOn::join);
    log.say(1);
    assertThat(wakeUps).hasValue(1);
    assertThat(shown()).isEmpty();
    goOn.complete(null);
  }

  @Test
  void a_watcher_is_told_of_each_by_the_owner() throws Exception {
    List<FeedWatcher.Change> told = new CopyOnWriteArrayList<>();
    requireNonNull(residents.get(ANN, ResidentTimelines.HOME))
        .watch(new LiveTimelineTest.Watcher(told, new ArrayList<>()));
    settle();
    for (int i = 1; i <= 100; i++) log.say(i);
    settle();
    assertThat(told)
        .extracting(change -> change.post().idHi)
        .containsExactlyElementsOf(LongStream.rangeClosed(1, 100).boxed().toList());
  }

  @Test
  void none_is_lost_or_there_twice_whoever_takes_it() throws Exception {
    var stop = new AtomicBoolean();
    Future<?> reader =
        reading.submit(
            () -> {
              long newest = 0;
              while (!stop.get()) {
                TimelineView view = requireNonNull(view());
                List<PostRef> refs = view.older(null, null, 3 * CAPACITY);
                for (int i = 1; i < refs.size(); i++) {
                  assertThat(refs.get(i).idHi).isEqualTo(refs.get(0).idHi - i);
                }
                if (refs.isEmpty()) continue;
                assertThat(refs.get(0).idHi).isGreaterThanOrEqualTo(newest);
                assertThat(view.positions().contains(LOG, refs.get(0).offset)).isTrue();
                newest = refs.get(0).idHi;
              }
            });
    for (int i = 1; i <= LINES; i++) {
      log.say(i);
      if (i % 50 == 0) owner.execute(timeline::drain);
      if (i % 70 == 0) owner.execute(timeline::checkpoint);
      if (i % 110 == 0) {
        int at = i;
        owner.execute(() -> timeline.changed(rules(at)));
      }
    }
    settle();
    // An owner that got no processor for a while found more than its inbox holds, and loads again.
    while (!timeline.settled()) settle();
    stop.set(true);
    reader.get(10, TimeUnit.SECONDS);
    assertThat(shown())
        .containsExactlyElementsOf(
            LongStream.rangeClosed(LINES - CAPACITY + 1, LINES)
                .map(i -> 2L * LINES - CAPACITY + 1 - i)
                .boxed()
                .toList());
    assertThat(requireNonNull(view()).positions()).isEqualTo(log.applied());
    assertThat(wakeUps.get()).as("of the owner").isLessThan(LINES / 2);
  }

  private LiveTimeline awake() {
    LiveTimeline[] self = new LiveTimeline[1];
    self[0] =
        new LiveTimeline(
            ANN,
            ResidentTimelines.HOME,
            new LiveTimeline.Surroundings(
                log,
                (sources, olderThan, newerThan, limit, wanted) ->
                    CompletableFuture.completedFuture(new Newest(List.of(), false)),
                new NoTexts(),
                residents,
                new TimelineStats(nanos -> {}, nanos -> {}),
                ids -> {},
                CAPACITY,
                1_000),
            owner::execute,
            () -> {
              wakeUps.incrementAndGet();
              owner.execute(() -> self[0].drain());
            },
            open::get,
            rules(1));
    try {
      owner.submit(() -> self[0].wake(null)).get(10, TimeUnit.SECONDS);
      settle();
      settle();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
    return self[0];
  }

  private static Rules rules(long at) {
    var follow = FollowsChanged.newBuilder().addTargetIds(BOB.value()).setActive(true);
    var intent = IntentLine.newBuilder().setAt(at).setFollowsChanged(follow).build();
    Graph graph = Graph.EMPTY.merge(intent, at);
    return new Rules(ANN, ResidentTimelines.HOME, graph, Filters.EMPTY, 0, 1);
  }

  /** What the owner has been given so far is done. */
  private void settle() throws InterruptedException, ExecutionException {
    owner.submit(() -> {}).get();
  }

  private @Nullable TimelineView view() {
    return requireNonNull(residents.get(ANN, ResidentTimelines.HOME)).view();
  }

  /** Newest first. */
  private List<Long> shown() {
    return requireNonNull(view()).older(null, null, 3 * CAPACITY).stream()
        .map(ref -> ref.idHi)
        .toList();
  }

  /** Applies line by line; posts have ascending ids. */
  private static final class Log extends NoArrivals {
    private final List<Inbox> inboxes = new CopyOnWriteArrayList<>();
    private final List<PostRef> lines = new ArrayList<>();
    private volatile Positions applied = Positions.EMPTY.with(LOG, 0);

    void say(long number) {
      PostRef line = new PostRef(number, 1, number, BOB, LOG, number - 1, 0);
      synchronized (lines) {
        lines.add(line);
      }
      inboxes.forEach(inbox -> inbox.deliver(line));
      applied = applied.with(LOG, number);
    }

    @Override
    public void register(UserId author, Inbox inbox) {
      if (author.equals(BOB)) inboxes.add(inbox);
    }

    @Override
    public List<PostRef> recent(UserId author, Positions after) {
      synchronized (lines) {
        return author.equals(BOB) ? new ArrayList<>(lines) : List.of();
      }
    }

    @Override
    public Positions applied() {
      return applied;
    }
  }
}
