package io.tideline.node.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Lets other commands of the same user restart nodes of the cluster that {@code up} runs: one
 * request and one answer per connection to a socket file, each a line of JSON.
 */
final class ClusterControl implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ClusterControl.class);
  private static final ObjectMapper JSON = new ObjectMapper();

  /**
   * One node as {@code up} knows it.
   *
   * @param build the checkout that it was built in
   * @param classPath what it runs from
   */
  record Node(
      String name,
      String grpcAddress,
      String clusterAddress,
      int managementPort,
      String build,
      String classPath) {}

  /**
   * Restarts a node; without a node, only class data of the build are made.
   *
   * @param build the checkout that it is to run from
   * @param classPath what a node of that build runs or ran from; {@code null} = what is built there
   *     now
   * @param stopWithinMillis when it has not left by then it is ended
   * @param readyWithinMillis when it is not ready by then that is a failure
   */
  record Request(
      @Nullable String node,
      @Nullable String build,
      @Nullable String classPath,
      long stopWithinMillis,
      long readyWithinMillis) {}

  /**
   * What became of a request.
   *
   * @param nodes all of them, as they are now
   * @param failure {@code null} when the node is ready
   */
  record Answer(List<Node> nodes, long stoppedMillis, long readyMillis, @Nullable String failure) {}

  private final LocalCluster cluster;
  private final BuildCopies copies;
  private final Path file;
  private final ServerSocketChannel socket;

  private ClusterControl(
      LocalCluster cluster, BuildCopies copies, Path file, ServerSocketChannel socket) {
    this.cluster = cluster;
    this.copies = copies;
    this.file = file;
    this.socket = socket;
  }

  /** Takes requests until closed. */
  static ClusterControl listen(Path file, LocalCluster cluster, BuildCopies copies) {
    try {
      Files.deleteIfExists(file);
      ServerSocketChannel socket = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
      socket.bind(UnixDomainSocketAddress.of(file));
      file.toFile().deleteOnExit();
      var control = new ClusterControl(cluster, copies, file, socket);
      daemon(control::accept).start();
      return control;
    } catch (IOException e) {
      throw new UncheckedIOException("cannot listen on " + file + ": " + e.getMessage(), e);
    }
  }

  private static Thread daemon(Runnable work) {
    Thread thread = new Thread(work, "cluster-control");
    thread.setDaemon(true);
    return thread;
  }

  private void accept() {
    while (true) {
      try {
        SocketChannel connection = socket.accept();
        daemon(() -> serve(connection)).start();
      } catch (ClosedChannelException e) {
        return;
      } catch (IOException e) {
        LOG.warn("Upgrades are not possible any more", e);
        return;
      }
    }
  }

  private void serve(SocketChannel connection) {
    try (connection;
        BufferedReader in = reader(connection);
        Writer out = Channels.newWriter(connection, StandardCharsets.UTF_8)) {
      String line = in.readLine();
      if (line == null) return;
      out.write(JSON.writeValueAsString(answer(JSON.readValue(line, Request.class))) + "\n");
    } catch (IOException e) {
      LOG.warn("A request to restart a node broke off", e);
    }
  }

  private Answer answer(Request request) {
    String node = request.node();
    String build = request.build();
    String classPath = request.classPath();
    if (build == null) return new Answer(nodes(), 0, 0, null);
    long asked = System.nanoTime();
    try {
      Build wanted =
          classPath == null
              ? copies.of(Build.in(Path.of(build)))
              : new Build(Path.of(build), classPath);
      if (node == null) {
        awaitClassData(wanted, Duration.ofMillis(request.readyWithinMillis()));
        return new Answer(nodes(), 0, 0, null);
      }
      NodeProcess again =
          cluster.restart(node, wanted, Duration.ofMillis(request.stopWithinMillis()));
      long stopped = System.nanoTime();
      again.awaitReady(Duration.ofMillis(request.readyWithinMillis()));
      return new Answer(nodes(), millis(asked, stopped), millis(stopped, System.nanoTime()), null);
    } catch (RuntimeException e) {
      return new Answer(nodes(), 0, 0, String.valueOf(e.getMessage()));
    }
  }

  /** They are for speed only: without them it goes on, too. */
  private void awaitClassData(Build build, Duration limit) {
    cluster
        .makeClassData(build)
        .completeOnTimeout(null, limit.toMillis(), TimeUnit.MILLISECONDS)
        .join();
  }

  private static long millis(long from, long to) {
    return (to - from) / 1_000_000;
  }

  private List<Node> nodes() {
    return cluster.nodes().stream()
        .map(
            node ->
                new Node(
                    node.name(),
                    node.ports().grpcAddress(),
                    node.ports().clusterAddress(),
                    node.ports().management(),
                    node.build().root().toString(),
                    node.build().classPath()))
        .toList();
  }

  /** Sends a request to whoever listens on a socket file, and waits for the answer. */
  static Answer ask(Path file, Request request) {
    try (SocketChannel connection = SocketChannel.open(UnixDomainSocketAddress.of(file));
        Writer out = Channels.newWriter(connection, StandardCharsets.UTF_8);
        BufferedReader in = reader(connection)) {
      out.write(JSON.writeValueAsString(request) + "\n");
      out.flush();
      String line = in.readLine();
      if (line == null) throw new IOException("it broke off");
      return JSON.readValue(line, Answer.class);
    } catch (IOException e) {
      throw new CommandFailure(
          ExitCode.FAILED,
          "cannot reach the process that runs the cluster (%s): %s; only `./tideline up` takes"
                  .formatted(file, e.getMessage())
              + " upgrades");
    }
  }

  private static BufferedReader reader(SocketChannel connection) {
    return new BufferedReader(Channels.newReader(connection, StandardCharsets.UTF_8));
  }

  @Override
  public void close() {
    try {
      socket.close();
      Files.deleteIfExists(file);
    } catch (IOException e) {
      LOG.warn("{} is left behind", file, e);
    }
  }
}
