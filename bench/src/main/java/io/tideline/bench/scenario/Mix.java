package io.tideline.bench.scenario;

import io.tideline.bench.data.Dataset;
import io.tideline.bench.driver.Call;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Supplier;

/** 97 % reads and 3 % posts, at random. */
final class Mix implements Supplier<Call> {
  private static final double WRITES = 0.03;

  private final List<Call> reads;
  private final Posts posts;
  private final List<Dataset.SourcePost> like;
  private final SplittableRandom random;

  /**
   * @param posts makes those that are published
   * @param like whose authors and titles they have
   */
  Mix(List<Call> reads, Posts posts, List<Dataset.SourcePost> like, long seed) {
    this.reads = reads;
    this.posts = posts;
    this.like = like;
    random = new SplittableRandom(seed);
  }

  @Override
  public Call get() {
    return random.nextDouble() < WRITES
        ? posts.call(like.get(random.nextInt(like.size())))
        : reads.get(random.nextInt(reads.size()));
  }
}
