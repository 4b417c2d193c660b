package io.tideline.node.api;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.BooleanSupplier;
import org.apache.pekko.Done;
import org.apache.pekko.actor.CoordinatedShutdown;
import org.apache.pekko.actor.typed.ActorSystem;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The public socket of a node: the mounted services, gRPC health and reflection. */
public final class GrpcServer {
  private static final Logger log = LoggerFactory.getLogger(GrpcServer.class);

  private static final Duration EVERY_SECOND = Duration.ofSeconds(1);

  private final BoundSocket socket;
  private final Health health;

  private GrpcServer(BoundSocket socket, Health health) {
    this.socket = socket;
    this.health = health;
  }

  /**
   * Binds the services; every one, and the node as a whole (""), then reports each second whether
   * it serves. None does any more when the system begins to leave. The socket drains only once this
   * node has handed over its users ({@code cluster-leave}): until then other nodes pass calls on to
   * it.
   *
   * @param ready whether calls should come here
   */
  public static CompletionStage<GrpcServer> start(
      ActorSystem<?> system,
      GrpcSettings settings,
      List<GrpcMount<?>> services,
      BooleanSupplier ready) {
    Health health = new Health();
    tell(health, services, ready.getAsBoolean());
    system
        .scheduler()
        .scheduleWithFixedDelay(
            EVERY_SECOND,
            EVERY_SECOND,
            () -> tell(health, services, ready.getAsBoolean()),
            system.executionContext());
    return bind(system, settings, services, health)
        .thenApply(socket -> started(system, settings, new GrpcServer(socket, health)));
  }

  private static CompletionStage<BoundSocket> bind(
      ActorSystem<?> system, GrpcSettings settings, List<GrpcMount<?>> services, Health health) {
    try {
      return switch (settings.transport()) {
        case NETTY ->
            CompletableFuture.completedFuture(NettyServer.bind(system, settings, services, health));
        case PEKKO_HTTP -> PekkoHttpServer.bind(system, settings, services, health);
      };
    } catch (IOException e) {
      return CompletableFuture.failedFuture(
          new IOException(
              "cannot bind tideline.node.grpc to %s:%d: %s"
                  .formatted(settings.host(), settings.port(), e.getMessage()),
              e));
    }
  }

  private static GrpcServer started(
      ActorSystem<?> system, GrpcSettings settings, GrpcServer server) {
    CoordinatedShutdown shutdown = CoordinatedShutdown.get(system);
    shutdown.addTask(
        CoordinatedShutdown.PhaseBeforeServiceUnbind(), "not-serving", server::endHealth);
    shutdown.addTask(
        CoordinatedShutdown.PhaseClusterLeave(),
        "drain-grpc",
        () -> server.drain(settings.drainGrace()));
    log.info(
        "gRPC on {} over {}{}",
        server.address(),
        settings.transport(),
        settings.tls().enabled() ? " with TLS" : "");
    return server;
  }

  /** Where clients reach the server; the real port when the settings ask for port 0. */
  public InetSocketAddress address() {
    return socket.address();
  }

  private static void tell(Health health, List<GrpcMount<?>> services, boolean ready) {
    health.set("", ready);
    services.forEach(service -> health.set(service.name(), ready));
  }

  private CompletionStage<Done> endHealth() {
    health.end();
    return CompletableFuture.completedFuture(Done.getInstance());
  }

  /** Accepts nothing new, lets running calls finish for so long, then ends the rest. */
  public CompletionStage<Done> drain(Duration grace) {
    health.end();
    return socket.drain(grace);
  }
}
