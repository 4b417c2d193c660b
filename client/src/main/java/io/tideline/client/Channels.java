package io.tideline.client;

import io.grpc.ChannelCredentials;
import io.grpc.ClientInterceptor;
import io.grpc.Grpc;
import io.grpc.ManagedChannel;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/**
 * The connections to each node, made when they are first needed: one for calls, and as many for
 * watches as they need. More streams than a connection takes would wait in the client for ever, and
 * calls behind them.
 */
final class Channels implements AutoCloseable {
  /** A hundred cards are up to 23 MB: limits count characters, which have up to four bytes. */
  private static final int LARGEST_MESSAGE = 32 << 20;

  /** A node takes 1,000 streams on a connection, unless it is told otherwise. */
  private static final int WATCHES_PER_CONNECTION = 250;

  private final ChannelCredentials credentials;
  private final List<ClientInterceptor> interceptors;
  private final ConcurrentHashMap<String, ManagedChannel> calls = new ConcurrentHashMap<>();
  // Guarded by itself.
  private final Map<String, List<Watches>> watches = new HashMap<>();
  private volatile boolean closed;

  Channels(ChannelCredentials credentials, List<ClientInterceptor> interceptors) {
    this.credentials = credentials;
    this.interceptors = List.copyOf(interceptors);
  }

  /** A connection for watches, and how many it has. */
  record Watches(ManagedChannel channel, AtomicInteger open) {}

  /** For calls, and the few streams that tell the topology. */
  ManagedChannel to(String address) {
    return calls.computeIfAbsent(address, this::connect);
  }

  /** With room for one more watch, which is counted: whoever opens it counts down at its end. */
  Watches forWatch(String address) {
    synchronized (watches) {
      List<Watches> connections = watches.computeIfAbsent(address, any -> new ArrayList<>());
      for (Watches each : connections) {
        if (each.open.get() < WATCHES_PER_CONNECTION) {
          each.open.incrementAndGet();
          return each;
        }
      }
      Watches another = new Watches(connect(address), new AtomicInteger(1));
      connections.add(another);
      return another;
    }
  }

  /** Ends connections to nodes that are no more, once their calls have ended. */
  void retain(Set<String> addresses) {
    calls.forEach(
        (address, channel) -> {
          if (!addresses.contains(address) && calls.remove(address, channel)) channel.shutdown();
        });
    synchronized (watches) {
      watches.forEach(
          (address, connections) -> {
            if (!addresses.contains(address)) connections.forEach(each -> each.channel.shutdown());
          });
      watches.keySet().retainAll(addresses);
    }
  }

  /** Lets connections that failed be tried again at the next call, not only after a long while. */
  void reconnect() {
    forEach(ManagedChannel::resetConnectBackoff);
  }

  private void forEach(Consumer<ManagedChannel> what) {
    calls.values().forEach(what);
    synchronized (watches) {
      watches.values().stream().flatMap(List::stream).map(Watches::channel).forEach(what);
    }
  }

  private ManagedChannel connect(String address) {
    ManagedChannel channel =
        Grpc.newChannelBuilder(address, credentials)
            .intercept(interceptors)
            .maxInboundMessageSize(LARGEST_MESSAGE)
            .keepAliveTime(15, TimeUnit.SECONDS)
            .keepAliveTimeout(5, TimeUnit.SECONDS)
            .build();
    return closed ? channel.shutdownNow() : channel;
  }

  @Override
  public void close() {
    closed = true;
    forEach(ManagedChannel::shutdownNow);
  }
}
