package io.tideline.bench.micro;

import io.tideline.protocols.Cursor;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.KeyRing;
import io.tideline.protocols.KnownRules;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.PassedOver;
import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.TokenCodec;
import io.tideline.protocols.UserId;
import io.tideline.protocols.Watermark;
import java.util.List;
import java.util.Map;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** A cursor of one cell with eight partitions, in the middle of a walk. */
@State(Scope.Thread)
public class CursorBenchmark {
  private static final UserId READER = new UserId("reader-1");
  private static final String SURFACE = "home";
  private static final long NOW = HybridClock.ofMillis(1_750_000_000_000L);

  private final TokenCodec codec = new TokenCodec(new KeyRing(1, Map.of(1, new byte[32])));
  private final Cursor cursor = cursor();
  private final String text = codec.encode(cursor);

  private static Cursor cursor() {
    Positions positions = Positions.EMPTY;
    for (int i = 0; i < 8; i++) {
      positions = positions.with(new LogPartition(1, 0x5EED, i), 1_000_000L + i);
    }
    PostId newest = PostId.of(NOW, 1, new UserId("author-1"), "newest");
    PostId after = PostId.of(NOW - (1L << 36), 1, new UserId("author-2"), "after");
    PostId floor = PostId.of(NOW - (1L << 42), 1, new UserId("author-3"), "floor");
    var base =
        new Watermark(positions, NOW, floor, newest, new KnownRules(1, Map.of(1, NOW), 4711));
    return new Cursor(
        READER, SURFACE, Cursor.Direction.OLDER, after, base, null, PassedOver.NOTHING, List.of());
  }

  @Benchmark
  public String encode() {
    return codec.encode(cursor);
  }

  @Benchmark
  public Cursor decode() {
    return codec.decodeCursor(text, READER, SURFACE);
  }
}
