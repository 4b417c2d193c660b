package io.tideline.bench.micro;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.tideline.multidc.log.PoisonLineException;
import io.tideline.multidc.log.PostLines;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.IntentLine;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** A line of the posts log and one of the intents log: from parts to bytes, and back. */
@State(Scope.Thread)
public class LogLineBenchmark {
  private static final LogPartition LOG = new LogPartition(1, 0x5EED, 3);

  private long now = HybridClock.ofMillis(1_750_000_000_000L);
  private UserId author = new UserId("author-1");
  private UserId followee = new UserId("author-2");
  private PostId id = PostId.of(now, 1, author, "key");
  private ByteString post = Lines.post(id, author);
  private byte[] postLine = Lines.published(id, author, post).toByteArray();
  private byte[] intentLine = Lines.followed(author, followee, now).toByteArray();

  @Benchmark
  public byte[] encodePost() {
    return Lines.published(id, author, post).toByteArray();
  }

  /** As the log's reader does it: parsed, looked at, and turned into a reference. */
  @Benchmark
  public PostRef decodePost() throws PoisonLineException {
    return PostRef.of(PostLines.parse(postLine), author, LOG, 4711);
  }

  @Benchmark
  public byte[] encodeIntent() {
    return Lines.followed(author, followee, now).toByteArray();
  }

  @Benchmark
  public IntentLine decodeIntent() throws InvalidProtocolBufferException {
    return IntentLine.parseFrom(intentLine);
  }
}
