package io.tideline.persistence.timeline;

import io.tideline.protocols.LogPartition;
import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Writes lines of a posts log at random: new posts, late ones, edits, deletes, duplicates. */
final class SomeLines {
  static final UserId ANN = new UserId("ann");
  static final UserId BEA = new UserId("bea");
  static final LogPartition P0 = new LogPartition(1, 7, 0);
  static final LogPartition P1 = new LogPartition(1, 7, 1);

  private final Random random;
  private final Map<LogPartition, Long> ends = new HashMap<>();
  private final List<PostRef> posts = new ArrayList<>();
  private long version = 1_000_000;

  SomeLines(Random random) {
    this.random = random;
  }

  static PostRef line(long id, long version, long offset, int flags) {
    return new PostRef(id, 0, version, ANN, P0, offset, flags);
  }

  static PostId id(long id) {
    return new PostId(id, 0);
  }

  /** The next line; a deleted post is not written about again. */
  PostRef next() {
    version++;
    int what = random.nextInt(10);
    if (posts.isEmpty() || what < 6) return added(next(newPost()));
    int index = random.nextInt(posts.size());
    PostRef old = posts.get(index);
    if (what == 6) return next(old);
    if (what == 7) posts.remove(index);
    int flags = what == 7 ? PostRef.DELETED : PostRef.EDITED;
    return next(with(old, version, flags));
  }

  private PostRef added(PostRef post) {
    posts.add(post);
    return post;
  }

  private PostRef newPost() {
    // Halves of ids are unsigned, and most posts are younger than those before.
    long high = random.nextInt(4) == 0 ? random.nextLong() : version - 500_000;
    UserId author = random.nextBoolean() ? ANN : BEA;
    LogPartition partition = author.equals(ANN) ? P0 : P1;
    return new PostRef(high, random.nextLong(), version, author, partition, 0, 0);
  }

  private PostRef next(PostRef like) {
    long offset = ends.merge(like.partition, 1L, Long::sum) - 1;
    return new PostRef(
        like.idHi, like.idLo, like.version, like.author, like.partition, offset, like.flags);
  }

  private static PostRef with(PostRef old, long version, int flags) {
    return new PostRef(old.idHi, old.idLo, version, old.author, old.partition, old.offset, flags);
  }

  /** Behind everything written so far. */
  Positions end() {
    Positions end = Positions.EMPTY.with(P0, 0).with(P1, 0);
    for (Map.Entry<LogPartition, Long> partition : ends.entrySet()) {
      end = end.with(partition.getKey(), partition.getValue());
    }
    return end;
  }
}
