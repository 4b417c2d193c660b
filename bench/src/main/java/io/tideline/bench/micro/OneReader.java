package io.tideline.bench.micro;

import io.tideline.persistence.timeline.Arrivals;
import io.tideline.persistence.timeline.Inbox;
import io.tideline.persistence.timeline.LiveTimeline;
import io.tideline.persistence.timeline.Newest;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.persistence.timeline.ResidentTimelines;
import io.tideline.persistence.timeline.TimelineStats;
import io.tideline.persistence.timeline.TimelineView;
import io.tideline.persistence.user.Filters;
import io.tideline.persistence.user.Follow;
import io.tideline.persistence.user.Graph;
import io.tideline.persistence.user.Register;
import io.tideline.persistence.user.Rules;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.v1.Post;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * A full timeline that is awake, with a log that hands it one post after the other. Its owner is
 * the calling thread.
 */
final class OneReader implements Arrivals, LiveTimeline.Texts {
  private static final int CAPACITY = 800;
  private static final int INBOX = 4_096;
  private static final int FOLLOWEES = 100;
  private static final int PARTITIONS = 8;
  private static final UserId READER = new UserId("reader-1");
  private static final long MILLIS_BETWEEN_POSTS = 600_000;
  private static final long BEGIN = 1_700_000_000_000L;
  private static final long FUTURE = 1L << 46;
  private static final int BEFORE = 1_000;

  private final ResidentTimelines residents = new ResidentTimelines();
  private final List<UserId> authors = new ArrayList<>();
  private final List<LogPartition> partitions = new ArrayList<>();
  private final LiveTimeline timeline;
  private @Nullable Inbox inbox;
  private Positions applied = Positions.EMPTY;
  private long arrived;

  /**
   * Fills the timeline.
   *
   * @param newer how many of its entries stay newer than all that arrives
   */
  OneReader(int newer) {
    for (int i = 0; i < PARTITIONS; i++) partitions.add(new LogPartition(1, 0x5EED, i));
    Map<UserId, Register<Follow>> follows = new HashMap<>();
    for (int i = 0; i < FOLLOWEES; i++) {
      var author = new UserId("author-" + i);
      authors.add(author);
      follows.put(author, new Register<>(1, 1, 1, new Follow(true, List.of()), List.of()));
    }
    var graph = new Graph(follows, Map.of(), Map.of(), Map.of(), 1);
    var self = new LiveTimeline[1];
    timeline =
        new LiveTimeline(
            READER,
            ResidentTimelines.HOME,
            new LiveTimeline.Surroundings(
                this,
                (sources, olderThan, newerThan, limit, wanted) ->
                    CompletableFuture.completedFuture(new Newest(List.of(), false)),
                this,
                residents,
                new TimelineStats(nanos -> {}, nanos -> {}),
                ids -> {},
                CAPACITY,
                INBOX),
            Runnable::run,
            () -> self[0].drain(),
            () -> true,
            new Rules(READER, ResidentTimelines.HOME, graph, Filters.EMPTY, BEGIN, 1));
    self[0] = timeline;
    timeline.wake(null);
    for (int i = 0; i < BEFORE; i++) arrive();
    for (int i = 0; i < newer; i++) arrive(FUTURE + i);
    if (view().size() != CAPACITY) throw new IllegalStateException("the timeline is not full");
  }

  /** Brings the next post to the timeline and shows it. */
  TimelineView arrive() {
    return arrive(BEGIN + arrived * MILLIS_BETWEEN_POSTS);
  }

  private TimelineView arrive(long millis) {
    LogPartition partition = partitions.get((int) (arrived % PARTITIONS));
    long offset = arrived / PARTITIONS;
    UserId author = authors.get((int) (arrived * 31 % FOLLOWEES));
    long id = HybridClock.ofMillis(millis);
    var ref = new PostRef(id, 1L << 56 | arrived, id, author, partition, offset, 0);
    arrived++;
    Objects.requireNonNull(inbox).offer(ref);
    applied = applied.with(partition, offset + 1);
    return view();
  }

  private TimelineView view() {
    return Objects.requireNonNull(
        Objects.requireNonNull(residents.get(READER, ResidentTimelines.HOME)).view());
  }

  @Override
  public Positions applied() {
    return applied;
  }

  @Override
  public Positions stored() {
    return applied;
  }

  @Override
  public void register(UserId author, Inbox inbox) {
    this.inbox = inbox;
  }

  @Override
  public void unregister(UserId author, Inbox inbox) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void registerTag(String tag, Inbox inbox) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void unregisterTag(String tag, Inbox inbox) {
    throw new UnsupportedOperationException();
  }

  @Override
  public boolean reachesBack(Positions from) {
    return true;
  }

  @Override
  public List<PostRef> recent(UserId author, Positions after) {
    return List.of();
  }

  @Override
  public PostRef remembered(PostRef ref) {
    return ref;
  }

  @Override
  public List<PostRef> recentWithTag(String tag, Positions after) {
    return List.of();
  }

  @Override
  public @Nullable Post postIfPresent(PostId id) {
    return null;
  }

  @Override
  public CompletionStage<Map<PostId, Post>> posts(Collection<PostId> ids) {
    return CompletableFuture.completedFuture(Map.of());
  }
}
