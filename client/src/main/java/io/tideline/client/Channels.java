package io.tideline.client;

import io.grpc.ChannelCredentials;
import io.grpc.ClientInterceptor;
import io.grpc.Grpc;
import io.grpc.ManagedChannel;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/** One connection to each node, made when it is first needed. */
final class Channels implements AutoCloseable {
  /** A hundred cards are up to 23 MB: limits count characters, which have up to four bytes. */
  private static final int LARGEST_MESSAGE = 32 << 20;

  private final ChannelCredentials credentials;
  private final List<ClientInterceptor> interceptors;
  private final ConcurrentHashMap<String, ManagedChannel> channels = new ConcurrentHashMap<>();
  private volatile boolean closed;

  Channels(ChannelCredentials credentials, List<ClientInterceptor> interceptors) {
    this.credentials = credentials;
    this.interceptors = List.copyOf(interceptors);
  }

  ManagedChannel to(String address) {
    return channels.computeIfAbsent(address, this::connect);
  }

  /** Ends connections to nodes that are no more, once their calls have ended. */
  void retain(Set<String> addresses) {
    channels.forEach(
        (address, channel) -> {
          if (!addresses.contains(address) && channels.remove(address, channel)) channel.shutdown();
        });
  }

  /** Lets connections that failed be tried again at the next call, not only after a long while. */
  void reconnect() {
    channels.values().forEach(ManagedChannel::resetConnectBackoff);
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
    channels.values().forEach(ManagedChannel::shutdownNow);
  }
}
