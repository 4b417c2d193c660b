package io.tideline.node;

import static org.awaitility.Awaitility.await;

import io.tideline.localstack.LocalCassandra;
import io.tideline.localstack.LocalKafka;
import io.tideline.localstack.LocalStack;
import io.tideline.node.cli.CellLine;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Nodes in processes of their own, on a Cassandra and a Kafka of their own. */
final class TestCluster implements AutoCloseable {
  private final LocalStack stack;
  private final List<ClusterNode> nodes = new ArrayList<>();

  private TestCluster(LocalStack stack) {
    this.stack = stack;
  }

  static TestCluster start(Path directory, int size) {
    return start(directory, size, "256m");
  }

  /** Each node in a zone of its own, called a, b, c. */
  static TestCluster start(Path directory, int size, String heap) {
    return start(
        directory, size, heap, LocalStack.Options.in(directory.resolve("stack")), Map.of());
  }

  /** One of several cells, whose Kafka the others reach by the line. */
  static TestCluster startCell(
      Path directory, int size, CellLine line, Map<String, String> configuration) {
    LocalStack.Options servers =
        LocalStack.Options.in(directory.resolve("stack")).withKafkaProxy(line.proxy());
    return start(directory, size, "256m", servers, configuration);
  }

  private static TestCluster start(
      Path directory,
      int size,
      String heap,
      LocalStack.Options servers,
      Map<String, String> configuration) {
    TestCluster cluster = new TestCluster(LocalStack.start(servers));
    try {
      List<Integer> ports = freePorts(3 * size);
      // All of them: a first node that knows no other would come back as a cluster of its own.
      String seeds =
          ports.subList(0, size).stream()
              .map(port -> "127.0.0.1:" + port)
              .collect(Collectors.joining(","));
      for (int i = 0; i < size; i++) {
        String name = "node-" + (i + 1);
        cluster.nodes.add(
            new ClusterNode(
                name,
                ports.get(i),
                ports.get(size + i),
                ports.get(2 * size + i),
                Character.toString('a' + i),
                seeds,
                heap,
                directory.resolve(name + ".log"),
                cluster.stack,
                configuration));
      }
      cluster.startMissing();
      return cluster;
    } catch (RuntimeException e) {
      cluster.close();
      throw e;
    }
  }

  List<ClusterNode> nodes() {
    return nodes;
  }

  LocalCassandra cassandra() {
    return stack.cassandra();
  }

  LocalKafka kafka() {
    return stack.kafka();
  }

  /** The node where the coordinator of the shards and the other singletons live. */
  ClusterNode oldest() {
    String members = nodes.get(0).read("cluster/members");
    return nodes.stream()
        .filter(
            node ->
                members.matches(
                    "(?s).*\"oldest\"\\s*:\\s*\"[^\"]*@" + node.clusterAddress() + "\".*"))
        .findFirst()
        .orElseThrow(() -> new AssertionError("no oldest node in " + members));
  }

  ClusterNode other(ClusterNode than) {
    return nodes.stream().filter(node -> node != than).findFirst().orElseThrow();
  }

  /** Ends everything at once, as a power cut would; {@link #startMissing} brings it back. */
  void kill() {
    nodes.forEach(ClusterNode::kill);
    cassandra().kill();
    kafka().kill();
  }

  /** Starts what does not run and returns when all nodes are one cluster again. */
  void startMissing() {
    if (!cassandra().isAlive()) cassandra().restart();
    if (!kafka().isAlive()) kafka().restart();
    nodes.stream().filter(node -> !node.isRunning()).forEach(ClusterNode::start);
    nodes.forEach(ClusterNode::awaitReady);
    awaitWhole();
  }

  private void awaitWhole() {
    await("all nodes to be members")
        .atMost(Duration.ofMinutes(1))
        .pollInterval(Duration.ofMillis(200))
        .until(() -> nodes.stream().allMatch(this::seesAllUp));
  }

  private boolean seesAllUp(ClusterNode node) {
    String members = node.read("cluster/members");
    return members.split("\"status\"\\s*:\\s*\"Up\"", -1).length - 1 == nodes.size()
        && members.matches("(?s).*\"unreachable\"\\s*:\\s*\\[\\s*].*");
  }

  private static List<Integer> freePorts(int count) {
    List<ServerSocket> probes = new ArrayList<>();
    try {
      for (int i = 0; i < count; i++) {
        probes.add(new ServerSocket(0, 1, InetAddress.getLoopbackAddress()));
      }
      List<Integer> ports = probes.stream().map(ServerSocket::getLocalPort).toList();
      for (ServerSocket probe : probes) probe.close();
      return ports;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    nodes.stream().filter(ClusterNode::isRunning).forEach(ClusterNode::kill);
    stack.close();
  }
}
