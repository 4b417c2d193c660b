package io.tideline.bench.side;

import io.tideline.bench.data.Dataset;
import io.tideline.bench.driver.Rpc;
import io.tideline.client.TidelineClient;
import io.tideline.localstack.Compiler;
import io.tideline.localstack.LocalCassandra;
import io.tideline.localstack.LocalKafka;
import io.tideline.localstack.LocalStack;
import io.tideline.protocols.v1.FollowManyRequest;
import io.tideline.protocols.v1.PostContent;
import io.tideline.protocols.v1.PublishRequest;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** One node of Tideline, run as users run it, with a Cassandra and a Kafka of its own. */
public final class TidelineNode implements AutoCloseable {
  /** Stands among options for the agent, with which nodes are run but by {@code ./tideline up}. */
  public static final String AGENT = "-javaagent";

  private static final int MOST_FOLLOWEES_PER_CALL = 5_000;
  private static final int UNDER_WAY = 64;

  private final Path build;
  private final Path log;
  private final int grpcPort = ServerProcess.freePort();
  private final int managementPort = ServerProcess.freePort();
  private final int clusterPort = ServerProcess.freePort();
  private final LocalStack stack;
  private final boolean ownsStack;
  private final String seedNode;
  private Path java = Path.of(System.getProperty("java.home"));
  private ServerProcess node;

  private TidelineNode(
      Path build,
      Path log,
      LocalStack stack,
      boolean ownsStack,
      @Nullable Integer seedPort,
      List<String> options) {
    this.build = build;
    this.log = log;
    this.stack = stack;
    this.ownsStack = ownsStack;
    seedNode = "127.0.0.1:" + (seedPort == null ? clusterPort : seedPort);
    try {
      node = run(options);
    } catch (RuntimeException e) {
      if (ownsStack) stack.close();
      throw e;
    }
  }

  /**
   * Starts servers and node.
   *
   * @param home the checkout; its cluster-node must be built
   * @param options of the node's JVM, its heap among them
   */
  public static TidelineNode start(Path home, Path directory, List<String> options) {
    var stack =
        LocalStack.start(
            LocalStack.Options.in(directory.resolve("stack"))
                .withCompiler(Compiler.FULL)
                .withReport(TidelineNode::ignore));
    return ready(
        new TidelineNode(
            home.resolve("cluster-node").resolve("target"),
            directory.resolve("tideline.log"),
            stack,
            true,
            null,
            options));
  }

  /** Starts another node of the same cell, to be closed before this one. */
  public TidelineNode join(String name, List<String> options) {
    Path itsLog = log.resolveSibling(name + ".log");
    return ready(new TidelineNode(build, itsLog, stack, false, clusterPort, options));
  }

  private static TidelineNode ready(TidelineNode node) {
    try {
      node.awaitReady();
      return node;
    } catch (RuntimeException e) {
      node.close();
      throw e;
    }
  }

  /** From the next start on it runs on this JDK. */
  public void runOn(Path jdk) {
    java = jdk;
  }

  /** Stops the node in good order and starts it anew on what the servers hold. */
  public void restart(List<String> options) {
    var unused = timedRestart(options);
  }

  /** The same, and how long it took from the start until the node was ready. */
  public Duration timedRestart(List<String> options) {
    node.close();
    long begin = System.nanoTime();
    node = run(options);
    awaitReady();
    return Duration.ofNanos(System.nanoTime() - begin);
  }

  /** Ends the node as a crash would, and starts it anew at once; it is not ready yet then. */
  public void crash(List<String> options) {
    node.kill();
    node = run(options);
  }

  private ServerProcess run(List<String> options) {
    List<String> all = new ArrayList<>(options);
    all.replaceAll(
        option ->
            option.equals(AGENT)
                ? "-javaagent:" + build.resolve("agent/kanela-agent.jar")
                : option);
    return ServerProcess.java(
        java,
        "tideline",
        log,
        all,
        classPath(build),
        Map.of(
            "TIDELINE_LOG", "text",
            "TIDELINE_SEED_NODES", seedNode,
            "TIDELINE_GRPC_PORT", Integer.toString(grpcPort),
            "TIDELINE_CLUSTER_PORT", Integer.toString(clusterPort),
            "TIDELINE_MANAGEMENT_PORT", Integer.toString(managementPort),
            "TIDELINE_CASSANDRA", stack.cassandra().contactPoint(),
            "TIDELINE_CASSANDRA_DC", LocalCassandra.DATA_CENTER,
            "TIDELINE_KAFKA", stack.kafka().bootstrapServers()),
        "io.tideline.node.cli.ChildNode");
  }

  private void awaitReady() {
    node.awaitReady(this::isReady);
  }

  private static void ignore(String news) {
    // The servers' ports interest nobody here.
  }

  public String classPath() {
    return classPath(build);
  }

  private static String classPath(Path build) {
    try (Stream<Path> files = Files.list(build)) {
      Path jar =
          files
              .filter(file -> file.getFileName().toString().matches("tideline-cluster-node-.*jar"))
              .findFirst()
              .orElseThrow(() -> new IllegalStateException("no jar of a node in " + build));
      return jar + File.pathSeparator + Files.readString(build.resolve("class-path")).strip();
    } catch (IOException e) {
      throw new UncheckedIOException("the node is not built in " + build, e);
    }
  }

  private boolean isReady() {
    try {
      HttpURLConnection connection = management("/ready");
      try {
        return connection.getResponseCode() == 200;
      } finally {
        connection.disconnect();
      }
    } catch (IOException e) {
      return false;
    }
  }

  private HttpURLConnection management(String path) throws IOException {
    var url = URI.create("http://127.0.0.1:" + managementPort + path).toURL();
    return (HttpURLConnection) url.openConnection();
  }

  /**
   * What the node says of itself, up to ten seconds old; empty when it does not say it.
   *
   * @param name of a series with no labels that tell it from others, as Prometheus has it
   */
  public OptionalDouble metric(String name) {
    try {
      HttpURLConnection connection = management("/metrics");
      try (var body = connection.getInputStream()) {
        return new String(body.readAllBytes(), StandardCharsets.UTF_8)
            .lines()
            .filter(line -> line.startsWith(name + "{") || line.startsWith(name + " "))
            .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
            .findFirst();
      } finally {
        connection.disconnect();
      }
    } catch (IOException e) {
      throw new UncheckedIOException("the node does not tell its metrics", e);
    }
  }

  /** A client of this node alone. */
  public TidelineClient client() {
    return TidelineClient.builder().cell(grpcAddress()).deadline(Duration.ofSeconds(60)).build();
  }

  /** Brings follows and posts in, by the API. */
  public void fill(Dataset dataset) {
    try (TidelineClient client = client()) {
      try (var window = new Window(UNDER_WAY)) {
        dataset
            .follows()
            .forEach(
                (reader, followees) -> {
                  for (int from = 0; from < followees.size(); from += MOST_FOLLOWEES_PER_CALL) {
                    int to = Math.min(followees.size(), from + MOST_FOLLOWEES_PER_CALL);
                    var request =
                        FollowManyRequest.newBuilder()
                            .setUserId(reader)
                            .addAllFolloweeIds(followees.subList(from, to))
                            .build();
                    window.run(() -> client.followMany(request));
                  }
                });
      }
      try (var window = new Window(UNDER_WAY)) {
        for (Dataset.SourcePost post : dataset.posts()) {
          var request =
              PublishRequest.newBuilder()
                  .setAuthorId(post.author())
                  .setIdempotencyKey(post.key())
                  .setContent(PostContent.newBuilder().setTitle(post.title()))
                  .setCreatedAtMillis(post.createdAtMillis())
                  .build();
          window.run(() -> client.publish(request));
        }
      }
    }
  }

  /**
   * Reads the newest page of each, which wakes their timelines.
   *
   * @throws IllegalStateException when a page is not whole
   */
  public void readNewest(Collection<String> readers) {
    try (TidelineClient client = client();
        var window = new Window(UNDER_WAY)) {
      for (String reader : readers) {
        window.run(() -> client.readFeed(newest(reader)).thenAccept(TidelineNode::check));
      }
    }
  }

  private static ReadFeedRequest newest(String reader) {
    return ReadFeedRequest.newBuilder().setUserId(reader).setPageSize(Rpc.PAGE_SIZE).build();
  }

  private static void check(ReadFeedResponse page) {
    if (page.getCardsCount() != Rpc.PAGE_SIZE) {
      throw new IllegalStateException("a page of %d cards".formatted(page.getCardsCount()));
    }
  }

  /** Where it answers, as the topology has it. */
  public String grpcAddress() {
    return "127.0.0.1:" + grpcPort;
  }

  public LocalKafka kafka() {
    return stack.kafka();
  }

  public InetSocketAddress address() {
    return ServerProcess.loopback(grpcPort);
  }

  /** That of the node itself. */
  public long pid() {
    return node.pids().get(0);
  }

  long cassandraPid() {
    return stack.cassandra().pid();
  }

  /** Of the node, its Cassandra and its Kafka. */
  public List<Long> processes() {
    List<Long> pids = new ArrayList<>(node.pids());
    pids.add(cassandraPid());
    pids.add(stack.kafka().pid());
    return pids;
  }

  /** What its Cassandra is asked in Tideline's keyspace. */
  public CassandraCounters cassandraCounters() {
    return new CassandraCounters(stack.cassandra().port(), "tideline");
  }

  @Override
  public void close() {
    node.close();
    if (ownsStack) stack.close();
  }
}
