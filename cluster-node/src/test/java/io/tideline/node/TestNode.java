package io.tideline.node;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.tideline.localstack.LocalCassandra;
import io.tideline.localstack.LocalStack;
import io.tideline.protocols.v1.ClusterServiceClient;
import io.tideline.protocols.v1.FeedServiceClient;
import io.tideline.protocols.v1.FilterServiceClient;
import io.tideline.protocols.v1.GraphServiceClient;
import io.tideline.protocols.v1.PostServiceClient;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.grpc.GrpcClientSettings;

/** A whole node in this JVM, on the build's Cassandra and Kafka, in a keyspace of its own. */
final class TestNode implements AutoCloseable {
  private final ActorSystem<Void> system;
  final PostServiceClient posts;
  final GraphServiceClient graph;
  final FilterServiceClient filters;
  final FeedServiceClient feeds;
  final ClusterServiceClient cluster;
  final int grpcPort;
  final int managementPort;

  private TestNode(ActorSystem<Void> system, int grpcPort, int managementPort) {
    this.system = system;
    this.grpcPort = grpcPort;
    this.managementPort = managementPort;
    GrpcClientSettings settings =
        GrpcClientSettings.connectToServiceAt("127.0.0.1", grpcPort, system)
            .withTls(false)
            .withDeadline(Duration.ofSeconds(30));
    posts = PostServiceClient.create(settings, system);
    graph = GraphServiceClient.create(settings, system);
    filters = FilterServiceClient.create(settings, system);
    feeds = FeedServiceClient.create(settings, system);
    cluster = ClusterServiceClient.create(settings, system);
  }

  static TestNode start(String transport, Map<String, ?> overrides) {
    LocalStack stack = LocalStack.shared();
    String name = "t" + UUID.randomUUID().toString().replace("-", "").substring(0, 12);
    int grpcPort = freePort();
    int managementPort = freePort();
    Config settings =
        ConfigFactory.parseMap(
            Map.ofEntries(
                Map.entry("tideline.node.cell.name", name),
                Map.entry("tideline.node.cluster.port", freePort()),
                Map.entry("tideline.node.management.port", managementPort),
                Map.entry("tideline.node.grpc.port", grpcPort),
                Map.entry("tideline.node.grpc.transport", transport),
                Map.entry(
                    "tideline.node.cassandra.contact-points", stack.cassandra().contactPoint()),
                Map.entry("tideline.node.cassandra.local-datacenter", LocalCassandra.DATA_CENTER),
                Map.entry("tideline.node.cassandra.keyspace", name),
                Map.entry(
                    "tideline.node.kafka.bootstrap-servers", stack.kafka().bootstrapServers()),
                Map.entry("pekko.coordinated-shutdown.exit-jvm", "off")));
    Config config = NodeConfig.load(ConfigFactory.parseMap(overrides).withFallback(settings));
    ActorSystem<Void> system =
        ActorSystem.create(Behaviors.empty(), NodeConfig.SYSTEM_NAME, config);
    try {
      FeedNode.start(system, NodeSettings.from(config))
          .toCompletableFuture()
          .get(90, TimeUnit.SECONDS);
      return new TestNode(system, grpcPort, managementPort);
    } catch (Exception e) {
      system.terminate();
      throw new IllegalStateException("the node did not start", e);
    }
  }

  static int freePort() {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  ActorSystem<Void> system() {
    return system;
  }

  @Override
  public void close() throws Exception {
    system.terminate();
    system.getWhenTerminated().toCompletableFuture().get(60, TimeUnit.SECONDS);
  }
}
