package io.tideline.node.api;

import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.pekko.Done;
import org.apache.pekko.actor.typed.ActorSystem;

/** The public socket of a node: the mounted services, gRPC health and reflection. */
public final class GrpcServer {
  private final BoundSocket socket;
  private final Map<String, Boolean> serving = new ConcurrentHashMap<>();

  private GrpcServer(BoundSocket socket) {
    this.socket = socket;
  }

  /** Binds the services; every one, and the node as a whole (""), then reports that it serves. */
  public static CompletionStage<GrpcServer> start(
      ActorSystem<?> system, GrpcSettings settings, List<GrpcMount<?>> services) {
    return bind(system, settings, services).thenApply(GrpcServer::new);
  }

  private static CompletionStage<BoundSocket> bind(
      ActorSystem<?> system, GrpcSettings settings, List<GrpcMount<?>> services) {
    return CompletableFuture.failedFuture(
        new UnsupportedOperationException("" + system + settings + services));
  }

  /** Where clients reach the server; the real port when the settings ask for port 0. */
  public InetSocketAddress address() {
    return socket.address();
  }

  /** What {@code grpc.health.v1} says about one service, or about the node (""). */
  public void setServing(String service, boolean isServing) {
    serving.put(service, isServing);
  }

  /** Accepts nothing new, lets running calls finish for so long, then ends the rest. */
  public CompletionStage<Done> drain(Duration grace) {
    return socket.drain(grace);
  }
}
