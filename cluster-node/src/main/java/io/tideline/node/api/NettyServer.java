package io.tideline.node.api;

import io.grpc.InsecureServerCredentials;
import io.grpc.Server;
import io.grpc.ServerCredentials;
import io.grpc.ServerServiceDefinition;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.netty.shaded.io.netty.util.ResourceLeakDetector;
import io.grpc.protobuf.services.ProtoReflectionService;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.Done;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.stream.Materializer;
import org.apache.pekko.stream.SystemMaterializer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The services on grpc-java's Netty server. */
final class NettyServer implements BoundSocket {
  private static final Duration HANDSHAKE_TIMEOUT = Duration.ofSeconds(10);

  /**
   * A connection may reset twice as many calls in this time as it may have open: a client whose
   * calls all run out of time resets as many as it makes, and must not lose the others for that.
   */
  private static final int RESET_WINDOW_SECONDS = 1;

  private static final Logger log = LoggerFactory.getLogger(NettyServer.class);

  static {
    // Netty's buffers never leave grpc-java; looking for lost ones costs a stack trace now and
    // then.
    ResourceLeakDetector.setLevel(ResourceLeakDetector.Level.DISABLED);
  }

  private final Server server;
  private final @Nullable TlsFiles tls;

  private NettyServer(Server server, @Nullable TlsFiles tls) {
    this.server = server;
    this.tls = tls;
  }

  static NettyServer bind(
      ActorSystem<?> system, GrpcSettings settings, List<GrpcMount<?>> services, Health health)
      throws IOException {
    TlsFiles tls = settings.tls().enabled() ? new TlsFiles(system, settings.tls()) : null;
    Materializer materializer = SystemMaterializer.get(system).materializer();
    NettyServerBuilder builder = configure(settings, tls);
    services.forEach(service -> builder.addService(definitionOf(service, materializer)));
    builder.addService(health.service());
    if (settings.reflection()) {
      addReflection(builder);
    }
    try {
      return new NettyServer(builder.build().start(), tls);
    } catch (IOException e) {
      if (tls != null) {
        tls.close();
      }
      throw e;
    }
  }

  private static NettyServerBuilder configure(GrpcSettings settings, @Nullable TlsFiles tls) {
    ServerCredentials credentials =
        tls == null ? InsecureServerCredentials.create() : tls.forNetty();
    GrpcSettings.KeepAlive keepAlive = settings.keepAlive();
    return NettyServerBuilder.forAddress(
            new InetSocketAddress(settings.host(), settings.port()), credentials)
        .directExecutor()
        .maxInboundMessageSize(settings.maxMessageBytes())
        .maxInboundMetadataSize(settings.maxMetadataBytes())
        .flowControlWindow(settings.flowControlWindow())
        .maxConcurrentCallsPerConnection(settings.maxConcurrentCallsPerConnection())
        .maxRstFramesPerWindow(2 * settings.maxConcurrentCallsPerConnection(), RESET_WINDOW_SECONDS)
        .handshakeTimeout(HANDSHAKE_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS)
        .keepAliveTime(keepAlive.time().toMillis(), TimeUnit.MILLISECONDS)
        .keepAliveTimeout(keepAlive.timeout().toMillis(), TimeUnit.MILLISECONDS)
        .permitKeepAliveTime(keepAlive.permitted().toMillis(), TimeUnit.MILLISECONDS)
        .permitKeepAliveWithoutCalls(true)
        .maxConnectionAge(settings.maxConnectionAge().toMillis(), TimeUnit.MILLISECONDS)
        .maxConnectionAgeGrace(settings.maxConnectionAgeGrace().toMillis(), TimeUnit.MILLISECONDS);
  }

  private static ServerServiceDefinition definitionOf(
      GrpcMount<?> service, Materializer materializer) {
    List<RpcMethod> methods = RpcMethod.allOf(service);
    ServerServiceDefinition.Builder definition =
        ServerServiceDefinition.builder(RpcMethod.schemaOf(service, methods));
    methods.forEach(
        method ->
            definition.addMethod(method.descriptor(), new RpcCallHandler(method, materializer)));
    return definition.build();
  }

  @SuppressWarnings("deprecation") // Many clients still speak v1alpha only.
  private static void addReflection(NettyServerBuilder builder) {
    builder.addService(ProtoReflectionServiceV1.newInstance());
    builder.addService(ProtoReflectionService.newInstance());
  }

  @Override
  public InetSocketAddress address() {
    return (InetSocketAddress) server.getListenSockets().get(0);
  }

  @Override
  public CompletionStage<Done> drain(Duration grace) {
    CompletableFuture<Done> drained = new CompletableFuture<>();
    server.shutdown();
    Thread waiter = new Thread(() -> awaitEnd(grace, drained), "tideline-grpc-drain");
    waiter.setDaemon(true);
    waiter.start();
    return drained;
  }

  private void awaitEnd(Duration grace, CompletableFuture<Done> drained) {
    try {
      if (!server.awaitTermination(grace.toMillis(), TimeUnit.MILLISECONDS)) {
        log.info("Calls still run after {}; ending them", grace);
        server.shutdownNow();
        server.awaitTermination();
      }
      drained.complete(Done.getInstance());
    } catch (InterruptedException e) {
      server.shutdownNow();
      drained.completeExceptionally(e);
    } finally {
      if (tls != null) {
        tls.close();
      }
    }
  }
}
