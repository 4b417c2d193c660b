package io.tideline.node.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.protocols.v1.GetTopologyRequest;
import io.tideline.protocols.v1.Node;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/**
 * A cluster of real processes goes to another build and back while it is read and written.
 *
 * <p>In the default build both are this build under two versions. To come from an older one, which
 * takes some five minutes: {@code ./mvnw verify -pl cluster-node -am -Dit.test=RollingUpgradeIT
 * -Dtest=none -Dsurefire.failIfNoSpecifiedTests=false -Dfailsafe.failIfNoSpecifiedTests=false
 * -DargLine.extra=-Dtideline.test.old-build=DIRECTORY}, a checkout of it that has been built; with
 * {@code -Dtideline.test.reads=N} for another number of reads a second than 500, and a tenth of it
 * of writes; with {@code -Dtideline.test.new-build=DIRECTORY} to go to another build than this one,
 * which is not packed and so starts slowly. There calls go to their owners, as those of the Java
 * client do.
 */
@Tag("alone")
class RollingUpgradeIT {
  private static final String OLD_BUILD = "tideline.test.old-build";
  private static final int READS = Integer.getInteger("tideline.test.reads", 500);
  private static final Duration RAMP = Duration.ofSeconds(30);
  private static final UpgradeProbe.Bounds LOOSE =
      new UpgradeProbe.Bounds(50, Duration.ofSeconds(30));
  private static final Path NEW_BUILD =
      Path.of(System.getProperty("tideline.test.new-build", Build.running().root().toString()));

  @TempDir private static Path directory;
  private static LocalCluster cluster;
  private static ClusterControl control;
  private static FeedClient client;
  private static OpenLoad load;

  @BeforeAll
  static void start() {
    var copies = new BuildCopies(directory.resolve("builds"));
    cluster = LocalCluster.start(directory, copies.of(Build.running()), 3, System.out::println);
    control = ClusterControl.listen(socket(), cluster, copies);
    client = FeedClient.of(cluster.grpcAddresses(), Duration.ofSeconds(60));
    load =
        System.getProperty(OLD_BUILD) == null
            ? new OpenLoad(cluster.grpcAddresses(), 10, 40)
            : OpenLoad.direct(cluster.grpcAddresses(), 20, 200);
    load.gather(client);
    load.watch(client);
  }

  @AfterAll
  static void stop() {
    load.close();
    client.close();
    control.close();
    cluster.close();
  }

  private static Path socket() {
    return directory.resolve("control");
  }

  private static RollingUpgrade.Outcome upgrade(Path build, UpgradeProbe.Bounds bounds) {
    return rolling(build, bounds).run();
  }

  private static RollingUpgrade rolling(Path build, UpgradeProbe.Bounds bounds) {
    var plan = new RollingUpgrade.Plan(build, bounds, Duration.ofMinutes(2), Duration.ofSeconds(3));
    return new RollingUpgrade(socket(), plan, System.out::println);
  }

  /** A checkout in which this build is built, but for the version that it says it is. */
  private static Path thisAs(String version) throws IOException {
    Path checkout = directory.resolve("next");
    Path target = Files.createDirectories(checkout.resolve("cluster-node").resolve("target"));
    Files.writeString(target.resolve("class-path"), System.getProperty("java.class.path"));
    Path jar = target.resolve("tideline-cluster-node-0.1.0.jar");
    try (var out = new JarOutputStream(Files.newOutputStream(jar))) {
      out.putNextEntry(new JarEntry("tideline-version.conf"));
      out.write(("version = \"" + version + "\"").getBytes(StandardCharsets.UTF_8));
      out.closeEntry();
    }
    return checkout;
  }

  private static List<ClusterControl.Node> managed() {
    return ClusterControl.ask(socket(), new ClusterControl.Request(null, null, null, 0, 0)).nodes();
  }

  /** As when a bound is passed once all nodes have been restarted. */
  private static void takeBack(List<ClusterControl.Node> before) {
    long decidedAt = System.nanoTime();
    rolling(NEW_BUILD, LOOSE).rollBack(before);
    System.out.printf("taken back in %.1f s%n", (System.nanoTime() - decidedAt) / 1e9);
  }

  private static void stopAtOnce(List<ClusterControl.Node> which) throws InterruptedException {
    List<NodeProcess> two =
        cluster.nodes().stream()
            .filter(node -> which.stream().anyMatch(one -> one.name().equals(node.name())))
            .toList();
    two.forEach(NodeProcess::stop);
    two.forEach(NodeProcess::awaitStop);
    Thread.sleep(5_000);
    for (NodeProcess node : two) {
      cluster.restart(node.name(), node.build(), Duration.ZERO).awaitReady(Duration.ofMinutes(2));
    }
  }

  private static List<Node> nodes() {
    return client
        .call(Methods.GET_TOPOLOGY, GetTopologyRequest.getDefaultInstance())
        .getTopology()
        .getNodesList();
  }

  private static Set<String> versions() {
    return nodes().stream().map(Node::getVersion).collect(Collectors.toSet());
  }

  @Test
  @DisabledIfSystemProperty(named = OLD_BUILD, matches = ".+")
  void nobody_notices_an_upgrade_and_one_that_harms_is_taken_back() throws Exception {
    load.start(60, 10, Duration.ofSeconds(5));
    assertThat(upgrade(thisAs("0.1.1"), LOOSE)).isEqualTo(RollingUpgrade.Outcome.UPGRADED);
    assertThat(versions()).containsExactly("0.1.1");
    assertThat(nodes()).extracting(Node::getShards).as("shards").allMatch(count -> count > 10);
    assertThat(upgrade(thisAs("that is none"), LOOSE))
        .isEqualTo(RollingUpgrade.Outcome.ROLLED_BACK);
    assertThat(versions()).containsExactly("0.1.1");
    load.stop();
    System.out.println(load);
    assertThat(load.failedReads()).as("reads that failed").isZero();
    load.verify(client);
    load.verifyWatches();
    System.out.printf("%d acknowledged writes are there%n", load.acknowledged());
    for (int node = 1; node <= 3; node++) {
      assertThat(Files.readAllLines(directory.resolve("logs/node-" + node + ".log")))
          .as("how node-" + node + " warmed up as one of the first, and among others")
          .anyMatch(line -> line.matches(".*Woke ([1-9]|[12]\\d|3[0-2]) users.* read [1-9].*"))
          .anyMatch(line -> line.matches(".*Woke (3[3-9]|[4-9]\\d|1\\d\\d) users.* read [1-9].*"));
    }
  }

  @Test
  @EnabledIfSystemProperty(named = OLD_BUILD, matches = ".+")
  void nobody_notices_an_upgrade_from_an_older_build_and_back() throws Exception {
    Path old = Path.of(System.getProperty(OLD_BUILD));
    for (Path build : List.of(old, NEW_BUILD)) rolling(build, LOOSE).prepare();
    upgrade(old, LOOSE);
    load.start(READS, READS / 10, RAMP);
    Thread.sleep(RAMP.toMillis());
    System.out.println("while the load grows: " + load.report());
    Thread.sleep(10_000);
    System.out.println("at rest: " + load.report());
    List<ClusterControl.Node> before = managed();
    assertThat(upgrade(NEW_BUILD, LOOSE)).isEqualTo(RollingUpgrade.Outcome.UPGRADED);
    System.out.println("to this build: " + load.report());
    takeBack(before);
    System.out.println("taken back: " + load.report());
    assertThat(upgrade(NEW_BUILD, LOOSE)).isEqualTo(RollingUpgrade.Outcome.UPGRADED);
    System.out.println("to this build again: " + load.report());
    assertThat(upgrade(old, LOOSE)).isEqualTo(RollingUpgrade.Outcome.UPGRADED);
    System.out.println("and back: " + load.report());
    stopAtOnce(RollingUpgrade.oldestLast(managed()).subList(0, 2));
    System.out.println("two nodes stopped at once: " + load.report());
    stopAtOnce(RollingUpgrade.oldestLast(managed()).subList(1, 3));
    System.out.println("the coordinator and another one stopped at once: " + load.report());
    load.stop();
    load.verify(client);
    load.verifyWatches();
    System.out.printf("%d acknowledged writes are there%n", load.acknowledged());
  }
}
