package io.tideline.bench.micro;

import io.tideline.persistence.timeline.Checkpoint;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import java.util.ArrayList;
import java.util.List;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** What the journal has of a timeline of 800 entries, of which 20 are new since the last time. */
@State(Scope.Thread)
public class CheckpointBenchmark {
  private static final LogPartition PARTITION = new LogPartition(1, 1, 0);
  private static final int ENTRIES = 800;
  private static final int NEW = 20;

  private final List<PostRef> posts = posts();
  private final Checkpoint before = of(0);
  private final Checkpoint now = of(NEW);
  private final byte[] whole = before.encode();
  private final byte[] difference = before.differenceTo(now);

  private static List<PostRef> posts() {
    List<PostRef> posts = new ArrayList<>();
    for (int i = 0; i < ENTRIES + NEW; i++) {
      var author = new UserId("author-" + i * 7_919 % 200);
      long at = HybridClock.ofMillis(1_750_000_000_000L + i * 10_000L);
      PostId id = PostId.of(at, 1, author, "key");
      posts.add(new PostRef(id.hi(), id.lo(), at, author, PARTITION, i, 0));
    }
    return posts;
  }

  private Checkpoint of(int from) {
    Positions positions = Positions.EMPTY.with(PARTITION, from + ENTRIES);
    return new Checkpoint(posts.subList(from, from + ENTRIES), positions, PostId.MIN, 0);
  }

  @Benchmark
  public Checkpoint decode() {
    return Checkpoint.decode(whole);
  }

  @Benchmark
  public int changes() {
    return before.changesTo(now.entries());
  }

  @Benchmark
  public byte[] difference() {
    return before.differenceTo(now);
  }

  @Benchmark
  public Checkpoint then() {
    return before.then(difference);
  }
}
