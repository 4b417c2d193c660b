package io.tideline.multidc.log;

import io.tideline.persistence.timeline.PostRef;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.Positions;
import io.tideline.protocols.UserId;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** The window over the end of the posts log when it is full: 200,000 posts by 20,000 authors. */
@State(Scope.Thread)
public class RecentPostsBenchmark {
  private static final int REFERENCES = 200_000;
  private static final int AUTHORS = 20_000;
  private static final int PARTITIONS = 8;
  private static final int FOLLOWEES = 200;

  private final RecentPosts recent = new RecentPosts(REFERENCES);
  private final List<LogPartition> partitions = new ArrayList<>();
  private final List<UserId> authors = new ArrayList<>();
  private final long[] sequences = new long[AUTHORS];
  private final SplittableRandom random = new SplittableRandom(1);
  private long next;

  @Setup
  public void fill() {
    for (int i = 0; i < PARTITIONS; i++) {
      var partition = new LogPartition(1, 0x5EED, i);
      partitions.add(partition);
      recent.open(partition, 0);
      recent.stored(partition, Long.MAX_VALUE);
    }
    for (int i = 0; i < AUTHORS; i++) authors.add(new UserId("author-" + i));
    while (recent.size() < REFERENCES) remember();
  }

  /** The next post is remembered, and the oldest one forgotten. */
  @Benchmark
  public boolean remember() {
    int author = random.nextInt(AUTHORS);
    // As the log has it: all posts of an author are in one partition.
    LogPartition partition = partitions.get(author % PARTITIONS);
    long id = HybridClock.ofMillis(1_700_000_000_000L + next);
    var ref = new PostRef(id, 1L << 56 | author, id, authors.get(author), partition, next++, 0);
    boolean isNew = recent.add(ref, ++sequences[author]);
    recent.evict();
    return isNew;
  }

  /** What a timeline with 200 followees asks when it wakes up. */
  @Benchmark
  public int readOf200Authors() {
    int from = random.nextInt(AUTHORS - FOLLOWEES);
    int found = 0;
    for (int i = 0; i < FOLLOWEES; i++) {
      found += recent.recent(authors.get(from + i), Positions.EMPTY).size();
    }
    return found;
  }
}
