package io.tideline.bench.side;

import io.grpc.Status;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisFuture;
import io.lettuce.core.RedisURI;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.async.RedisAsyncCommands;
import io.lettuce.core.codec.ByteArrayCodec;
import io.tideline.protocols.v1.PublishRequest;
import io.tideline.protocols.v1.PublishResponse;
import io.tideline.protocols.v1.ReadFeedRequest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * Timelines as Redis lists of ids, newest first, and cards as Redis strings. A read is a range of
 * the list and one MGET. A post is pushed to every follower's list before it is answered, all in
 * one pipeline. Followers are in the front's memory, so that no time goes into looking them up.
 */
final class RedisFront {
  /** What a timeline keeps, as Tideline's. */
  private static final int CAPACITY = 800;

  /** Commands are sent on in portions, so that the pipeline stays full and buffers small. */
  private static final int PORTION = 1_000;

  private final RedisAsyncCommands<byte[], byte[]> reads;
  private final StatefulRedisConnection<byte[], byte[]> writing;
  private final RedisAsyncCommands<byte[], byte[]> writes;
  private final Map<String, List<String>> followers;
  private final PostIds ids = new PostIds();

  private RedisFront(int redisPort, Map<String, List<String>> followers) {
    RedisClient client = RedisClient.create(RedisURI.create("127.0.0.1", redisPort));
    reads = client.connect(ByteArrayCodec.INSTANCE).async();
    writing = client.connect(ByteArrayCodec.INSTANCE);
    writing.setAutoFlushCommands(false);
    writes = writing.async();
    this.followers = followers;
  }

  /** Takes the port to serve, that of Redis, and the file with the followers. */
  public static void main(String[] arguments) throws IOException {
    var front =
        new RedisFront(Integer.parseInt(arguments[1]), FollowersFile.read(Path.of(arguments[2])));
    new FeedServer()
        .reads(front::read)
        .publishes(front::publish)
        .serveUntilParentLeaves(Integer.parseInt(arguments[0]));
  }

  static byte[] timelineKey(String reader) {
    return ("t:" + reader).getBytes(StandardCharsets.US_ASCII);
  }

  static byte[] cardKey(String postId) {
    return ("c:" + postId).getBytes(StandardCharsets.US_ASCII);
  }

  private CompletionStage<byte[]> read(ReadFeedRequest request) {
    int from = request.getCursor().isEmpty() ? 0 : Integer.parseInt(request.getCursor());
    int size = request.getPageSize();
    return reads
        .lrange(timelineKey(request.getUserId()), from, from + size - 1)
        .thenCompose(page -> cards(page, from + size));
  }

  private CompletionStage<byte[]> cards(List<byte[]> page, int next) {
    if (page.isEmpty()) return CompletableFuture.completedFuture(new byte[0]);
    byte[][] keys = new byte[page.size()][];
    for (int i = 0; i < keys.length; i++) {
      byte[] id = page.get(i);
      keys[i] = new byte[id.length + 2];
      keys[i][0] = 'c';
      keys[i][1] = ':';
      System.arraycopy(id, 0, keys[i], 2, id.length);
    }
    return reads
        .mget(keys)
        .thenApply(
            cards -> {
              List<byte[]> found = new ArrayList<>(cards.size());
              for (var card : cards) if (card.hasValue()) found.add(card.getValue());
              return PageBytes.of(found, Integer.toString(next), page.get(0));
            });
  }

  private CompletionStage<PublishResponse> publish(PublishRequest request) {
    String id = ids.next();
    byte[] idBytes = id.getBytes(StandardCharsets.US_ASCII);
    RedisFuture<?> last = writes.set(cardKey(id), PostIds.cardOf(id, request).toByteArray());
    int waiting = 1;
    for (String follower : followers.getOrDefault(request.getAuthorId(), List.of())) {
      byte[] key = timelineKey(follower);
      var unused = writes.lpush(key, idBytes);
      last = writes.ltrim(key, 0, CAPACITY - 1);
      waiting += 2;
      if (waiting >= PORTION) {
        writing.flushCommands();
        waiting = 0;
      }
    }
    writing.flushCommands();
    // Redis answers in order: with the last answer all are there.
    return last.handle((done, failure) -> answer(id, failure));
  }

  private static PublishResponse answer(String id, @Nullable Throwable failure) {
    if (failure != null) throw Status.UNAVAILABLE.withCause(failure).asRuntimeException();
    return PublishResponse.newBuilder().setPostId(id).build();
  }
}
