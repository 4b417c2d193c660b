package io.tideline.multidc.log;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.protobuf.ByteString;
import io.tideline.persistence.posts.PostStore;
import io.tideline.persistence.posts.StoredPost;
import io.tideline.protocols.PostId;
import io.tideline.protocols.log.v1.PostLine;
import io.tideline.protocols.log.v1.PostLineKind;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Predicate;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.jspecify.annotations.Nullable;

/**
 * Lines that could not be read: kept on a topic of their own until they are replayed.
 *
 * <p>The topic is its own ledger: a replayed line is followed by a note that it was, so replaying
 * again finds nothing. A node that dies in between causes a second append, which changes nothing.
 */
public final class ParkedLines {
  private static final TopicPartition PARKED = new TopicPartition(LogTopics.PARKED, 0);
  private static final String REPLAYED = "replayed";

  private final LogSettings settings;
  private final LogTopics topics;
  private final LogWriter writer;

  /**
   * What became of the lines that were to be replayed.
   *
   * @param appended how many were appended to their log again
   * @param dropped how many tell of posts that have been deleted since
   * @param unreadable how many still cannot be read; they stay parked
   */
  public record Replay(int appended, int dropped, int unreadable) {
    Replay plus(Replay other) {
      return new Replay(
          appended + other.appended, dropped + other.dropped, unreadable + other.unreadable);
    }
  }

  public ParkedLines(LogSettings settings, LogTopics topics, LogWriter writer) {
    this.settings = settings;
    this.topics = topics;
    this.writer = writer;
  }

  /** Keeps a line that cannot be read; completes once it is safe. */
  public CompletionStage<Void> park(ConsumerRecord<byte[], byte[]> line, String reason) {
    ProducerRecord<byte[], byte[]> parked =
        new ProducerRecord<>(LogTopics.PARKED, 0, line.key(), line.value());
    Headers headers = parked.headers();
    headers.add("reason", reason.getBytes(UTF_8));
    headers.add("topic", line.topic().getBytes(UTF_8));
    headers.add("partition", number(line.partition()));
    headers.add("offset", number(line.offset()));
    headers.add("timestamp", number(line.timestamp()));
    Header again = line.headers().lastHeader(SaidAgain.HEADER);
    if (again != null) {
      headers.add(again);
    }
    return writer.append(parked);
  }

  /** The oldest lines that are still parked. */
  public CompletionStage<List<ParkedLine>> list(int limit) {
    return parked().thenApply(lines -> lines.stream().limit(limit).toList());
  }

  /** Appends every parked line that can be read by now to its log again. */
  public CompletionStage<Replay> replayAll(PostStore store) {
    return replay(store, line -> true);
  }

  /** Appends these parked lines to their log again. */
  public CompletionStage<Replay> replay(Collection<Long> offsets, PostStore store) {
    return replay(store, line -> offsets.contains(line.offset()));
  }

  /** Appends another line in place of the one that is parked at the offset. */
  public CompletionStage<Replay> replayRepaired(long offset, PostLine repaired, PostStore store) {
    return parked()
        .thenCompose(
            lines ->
                inTurn(
                    lines.stream()
                        .filter(line -> line.offset() == offset)
                        .map(line -> repaired(line, repaired))
                        .toList(),
                    store));
  }

  private CompletionStage<Replay> replay(PostStore store, Predicate<ParkedLine> wanted) {
    return parked().thenCompose(lines -> inTurn(lines.stream().filter(wanted).toList(), store));
  }

  private CompletionStage<Replay> inTurn(List<ParkedLine> lines, PostStore store) {
    CompletionStage<Replay> all = CompletableFuture.completedStage(new Replay(0, 0, 0));
    for (ParkedLine line : lines) {
      all = all.thenCompose(before -> replay(line, store).thenApply(before::plus));
    }
    return all;
  }

  private CompletionStage<Replay> replay(ParkedLine parked, PostStore store) {
    byte[] value = parked.value().toByteArray();
    try {
      SaidAgain.of(lineOf(parked).headers());
      if (isIntent(parked)) {
        IntentLines.parse(value);
        return replay(parked, false);
      }
      PostLine line = PostLines.parse(value);
      return isDeleted(line, store).thenCompose(deleted -> replay(parked, deleted));
    } catch (PoisonLineException e) {
      return CompletableFuture.completedStage(new Replay(0, 0, 1));
    }
  }

  private CompletionStage<Replay> replay(ParkedLine parked, boolean deleted) {
    if (deleted) {
      return writer.append(noteOf(parked)).thenApply(noted -> new Replay(0, 1, 0));
    }
    return writer
        .append(lineOf(parked))
        .thenCompose(appended -> writer.append(noteOf(parked)))
        .thenApply(noted -> new Replay(1, 0, 0));
  }

  // Also what was parked on its way from another cell: a copy says where it stands there, and a
  // repaired line stands nowhere yet.
  private ProducerRecord<byte[], byte[]> lineOf(ParkedLine parked) {
    String topic = isIntent(parked) ? topics.intents() : topics.posts();
    ProducerRecord<byte[], byte[]> line =
        new ProducerRecord<>(topic, parked.key().toByteArray(), parked.value().toByteArray());
    if (parked.again() != null) {
      line.headers().add(parked.again());
    }
    return line;
  }

  private static boolean isIntent(ParkedLine parked) {
    return parked.topic().startsWith(LogTopics.INTENTS);
  }

  private static CompletionStage<Boolean> isDeleted(PostLine line, PostStore store) {
    if (line.getKind() == PostLineKind.POST_LINE_KIND_DELETED
        || line.getKind() == PostLineKind.POST_LINE_KIND_ERASED) {
      return CompletableFuture.completedStage(false);
    }
    return store
        .find(PostId.fromBytes(line.getPostId()))
        .thenApply(post -> post.map(StoredPost::deleted).orElse(false));
  }

  private static ParkedLine repaired(ParkedLine parked, PostLine line) {
    return new ParkedLine(
        parked.offset(),
        parked.reason(),
        parked.topic(),
        parked.partition(),
        parked.topicOffset(),
        parked.appended(),
        line.getAuthorIdBytes(),
        line.toByteString(),
        readable(parked.again()));
  }

  private static @Nullable Header readable(@Nullable Header again) {
    try {
      return again == null || SaidAgain.of(new RecordHeaders(List.of(again))) == null
          ? null
          : again;
    } catch (PoisonLineException e) {
      return null;
    }
  }

  private static ProducerRecord<byte[], byte[]> noteOf(ParkedLine replayed) {
    ProducerRecord<byte[], byte[]> note =
        new ProducerRecord<>(LogTopics.PARKED, 0, null, new byte[0]);
    note.headers().add(REPLAYED, number(replayed.offset()));
    return note;
  }

  private CompletionStage<Collection<ParkedLine>> parked() {
    return requireLogs()
        .thenApplyAsync(there -> read(), task -> new Thread(task, "tideline-parked-lines").start());
  }

  // Made here, they would be the logs of a cell that does not exist, and swallow what is replayed.
  private CompletionStage<Void> requireLogs() {
    CompletionStage<Void> all = CompletableFuture.completedStage(null);
    for (String topic : List.of(topics.posts(), topics.intents(), LogTopics.PARKED)) {
      all = all.thenCompose(before -> require(topic));
    }
    return all;
  }

  private CompletionStage<Void> require(String topic) {
    return topics
        .incarnation(topic)
        .<Void>thenApply(found -> null)
        .exceptionallyCompose(
            failure ->
                CompletableFuture.failedStage(
                    failure.getCause() instanceof UnknownTopicOrPartitionException
                        ? new UnknownTopicOrPartitionException(
                            "there is no topic " + topic, failure)
                        : failure));
  }

  private Collection<ParkedLine> read() {
    Map<Long, ParkedLine> parked = new TreeMap<>();
    try (Consumer<byte[], byte[]> consumer =
        LogConsumers.looking(settings.connection(), "tideline-parked-lines")) {
      consumer.assign(List.of(PARKED));
      consumer.seekToBeginning(List.of(PARKED));
      long end = consumer.endOffsets(List.of(PARKED)).getOrDefault(PARKED, 0L);
      while (consumer.position(PARKED) < end) {
        consumer.poll(Duration.ofMillis(500)).forEach(line -> remember(line, parked));
      }
    }
    return new ArrayList<>(parked.values());
  }

  private static void remember(ConsumerRecord<byte[], byte[]> line, Map<Long, ParkedLine> parked) {
    Header replayed = line.headers().lastHeader(REPLAYED);
    if (replayed != null) {
      parked.remove(number(replayed));
      return;
    }
    parked.put(
        line.offset(),
        new ParkedLine(
            line.offset(),
            text(line, "reason"),
            text(line, "topic"),
            (int) number(header(line, "partition")),
            number(header(line, "offset")),
            Instant.ofEpochMilli(number(header(line, "timestamp"))),
            bytes(line.key()),
            bytes(line.value()),
            line.headers().lastHeader(SaidAgain.HEADER)));
  }

  private static ByteString bytes(byte @Nullable [] bytes) {
    return bytes == null ? ByteString.EMPTY : ByteString.copyFrom(bytes);
  }

  private static byte[] number(long number) {
    return Long.toString(number).getBytes(UTF_8);
  }

  private static long number(Header header) {
    return Long.parseLong(new String(header.value(), UTF_8));
  }

  private static String text(ConsumerRecord<byte[], byte[]> line, String name) {
    return new String(header(line, name).value(), UTF_8);
  }

  private static Header header(ConsumerRecord<byte[], byte[]> line, String name) {
    Header header = line.headers().lastHeader(name);
    if (header == null) {
      throw new IllegalStateException(
          "line %d of %s has no header %s".formatted(line.offset(), LogTopics.PARKED, name));
    }
    return header;
  }
}
