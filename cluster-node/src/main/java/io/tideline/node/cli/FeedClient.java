package io.tideline.node.cli;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ClientInterceptors;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.StatusRuntimeException;
import io.grpc.TlsChannelCredentials;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import io.tideline.protocols.v1.MarkReadRequest;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * A client of a Tideline cluster that knows the addresses of several nodes and asks the next one
 * when one is away.
 */
public final class FeedClient implements AutoCloseable {
  private static final Duration ATTEMPT = Duration.ofSeconds(10);

  /** What the first nodes get that are asked: one that is silent must not keep others from it. */
  private static final Duration EARLY_ATTEMPT = Duration.ofSeconds(3);

  // As the Java client's: a hundred cards with as much text and attributes as there may be.
  private static final int LARGEST_MESSAGE = 32 << 20;
  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  private final List<ManagedChannel> nodes;
  private final Duration patience;
  private final List<ClientInterceptor> interceptors;
  private final AtomicInteger preferred = new AtomicInteger();

  /**
   * Calls are repeated on one node after the other until one answers, or all have been asked and
   * {@code patience} is over.
   */
  FeedClient(List<ManagedChannel> nodes, Duration patience, @Nullable String token) {
    if (nodes.isEmpty()) throw new IllegalArgumentException("a client needs at least one address");
    this.nodes = List.copyOf(nodes);
    this.patience = patience;
    this.interceptors = token == null ? List.of() : List.of(bearer(token));
  }

  /** A client of the nodes at these addresses, {@code host:port} or {@code https://host:port}. */
  public static FeedClient of(List<String> addresses, Duration patience) {
    Map<String, String> environment = System.getenv();
    return new FeedClient(
        addresses.stream().map(address -> channel(address, environment)).toList(),
        patience,
        environment.get("TIDELINE_TOKEN"));
  }

  private static ManagedChannel channel(String address, Map<String, String> environment) {
    var target =
        address.startsWith("https://")
            ? Grpc.newChannelBuilder(
                address.substring("https://".length()), tls(environment.get("TIDELINE_CA_FILE")))
            : Grpc.newChannelBuilder(address, InsecureChannelCredentials.create());
    return target
        .maxInboundMessageSize(LARGEST_MESSAGE)
        .keepAliveTime(30, TimeUnit.SECONDS)
        .build();
  }

  private static io.grpc.ChannelCredentials tls(@Nullable String authorities) {
    try {
      return authorities == null
          ? TlsChannelCredentials.create()
          : TlsChannelCredentials.newBuilder().trustManager(new File(authorities)).build();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read TIDELINE_CA_FILE " + authorities, e);
    }
  }

  private static ClientInterceptor bearer(String token) {
    Metadata headers = new Metadata();
    headers.put(AUTHORIZATION, "Bearer " + token);
    return MetadataUtils.newAttachHeadersInterceptor(headers);
  }

  /** Calls and waits for the answer; fails with a {@link StatusRuntimeException}. */
  <Q, R> R call(MethodDescriptor<Q, R> method, Q request) {
    try {
      return send(method, request).join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof StatusRuntimeException failure) throw failure;
      throw e;
    }
  }

  /** Calls without waiting; the future fails with a {@link StatusRuntimeException}. */
  <Q, R> CompletableFuture<R> send(MethodDescriptor<Q, R> method, Q request) {
    var answer = new CompletableFuture<R>();
    attempt(method, request, 1, preferred.get(), System.nanoTime() + patience.toNanos(), answer);
    return answer;
  }

  private <Q, R> void attempt(
      MethodDescriptor<Q, R> method,
      Q request,
      int attempt,
      int node,
      long giveUpAt,
      CompletableFuture<R> answer) {
    boolean repeatable = isRepeatable(request);
    boolean allAsked = attempt >= nodes.size();
    Duration limit = repeatable && !allAsked ? EARLY_ATTEMPT : ATTEMPT;
    var options = CallOptions.DEFAULT.withDeadlineAfter(limit.toMillis(), TimeUnit.MILLISECONDS);
    ClientCall<Q, R> call = channelOf(node).newCall(method, options);
    ClientCalls.asyncUnaryCall(
        call,
        request,
        new StreamObserver<R>() {
          @Override
          public void onNext(R value) {
            preferred.set(node);
            answer.complete(value);
          }

          @Override
          public void onError(Throwable failure) {
            Duration wait = waitBeforeNext(attempt, failure);
            boolean late = allAsked && System.nanoTime() + wait.toNanos() >= giveUpAt;
            if (!repeatable || late || !Backoff.worthRepeating(failure)) {
              answer.completeExceptionally(failure);
              return;
            }
            int next = node + 1;
            preferred.compareAndSet(node, next);
            CompletableFuture.delayedExecutor(wait.toMillis(), TimeUnit.MILLISECONDS)
                .execute(() -> repeat(method, request, attempt + 1, next, giveUpAt, answer));
          }

          @Override
          public void onCompleted() {}
        });
  }

  /** A second attempt could not tell its own success from that of somebody else. */
  private static boolean isRepeatable(Object request) {
    return !(request instanceof MarkReadRequest mark) || mark.getExpectedBase().isEmpty();
  }

  private <Q, R> void repeat(
      MethodDescriptor<Q, R> method,
      Q request,
      int attempt,
      int node,
      long giveUpAt,
      CompletableFuture<R> answer) {
    nodes.get(Math.floorMod(node, nodes.size())).resetConnectBackoff();
    attempt(method, request, attempt, node, giveUpAt, answer);
  }

  /** The other nodes are asked at once; only when all have failed is it time to wait. */
  private Duration waitBeforeNext(int attempt, Throwable failure) {
    int rounds = attempt / nodes.size();
    return attempt % nodes.size() == 0 ? Backoff.before(rounds, failure) : Duration.ZERO;
  }

  /** Opens a server stream on the {@code node}-th address, counted round and round. */
  <Q, R> ClientCall<Q, R> open(
      MethodDescriptor<Q, R> method, Q request, int node, StreamObserver<R> observer) {
    nodes.get(Math.floorMod(node, nodes.size())).resetConnectBackoff();
    ClientCall<Q, R> call = channelOf(node).newCall(method, CallOptions.DEFAULT);
    ClientCalls.asyncServerStreamingCall(call, request, observer);
    return call;
  }

  private Channel channelOf(int node) {
    return ClientInterceptors.intercept(nodes.get(Math.floorMod(node, nodes.size())), interceptors);
  }

  @Override
  public void close() {
    nodes.forEach(ManagedChannel::shutdownNow);
  }
}
