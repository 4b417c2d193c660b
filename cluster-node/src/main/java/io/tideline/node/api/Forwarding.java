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

/** Passes reads on to the node that owns the user: once, over gRPC, with the caller's headers. */
public final class Forwarding {
  /** Says that another node has passed the call on already. */
  static final String HOP = "x-tideline-forwarded-by";

  private static final String[] PASSED_ON = {"authorization", "traceparent", "tracestate"};
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

  /** The owner, as the original caller sees it. */
  Hop to(String node, Metadata metadata) {
    forwarded.increment();
    return new Hop(clients.computeIfAbsent(node, this::connect), metadata);
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
    private final Metadata metadata;

    private Hop(FeedServiceClient client, Metadata metadata) {
      this.client = client;
      this.metadata = metadata;
    }

    CompletionStage<ReadFeedResponse> readFeed(ReadFeedRequest request) {
      return inTime(unary(client.readFeed()).invoke(request));
    }

    CompletionStage<GetReadStateResponse> getReadState(GetReadStateRequest request) {
      return inTime(unary(client.getReadState()).invoke(request));
    }

    Source<WatchFeedResponse, NotUsed> watchFeed(WatchFeedRequest request) {
      StreamResponseRequestBuilder<WatchFeedRequest, WatchFeedResponse> call =
          client.watchFeed().addHeader(HOP, here);
      for (String name : PASSED_ON) {
        Optional<String> value = metadata.getText(name);
        if (value.isPresent()) call = call.addHeader(name, value.get());
      }
      return call.invoke(request);
    }

    private <T> CompletionStage<T> inTime(CompletionStage<T> answer) {
      return answer.toCompletableFuture().orTimeout(deadline.toMillis(), TimeUnit.MILLISECONDS);
    }

    private <I, O> SingleResponseRequestBuilder<I, O> unary(
        SingleResponseRequestBuilder<I, O> call) {
      SingleResponseRequestBuilder<I, O> withHeaders = call.addHeader(HOP, here);
      for (String name : PASSED_ON) {
        Optional<String> value = metadata.getText(name);
        if (value.isPresent()) withHeaders = withHeaders.addHeader(name, value.get());
      }
      return withHeaders;
    }
  }
}
