package io.tideline.bench.micro;

import io.tideline.protocols.HybridClock;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** The name of a post: made, written, read. */
@State(Scope.Thread)
public class PostIdBenchmark {
  private long now = HybridClock.ofMillis(1_750_000_000_000L);
  private UserId author = new UserId("author-1");
  private String key = "0c1f8f6e-5d0d-4a3e-9a35-2f8a0d0d5a11";
  private PostId id = PostId.of(now, 1, author, key);
  private String text = id.toString();

  @Benchmark
  public PostId make() {
    return PostId.of(now, 1, author, key);
  }

  @Benchmark
  public String write() {
    return id.toString();
  }

  @Benchmark
  public PostId read() {
    return PostId.parse(text);
  }
}
