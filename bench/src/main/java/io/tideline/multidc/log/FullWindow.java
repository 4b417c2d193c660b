package io.tideline.multidc.log;

import io.tideline.persistence.timeline.Arrivals;
import io.tideline.persistence.timeline.Inbox;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.Positions;
import io.tideline.protocols.UserId;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/** What a node remembers of its log, and who wants to hear of it, without a log. */
public final class FullWindow implements Arrivals {
  private static final int PARTITIONS = 8;
  private static final long BEGIN = 1_750_000_000_000L;
  private static final long MILLIS_BETWEEN_POSTS = 60_000;

  private final RecentPosts recent = new RecentPosts(Integer.MAX_VALUE);
  private final boolean remembers;
  private final Interest interest = new Interest();
  private final List<LogPartition> partitions = new ArrayList<>();
  private final @Nullable UserId[] authors;
  private final long[] sequences;
  private final SplittableRandom random = new SplittableRandom(1);
  private Positions applied = Positions.EMPTY;
  private long offset;

  /**
   * An empty window.
   *
   * @param remembers false when it is to say that it has forgotten all posts
   */
  public FullWindow(int authors, boolean remembers) {
    this.remembers = remembers;
    sequences = new long[authors];
    this.authors = new UserId[authors];
    for (int i = 0; i < PARTITIONS; i++) {
      var partition = new LogPartition(1, 0x5EED, i);
      partitions.add(partition);
      recent.open(partition, 0);
      applied = applied.with(partition, 0);
    }
  }

  public static UserId author(int number) {
    return new UserId("author-" + number);
  }

  /** The next post, by one author or another. */
  public void add() {
    int author = random.nextInt(sequences.length);
    long id = HybridClock.ofMillis(BEGIN + offset * MILLIS_BETWEEN_POSTS);
    long entropy = 1L << 56 | (random.nextLong() >>> 8);
    UserId known = authors[author];
    UserId shared = recent.shared(known == null ? author(author) : known);
    authors[author] = shared;
    LogPartition partition = partitions.get(author % PARTITIONS);
    recent.add(new PostRef(id, entropy, id, shared, partition, offset++, 0), ++sequences[author]);
    applied = applied.with(partition, offset);
  }

  @Override
  public Positions applied() {
    return applied;
  }

  @Override
  public Positions stored() {
    return recent.stored();
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
    return recent.reachesBack(from);
  }

  @Override
  public List<PostRef> recent(UserId author, Positions after) {
    return remembers ? recent.recent(author, after) : List.of();
  }

  @Override
  public List<PostRef> recent(Set<UserId> authors, Positions after) {
    return remembers ? recent.recent(authors, after) : new ArrayList<>();
  }

  @Override
  public PostRef remembered(PostRef ref) {
    return remembers ? recent.remembered(ref) : ref;
  }

  /** All of an author's posts, as the post store has them: references of its own. */
  public List<PostRef> stored(UserId author) {
    return recent.recent(author, Positions.EMPTY).stream().map(FullWindow::copy).toList();
  }

  private static PostRef copy(PostRef ref) {
    return new PostRef(
        ref.idHi, ref.idLo, ref.version, ref.author, ref.partition, ref.offset, ref.flags);
  }

  @Override
  public List<PostRef> recentWithTag(String tag, Positions after) {
    return recent.recentWithTag(tag, after);
  }
}
