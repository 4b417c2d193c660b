package io.tideline.multidc.log;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.protobuf.ByteString;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.PostFacts;
import io.tideline.protocols.log.v1.PostLine;
import io.tideline.protocols.log.v1.PostLineKind;
import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/** Lines as authors write them: number n of an author is version n of the posts log's time. */
final class TestLines {
  static final String TOPIC = "tideline.posts.test";

  private TestLines() {}

  static PostLine published(String author, long sequence) {
    return line(PostLineKind.POST_LINE_KIND_PUBLISHED, author, sequence, sequence);
  }

  /** Says something later of the post that was published with line {@code of}. */
  static PostLine edited(String author, long sequence, long of) {
    return line(PostLineKind.POST_LINE_KIND_EDITED, author, sequence, of);
  }

  static PostLine deleted(String author, long sequence, long of) {
    return line(PostLineKind.POST_LINE_KIND_DELETED, author, sequence, of);
  }

  static PostLine erased(String author, long sequence) {
    return PostLine.newBuilder()
        .setKind(PostLineKind.POST_LINE_KIND_ERASED)
        .setAuthorId(author)
        .setVersion(version(sequence))
        .setOriginCell(1)
        .setSequence(sequence)
        .build();
  }

  static PostLine tagged(PostLine line, String... tags) {
    return line.toBuilder().setFacts(PostFacts.newBuilder().addAllTags(List.of(tags))).build();
  }

  static PostId id(String author, long publishedAs) {
    return PostId.of(version(publishedAs), 1, new UserId(author), "key " + publishedAs);
  }

  static long version(long sequence) {
    return HybridClock.ofMillis(1_700_000_000_000L + sequence);
  }

  private static PostLine line(PostLineKind kind, String author, long sequence, long of) {
    PostLine.Builder line =
        PostLine.newBuilder()
            .setKind(kind)
            .setPostId(id(author, of).toByteString())
            .setAuthorId(author)
            .setVersion(version(sequence))
            .setOriginCell(1)
            .setSequence(sequence);
    if (kind != PostLineKind.POST_LINE_KIND_DELETED) {
      line.setPost(ByteString.copyFromUtf8("text " + sequence));
    }
    return line.build();
  }

  static PostRef ref(PostLine line, LogPartition partition, long offset) {
    return PostRef.of(line, new UserId(line.getAuthorId()), partition, offset);
  }

  static ConsumerRecord<byte[], byte[]> record(PostLine line, int partition, long offset) {
    return new ConsumerRecord<>(
        TOPIC, partition, offset, line.getAuthorId().getBytes(UTF_8), line.toByteArray());
  }
}
