package io.tideline.node;

import static java.util.stream.Collectors.joining;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.grpc.StatusRuntimeException;
import io.tideline.localstack.LocalCassandra;
import io.tideline.localstack.LocalKafka;
import io.tideline.localstack.LocalStack;
import io.tideline.protocols.v1.ClusterServiceClient;
import io.tideline.protocols.v1.FeedServiceClient;
import io.tideline.protocols.v1.FilterServiceClient;
import io.tideline.protocols.v1.FollowRequest;
import io.tideline.protocols.v1.GraphServiceClient;
import io.tideline.protocols.v1.PostContent;
import io.tideline.protocols.v1.PostServiceClient;
import io.tideline.protocols.v1.PublishRequest;
import io.tideline.protocols.v1.PublishResponse;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import io.tideline.protocols.v1.UserServiceClient;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.common.TopicPartition;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.grpc.GrpcClientSettings;

/** A whole node in this JVM, on the build's Cassandra and Kafka, in a keyspace of its own. */
final class TestNode implements AutoCloseable {
  private final ActorSystem<Void> system;
  private final FeedNode node;
  final PostServiceClient posts;
  final GraphServiceClient graph;
  final FilterServiceClient filters;
  final FeedServiceClient feeds;
  final UserServiceClient users;
  final ClusterServiceClient cluster;
  final int grpcPort;
  final int managementPort;

  private TestNode(ActorSystem<Void> system, FeedNode node) {
    this.system = system;
    this.node = node;
    Config config = system.settings().config();
    grpcPort = config.getInt("tideline.node.grpc.port");
    managementPort = config.getInt("tideline.node.management.port");
    GrpcClientSettings settings =
        GrpcClientSettings.connectToServiceAt("127.0.0.1", grpcPort, system)
            .withTls(false)
            .withDeadline(Duration.ofSeconds(30));
    posts = PostServiceClient.create(settings, system);
    graph = GraphServiceClient.create(settings, system);
    filters = FilterServiceClient.create(settings, system);
    feeds = FeedServiceClient.create(settings, system);
    users = UserServiceClient.create(settings, system);
    cluster = ClusterServiceClient.create(settings, system);
  }

  static TestNode start(String transport, Map<String, ?> overrides) {
    return startCell(1, transport, overrides).get(0);
  }

  /** Nodes that are one cell, all of them in this JVM. */
  static List<TestNode> startCell(int size, String transport, Map<String, ?> overrides) {
    return startCell(newName(), Collections.nCopies(size, "a"), transport, overrides);
  }

  static String newName() {
    return "t" + UUID.randomUUID().toString().replace("-", "").substring(0, 12);
  }

  /** A node in each of the zones, and what an earlier cell of the same name has left. */
  static List<TestNode> startCell(
      String name, List<String> zones, String transport, Map<String, ?> overrides) {
    int size = zones.size();
    List<Integer> clusterPorts = Stream.generate(TestNode::freePort).limit(size).toList();
    String seeds =
        size == 1
            ? ""
            : clusterPorts.stream().map(port -> "127.0.0.1:" + port).collect(joining(","));
    List<Starting> starting =
        IntStream.range(0, size)
            .mapToObj(
                i -> settings(name, zones.get(i), clusterPorts.get(i), seeds, transport, overrides))
            .map(TestNode::starting)
            .toList();
    List<TestNode> nodes = new ArrayList<>();
    try {
      for (Starting node : starting) {
        nodes.add(new TestNode(node.system(), node.started().get(3, TimeUnit.MINUTES)));
      }
      return nodes;
    } catch (Exception e) {
      starting.forEach(node -> node.system().terminate());
      throw new IllegalStateException("the node did not start", e);
    }
  }

  private static Config settings(
      String name,
      String zone,
      int clusterPort,
      String seeds,
      String transport,
      Map<String, ?> overrides) {
    LocalStack stack = LocalStack.shared();
    Config settings =
        ConfigFactory.parseMap(
            Map.ofEntries(
                Map.entry("tideline.node.cell.name", name),
                Map.entry("tideline.node.availability-zone", zone),
                Map.entry("tideline.node.cluster.port", clusterPort),
                Map.entry("tideline.node.cluster.seed-nodes", seeds),
                Map.entry("tideline.node.management.port", freePort()),
                Map.entry("tideline.node.grpc.port", freePort()),
                Map.entry("tideline.node.grpc.transport", transport),
                Map.entry(
                    "tideline.node.cassandra.contact-points", stack.cassandra().contactPoint()),
                Map.entry("tideline.node.cassandra.local-datacenter", LocalCassandra.DATA_CENTER),
                Map.entry("tideline.node.cassandra.keyspace", name),
                Map.entry(
                    "tideline.node.kafka.bootstrap-servers", stack.kafka().bootstrapServers()),
                Map.entry("pekko.coordinated-shutdown.exit-jvm", "off")));
    return NodeConfig.load(ConfigFactory.parseMap(overrides).withFallback(settings));
  }

  private record Starting(ActorSystem<Void> system, CompletableFuture<FeedNode> started) {}

  private static Starting starting(Config config) {
    ActorSystem<Void> system =
        ActorSystem.create(Behaviors.empty(), NodeConfig.SYSTEM_NAME, config);
    return new Starting(
        system, FeedNode.start(system, NodeSettings.from(config)).toCompletableFuture());
  }

  static int freePort() {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A program of this build, for a JVM of its own: of Tideline's variables it sees only these. */
  static ProcessBuilder program(Class<?> main, Map<String, String> variables, String... arguments) {
    ProcessBuilder builder =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx128m",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                main.getName())
            .redirectErrorStream(true);
    builder.command().addAll(List.of(arguments));
    builder.environment().keySet().removeIf(key -> key.startsWith("TIDELINE_"));
    builder.environment().putAll(variables);
    return builder;
  }

  /** The logs of a cell, or what is here of those of another one, with nothing in them. */
  static void createLogs(String kafka, String cell, int partitions) throws Exception {
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", kafka))) {
      admin
          .createTopics(
              Stream.of("posts", "intents")
                  .map(log -> "tideline.%s.%s".formatted(log, cell))
                  .map(topic -> new NewTopic(topic, partitions, (short) 1))
                  .toList())
          .all()
          .get(20, TimeUnit.SECONDS);
    }
  }

  ActorSystem<Void> system() {
    return system;
  }

  FeedNode node() {
    return node;
  }

  String grpcAddress() {
    return "127.0.0.1:" + grpcPort;
  }

  /** A user of whom nobody has heard. */
  static String user(String name) {
    return name + "-" + UUID.randomUUID().toString().substring(0, 8);
  }

  /** The answer, or the refusal as it is. */
  static <T> T ok(CompletionStage<T> answer) {
    try {
      return answer.toCompletableFuture().join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof StatusRuntimeException status) throw status;
      throw e;
    }
  }

  /** The consistency token. */
  String follow(String user, String followee) {
    return ok(graph.follow(
            FollowRequest.newBuilder().setUserId(user).setFolloweeId(followee).build()))
        .getConsistencyToken();
  }

  /** With a key of its own: the same request again is the same post. */
  static PublishRequest post(String author, String text) {
    return PublishRequest.newBuilder()
        .setAuthorId(author)
        .setIdempotencyKey(UUID.randomUUID().toString())
        .setContent(PostContent.newBuilder().setText(text))
        .build();
  }

  PublishResponse publish(String author, String text) {
    return ok(posts.publish(post(author, text)));
  }

  ReadFeedResponse read(String user, UnaryOperator<ReadFeedRequest.Builder> request) {
    return ok(feeds.readFeed(request.apply(ReadFeedRequest.newBuilder().setUserId(user)).build()));
  }

  @Override
  public void close() throws Exception {
    system.terminate();
    system.getWhenTerminated().toCompletableFuture().get(60, TimeUnit.SECONDS);
  }

  /** As if other cells had been away for longer than a cell's logs keep their lines. */
  static void loseLines(LocalKafka kafka, String cell) throws Exception {
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", kafka.bootstrapServers()))) {
      Map<TopicPartition, OffsetSpec> partitions = new HashMap<>();
      admin
          .describeTopics(List.of("tideline.posts." + cell, "tideline.intents." + cell))
          .allTopicNames()
          .get(20, TimeUnit.SECONDS)
          .forEach(
              (topic, is) ->
                  is.partitions()
                      .forEach(
                          each ->
                              partitions.put(
                                  new TopicPartition(topic, each.partition()),
                                  OffsetSpec.latest())));
      Map<TopicPartition, RecordsToDelete> ends = new HashMap<>();
      admin
          .listOffsets(partitions)
          .all()
          .get(20, TimeUnit.SECONDS)
          .forEach(
              (partition, end) -> ends.put(partition, RecordsToDelete.beforeOffset(end.offset())));
      admin.deleteRecords(ends).all().get(20, TimeUnit.SECONDS);
    }
  }
}
