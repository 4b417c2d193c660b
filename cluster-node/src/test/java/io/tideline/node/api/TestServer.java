package io.tideline.node.api;

import com.google.protobuf.Message;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.grpc.ChannelCredentials;
import io.grpc.ClientInterceptor;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.typed.ActorSystem;

/** A server on a free loopback port, with stub services and channels to it. */
final class TestServer implements AutoCloseable {
  static final GrpcSettings.Tls NO_TLS = tls("");

  final StubGraph graph = new StubGraph();
  final StubCluster cluster = new StubCluster();
  final StubFeed feed = new StubFeed();
  final GrpcServer server;
  volatile boolean ready = true;
  private final List<ManagedChannel> channels = new ArrayList<>();

  private TestServer(ActorSystem<?> system, GrpcSettings settings) throws Exception {
    server =
        GrpcServer.start(
                system,
                settings,
                List.of(graph.mount(), cluster.mount(), feed.mount()),
                () -> ready)
            .toCompletableFuture()
            .get(10, TimeUnit.SECONDS);
  }

  static TestServer start(ActorTestKit kit, String settings) throws Exception {
    return new TestServer(kit.system(), GrpcSettings.from(config("tideline.node.grpc", settings)));
  }

  static GrpcSettings.Tls tls(String settings) {
    return GrpcSettings.from(config("tideline.node.grpc", settings)).tls();
  }

  static Config config(String path, String overrides) {
    return ConfigFactory.parseString(path + " {\nport = 0\n" + overrides + "\n}")
        .withFallback(ConfigFactory.defaultReferenceUnresolved())
        .resolve();
  }

  /** An actor system that is no cluster. */
  static ActorTestKit kit(String name) {
    return ActorTestKit.create(
        name,
        ConfigFactory.parseString("pekko.loglevel = WARNING")
            .withFallback(ConfigFactory.defaultReference()));
  }

  String address() {
    return server.address().getHostString() + ":" + server.address().getPort();
  }

  /** A connection of its own. */
  ManagedChannel channel(ClientInterceptor... interceptors) {
    return keep(
        NettyChannelBuilder.forTarget(address()).usePlaintext().intercept(interceptors).build());
  }

  ManagedChannel channel(ChannelCredentials credentials) {
    return keep(NettyChannelBuilder.forTarget(address(), credentials).build());
  }

  private ManagedChannel keep(ManagedChannel channel) {
    channels.add(channel);
    return channel;
  }

  @SuppressWarnings("unchecked") // No service here answers with bytes.
  MethodDescriptor<Message, Message> rpc(String name) {
    return (MethodDescriptor<Message, Message>)
        (MethodDescriptor<?, ?>)
            Stream.concat(
                    RpcMethod.allOf(graph.mount()).stream(),
                    RpcMethod.allOf(cluster.mount()).stream())
                .map(RpcMethod::descriptor)
                .filter(rpc -> name.equals(rpc.getBareMethodName()))
                .findFirst()
                .orElseThrow();
  }

  @Override
  public void close() throws Exception {
    channels.forEach(ManagedChannel::shutdownNow);
    server.drain(Duration.ZERO).toCompletableFuture().get(10, TimeUnit.SECONDS);
  }
}
