package io.tideline.node.api;

import io.tideline.protocols.UserId;
import io.tideline.protocols.v1.FeedServiceClient;
import io.tideline.protocols.v1.GetReadStateRequest;
import io.tideline.protocols.v1.GetReadStateResponse;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import io.tideline.protocols.v1.WatchFeedRequest;
import io.tideline.protocols.v1.WatchFeedResponse;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Function;
import org.apache.pekko.NotUsed;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.grpc.GrpcClientSettings;
import org.apache.pekko.grpc.javadsl.Metadata;
import org.apache.pekko.grpc.javadsl.SingleResponseRequestBuilder;
import org.apache.pekko.grpc.javadsl.StreamResponseRequestBuilder;
import org.apache.pekko.stream.javadsl.Source;
import org.jspecify.annotations.Nullable;

/**
 * Passes reads on to the node that owns the user: once, over gRPC, in the caller's name and trace.
 */
public final class Forwarding {
  /** Says that another node has passed the call on already. */
  static final String HOP = "x-tideline-forwarded-by";

  private static final Duration RETRY_SOON = Duration.ofMillis(500);

  private final ActorSystem<?> system;
  private final String here;
  private final boolean tls;
  private final Function<UserId, Optional<String>> owners;
  private final Duration deadline;
  private final ConcurrentHashMap<String, FeedServiceClient> clients = new ConcurrentHashMap<>();
  private final LongAdder forwarded = new LongAdder();
  private volatile Map<String, String> nodes = Map.of();

  /**
   * @param here the gRPC address of this node
   * @param owners the gRPC address of the node that owns a user, where that is known
   * @param deadline of a call that is passed on
   */
  public Forwarding(
      ActorSystem<?> system,
      String here,
      boolean tls,
      Function<UserId, Optional<String>> owners,
      Duration deadline) {
    this.system = system;
    this.here = here;
    this.tls = tls;
    this.owners = owners;
    this.deadline = deadline;
  }

  /** How many calls this node has passed on. */
  public long forwarded() {
    return forwarded.sum();
  }

  boolean isHere(String node) {
    return node.equals(here);
  }

  /** The other node that owns the user, if that is known and the call may still be passed on. */
  @Nullable String knownOwner(UserId user, Metadata metadata) {
    if (metadata.getText(HOP).isPresent()) return null;
    return owners.apply(user).filter(node -> !isHere(node)).orElse(null);
  }

  /** A call that was passed on is not passed on again: the caller is told where to go. */
  void requireFirstHop(Metadata metadata, String owner) {
    if (metadata.getText(HOP).isPresent()) {
      throw StatusMapping.unavailable(
          "NOT_THE_OWNER", "the user has moved to " + owner, Map.of("owner", owner), RETRY_SOON);
    }
  }

  /**
   * What goes along with a call that is passed on. The call's trace is known only on the thread
   * that the call comes on.
   */
  Map<String, String> headers(Metadata metadata) {
    Map<String, String> headers = new HashMap<>(TraceContext.current());
    // Without a span of this node the caller's trace goes on as it is.
    List<String> callers =
        headers.isEmpty()
            ? List.of("authorization", "traceparent", "tracestate")
            : List.of("authorization");
    for (String name : callers) {
      metadata.getText(name).ifPresent(value -> headers.put(name, value));
    }
    headers.put(HOP, here);
    return headers;
  }

  /** The owner, as the original caller sees it. */
  Hop to(String node, Map<String, String> headers) {
    forwarded.increment();
    return new Hop(clients.computeIfAbsent(node, this::connect), headers);
  }

  /**
   * Forgets the connections to nodes that are gone, also where another life of the node is at the
   * same address: the old connection may wait long before it tries again.
   *
   * @param now the id of each node by its gRPC address
   */
  public void retain(Map<String, String> now) {
    Map<String, String> before = nodes;
    nodes = Map.copyOf(now);
    clients.forEach(
        (address, client) -> {
          String node = now.get(address);
          boolean same = node != null && node.equals(before.get(address));
          if (!same && clients.remove(address, client)) client.close();
        });
  }

  private FeedServiceClient connect(String node) {
    int colon = node.lastIndexOf(':');
    GrpcClientSettings settings =
        GrpcClientSettings.connectToServiceAt(
                node.substring(0, colon), Integer.parseInt(node.substring(colon + 1)), system)
            .withTls(tls);
    return FeedServiceClient.create(settings, system);
  }

  /** One call on its way to the owner. */
  final class Hop {
    private final FeedServiceClient client;
    private final Map<String, String> headers;

    private Hop(FeedServiceClient client, Map<String, String> headers) {
      this.client = client;
      this.headers = headers;
    }

    CompletionStage<ReadFeedResponse> readFeed(ReadFeedRequest request) {
      return inTime(unary(client.readFeed()).invoke(request));
    }

    CompletionStage<GetReadStateResponse> getReadState(GetReadStateRequest request) {
      return inTime(unary(client.getReadState()).invoke(request));
    }

    Source<WatchFeedResponse, NotUsed> watchFeed(WatchFeedRequest request) {
      StreamResponseRequestBuilder<WatchFeedRequest, WatchFeedResponse> call = client.watchFeed();
      for (Map.Entry<String, String> header : headers.entrySet()) {
        call = call.addHeader(header.getKey(), header.getValue());
      }
      return call.invoke(request);
    }

    private <T> CompletionStage<T> inTime(CompletionStage<T> answer) {
      return answer.toCompletableFuture().orTimeout(deadline.toMillis(), TimeUnit.MILLISECONDS);
    }

    private <I, O> SingleResponseRequestBuilder<I, O> unary(
        SingleResponseRequestBuilder<I, O> call) {
      SingleResponseRequestBuilder<I, O> withHeaders = call;
      for (Map.Entry<String, String> header : headers.entrySet()) {
        withHeaders = withHeaders.addHeader(header.getKey(), header.getValue());
      }
      return withHeaders;
    }
  }
}
