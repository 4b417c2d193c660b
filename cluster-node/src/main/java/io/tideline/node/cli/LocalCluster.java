package io.tideline.node.cli;

import io.tideline.localstack.LocalCassandra;
import io.tideline.localstack.LocalStack;
import io.tideline.localstack.StackStatus;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Some nodes on this machine, with a Cassandra and a Kafka that are real and local, too. */
final class LocalCluster implements AutoCloseable {
  private static final String MARKS = "127.0.0.86";
  private static final int FIRST_GRPC_PORT = 8600;
  private static final int FIRST_CLUSTER_PORT = 8500;
  private static final int FIRST_MANAGEMENT_PORT = 8700;
  private static final Duration TO_START = Duration.ofMinutes(4);

  /**
   * One of several cells.
   *
   * @param number from 1
   * @param line by which the others reach its Kafka
   */
  record Cell(String name, int number, CellLine line) {
    private Map<String, String> settings(Cell other) {
      return Map.of(
          "TIDELINE_CELL", name,
          "TIDELINE_CELL_NUMBER", Integer.toString(number),
          "tideline.multi-dc.cells.0.name", other.name,
          "tideline.multi-dc.cells.0.number", Integer.toString(other.number),
          "tideline.multi-dc.cells.0.bootstrap-servers", other.line.bootstrapServers());
    }
  }

  private final List<NodeProcess> nodes = new CopyOnWriteArrayList<>();
  private final Set<Integer> taken = new HashSet<>();
  private final List<ServerSocket> reserved = new ArrayList<>();
  private final String managementToken = UUID.randomUUID().toString();
  private final Path directory;
  private final Consumer<String> report;
  private final Map<String, String> cellSettings;
  private @Nullable LocalStack stack;
  private String seeds = "";
  private String cassandra = "";
  private String kafka = "";
  private boolean closed;

  LocalCluster(Path directory, Map<String, String> cellSettings, Consumer<String> report) {
    this.directory = directory;
    this.cellSettings = cellSettings;
    this.report = report;
  }

  /**
   * Starts a cluster that keeps its data in {@code directory}, on the servers that run there or on
   * its own. When something fails, or the JVM is asked to end, what has been started is stopped.
   */
  static LocalCluster start(Path directory, Build build, int nodes, Consumer<String> report) {
    var cluster = new LocalCluster(directory, Map.of(), report);
    cluster.start(cluster::startOrUseServers, build, nodes, 0);
    return cluster;
  }

  /** Starts one of two cells, a node with servers of its own, in the same way. */
  static LocalCluster startCell(
      Path directory, Build build, Cell cell, Cell other, Consumer<String> report) {
    var cluster = new LocalCluster(directory, cell.settings(other), report);
    LocalStack.Options servers = cluster.serverOptions().withKafkaProxy(cell.line.proxy());
    cluster.start(() -> cluster.startServers(servers), build, 1, cell.number - 1);
    return cluster;
  }

  private void start(Runnable servers, Build build, int nodes, int portOffset) {
    Runtime.getRuntime().addShutdownHook(new Thread(this::closeOnSignal, "cluster-stop"));
    try {
      servers.run();
      startNodes(build, nodes, portOffset);
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  private void startOrUseServers() {
    StackStatus running = LocalStack.status(directory.resolve("stack")).orElse(null);
    if (running == null) {
      startServers(serverOptions());
      return;
    }
    if (!running.serves()) {
      throw new CommandFailure(
          ExitCode.UNAVAILABLE,
          "%s of `tideline stack` has died: `tideline stack up` starts it again"
              .formatted(running.kafka().alive() ? "Cassandra" : "Kafka"));
    }
    cassandra = running.cassandra().address();
    kafka = running.kafka().address();
    report.accept("Using Cassandra on %s and Kafka on %s".formatted(cassandra, kafka));
  }

  private LocalStack.Options serverOptions() {
    return LocalStack.Options.in(directory.resolve("stack")).withReport(report);
  }

  private void startServers(LocalStack.Options options) {
    LocalStack started = LocalStack.start(options);
    synchronized (this) {
      stack = started;
    }
    cassandra = started.cassandra().contactPoint();
    kafka = started.kafka().bootstrapServers();
  }

  private void startNodes(Build build, int count, int portOffset) {
    long startedAt = System.nanoTime();
    List<NodeProcess.Ports> ports = new ArrayList<>();
    for (int i = portOffset; i < portOffset + count; i++) {
      ports.add(
          new NodeProcess.Ports(
              freePort(FIRST_GRPC_PORT + i),
              freePort(FIRST_CLUSTER_PORT + i),
              freePort(FIRST_MANAGEMENT_PORT + i)));
    }
    // All of them: a first node that knows no other would come back as a cluster of its own.
    seeds = ports.stream().map(NodeProcess.Ports::clusterAddress).collect(Collectors.joining(","));
    for (int i = 0; i < count; i++) {
      deleteLog(i);
      nodes.add(startNode(i, build, ports.get(i)));
    }
    for (NodeProcess node : nodes) {
      node.awaitReady(TO_START);
      report.accept(
          "%s is ready on %s after %.1f s (process %d)"
              .formatted(
                  node.name(),
                  node.ports().grpcAddress(),
                  (System.nanoTime() - startedAt) / 1e9,
                  node.pid()));
    }
    // One that ended before has been told of as the reason why the cluster did not start.
    nodes.forEach(this::reportItsEnd);
  }

  private void reportItsEnd(NodeProcess node) {
    var unused = node.onExit().thenAccept(this::reportUnlessEnding);
  }

  private synchronized NodeProcess startNode(int index, Build build, NodeProcess.Ports ports) {
    if (closed) throw new CommandFailure(ExitCode.FAILED, "stopped while starting");
    Map<String, String> settings = new HashMap<>(cellSettings);
    settings.put("TIDELINE_AZ", Character.toString('a' + index % 3));
    settings.put("TIDELINE_SEED_NODES", seeds);
    settings.put("TIDELINE_MANAGEMENT_TOKEN", managementToken);
    settings.put("TIDELINE_CASSANDRA", cassandra);
    settings.put("TIDELINE_CASSANDRA_DC", LocalCassandra.DATA_CENTER);
    settings.put("TIDELINE_KAFKA", kafka);
    return NodeProcess.start(nameOf(index), build, ports, settings, logOf(index));
  }

  private static String nameOf(int index) {
    return "node-" + (index + 1);
  }

  private Path logOf(int index) {
    return directory.resolve("logs").resolve(nameOf(index) + ".log");
  }

  private void deleteLog(int index) {
    try {
      Files.deleteIfExists(logOf(index));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Has a node leave, and starts it from a build; it may not be ready yet.
   *
   * @param stopWithin when it has not left by then it is ended
   */
  synchronized NodeProcess restart(String name, Build build, Duration stopWithin) {
    NodeProcess old =
        nodes.stream()
            .filter(node -> node.name().equals(name))
            .findFirst()
            .orElseThrow(() -> new CommandFailure(ExitCode.NOT_FOUND, "no node is called " + name));
    int index = nodes.indexOf(old);
    old.stop();
    old.awaitStop(stopWithin);
    NodeProcess again = startNode(index, build, old.ports());
    nodes.set(index, again);
    reportItsEnd(again);
    return again;
  }

  /** Begins to make the class data of a build, if there are none; done when they are there. */
  CompletableFuture<?> makeClassData(Build build) {
    return makeClassData(
        build,
        Collections.max(
            nodes.stream().map(NodeProcess::loadedClasses).toList(),
            Comparator.comparing(file -> file.toFile().length())));
  }

  /** The same of the classes that a file names. */
  CompletableFuture<?> makeClassData(Build build, Path names) {
    try {
      Optional<ClassData> missing = ClassData.of(build).filter(classes -> !classes.areThere());
      if (missing.isPresent()) return missing.get().make(names).onExit();
    } catch (UncheckedIOException e) {
      // They are for speed only.
      report.accept("Nodes will start more slowly: " + e.getMessage());
    }
    return CompletableFuture.completedFuture(null);
  }

  private void reportUnlessEnding(NodeProcess node) {
    if (!node.ending()) report.accept(node.death());
  }

  /** The wanted port or another one that is nobody's on this machine. */
  int freePort(int wanted) {
    for (int port : new int[] {wanted, 0}) {
      try (ServerSocket probe = new ServerSocket()) {
        probe.setReuseAddress(false);
        probe.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
        int free = probe.getLocalPort();
        if (taken.add(free) && reserve(free)) return free;
      } catch (IOException e) {
        if (port == 0) {
          throw new CommandFailure(
              ExitCode.FAILED, "no port is free on 127.0.0.1: " + e.getMessage());
        }
      }
    }
    return freePort(wanted);
  }

  /**
   * Whether no other cluster has chosen the port. Its node binds it some seconds later; so that
   * nobody else takes it for free until then, it is bound on another loopback address for as long
   * as this cluster runs, where there is one.
   */
  private boolean reserve(int port) throws IOException {
    ServerSocket mark = new ServerSocket();
    try {
      mark.bind(new InetSocketAddress(MARKS, port));
      reserved.add(mark);
      return true;
    } catch (BindException e) {
      mark.close();
      return !isLocal(MARKS);
    }
  }

  private static boolean isLocal(String address) {
    try (ServerSocket any = new ServerSocket()) {
      any.bind(new InetSocketAddress(address, 0));
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  List<NodeProcess> nodes() {
    return List.copyOf(nodes);
  }

  List<String> grpcAddresses() {
    return nodes.stream().map(node -> node.ports().grpcAddress()).toList();
  }

  List<String> managementAddresses() {
    return nodes.stream().map(node -> node.ports().managementAddress()).toList();
  }

  String managementToken() {
    return managementToken;
  }

  String cassandra() {
    return cassandra;
  }

  String kafka() {
    return kafka;
  }

  /** Returns when no node is left. */
  void awaitEnd() {
    do {
      nodes.forEach(node -> node.onExit().join());
    } while (anyIsAlive());
  }

  /** Waits for a restart that is under way. */
  private synchronized boolean anyIsAlive() {
    return nodes.stream().anyMatch(NodeProcess::isAlive);
  }

  private void closeOnSignal() {
    if (!isClosed()) report.accept("Stopping");
    close();
  }

  private synchronized boolean isClosed() {
    return closed;
  }

  /** Stops the nodes in good order, then the servers. The data stay. */
  @Override
  public synchronized void close() {
    if (closed) return;
    closed = true;
    nodes.forEach(NodeProcess::stop);
    nodes.forEach(NodeProcess::awaitStop);
    if (stack != null) stack.close();
    reserved.forEach(LocalCluster::end);
  }

  private static void end(ServerSocket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
