package io.tideline.bench.scenario;

import com.google.protobuf.Message;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import io.tideline.protocols.v1.Card;
import io.tideline.protocols.v1.PublishRequest;
import io.tideline.protocols.v1.PublishResponse;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Looks at feeds of one server with a client library: for checks, not for measuring. */
final class FeedReader implements AutoCloseable {
  private static final int LARGEST_PAGE = 100;
  private static final int DEADLINE_SECONDS = 30;

  /** After it, what was published counts as lost. */
  static final Duration PATIENCE = Duration.ofSeconds(60);

  private static final MethodDescriptor<ReadFeedRequest, ReadFeedResponse> READ_FEED =
      method(
          "tideline.v1.FeedService/ReadFeed",
          ReadFeedRequest.getDefaultInstance(),
          ReadFeedResponse.getDefaultInstance());
  private static final MethodDescriptor<PublishRequest, PublishResponse> PUBLISH =
      method(
          "tideline.v1.PostService/Publish",
          PublishRequest.getDefaultInstance(),
          PublishResponse.getDefaultInstance());

  private final ManagedChannel channel;

  FeedReader(InetSocketAddress address) {
    channel = NettyChannelBuilder.forAddress(address).usePlaintext().directExecutor().build();
  }

  private static <Q extends Message, R extends Message> MethodDescriptor<Q, R> method(
      String name, Q request, R response) {
    return MethodDescriptor.<Q, R>newBuilder()
        .setFullMethodName(name)
        .setType(MethodType.UNARY)
        .setRequestMarshaller(ProtoUtils.marshaller(request))
        .setResponseMarshaller(ProtoUtils.marshaller(response))
        .build();
  }

  List<Card> cards(ReadFeedRequest request) {
    return read(request).getCardsList();
  }

  PublishResponse publish(PublishRequest request) {
    return call(PUBLISH, request);
  }

  /**
   * Asks until the feed of each of these readers begins with this post.
   *
   * @return those whose feed did not even after so long
   */
  List<String> awaitFirst(List<String> readers, String postId, Duration patience) {
    long giveUpAt = System.nanoTime() + patience.toNanos();
    List<String> missing = readers;
    while (!missing.isEmpty() && System.nanoTime() < giveUpAt) missing = without(missing, postId);
    return missing;
  }

  /** What a report says of those that {@link #awaitFirst} was patient with for nothing. */
  static String lost(List<String> missing, List<String> followers) {
    return "%d of %d followers did not have a post after %d s, as %s"
        .formatted(missing.size(), followers.size(), PATIENCE.toSeconds(), missing.get(0));
  }

  /** Of these readers, those whose feed does not begin with this post; all are asked at once. */
  List<String> without(List<String> readers, String postId) {
    Map<String, CompletableFuture<Boolean>> found = new LinkedHashMap<>();
    for (String reader : readers) {
      var answer = new FirstCard(postId);
      found.put(reader, answer.isIt);
      ClientCalls.asyncUnaryCall(
          channel.newCall(READ_FEED, options()),
          ReadFeedRequest.newBuilder().setUserId(reader).setPageSize(1).build(),
          answer);
    }
    List<String> without = new ArrayList<>();
    found.forEach(
        (reader, isIt) -> {
          if (!isIt.join()) without.add(reader);
        });
    return without;
  }

  private static final class FirstCard implements StreamObserver<ReadFeedResponse> {
    private final String postId;
    private final CompletableFuture<Boolean> isIt = new CompletableFuture<>();

    private FirstCard(String postId) {
      this.postId = postId;
    }

    @Override
    public void onNext(ReadFeedResponse page) {
      isIt.complete(
          page.getCardsCount() > 0 && page.getCards(0).getPost().getPostId().equals(postId));
    }

    @Override
    public void onError(Throwable failure) {
      isIt.completeExceptionally(failure);
    }

    @Override
    public void onCompleted() {
      isIt.complete(false);
    }
  }

  /**
   * How many entries of a feed were published since then.
   *
   * @param most where to stop counting
   */
  int publishedSince(String reader, long millis, int most) {
    int count = 0;
    String cursor = "";
    while (true) {
      ReadFeedResponse page =
          read(
              ReadFeedRequest.newBuilder()
                  .setUserId(reader)
                  .setPageSize(LARGEST_PAGE)
                  .setCursor(cursor)
                  .build());
      for (Card card : page.getCardsList()) {
        if (card.getPost().getCreatedAtMillis() < millis || count == most) return count;
        count++;
      }
      cursor = page.getNextCursor();
      if (cursor.isEmpty() || page.getCardsCount() == 0) return count;
    }
  }

  private ReadFeedResponse read(ReadFeedRequest request) {
    return call(READ_FEED, request);
  }

  private <Q, R> R call(MethodDescriptor<Q, R> method, Q request) {
    return ClientCalls.blockingUnaryCall(channel, method, options(), request);
  }

  private static CallOptions options() {
    return CallOptions.DEFAULT.withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS);
  }

  @Override
  public void close() {
    channel.shutdownNow();
  }
}
