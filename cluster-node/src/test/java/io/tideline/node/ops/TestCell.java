package io.tideline.node.ops;

import static org.awaitility.Awaitility.await;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.tideline.node.NodeConfig;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.StreamSupport;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Join;

/** A cluster in this process with the configuration of real nodes, without their storage. */
public final class TestCell implements AutoCloseable {
  private static final String[] ZONES = {"a", "b", "c"};

  private final List<ActorSystem<Void>> nodes = new ArrayList<>();

  public static TestCell ofNodes(int count, String more) throws IOException {
    TestCell cell = new TestCell();
    int seed = freePort();
    for (int i = 0; i < count; i++)
      cell.nodes.add(
          ActorSystem.create(
              Behaviors.empty(),
              "tideline",
              config(i == 0 ? seed : freePort(), seed, ZONES[i], more)));
    // Whether it may found a cluster, a node asks the storage that there is none of here.
    Cluster first = Cluster.get(cell.node(0));
    first.manager().tell(Join.create(first.selfMember().address()));
    await()
        .atMost(Duration.ofSeconds(30))
        .until(() -> cell.nodes.stream().allMatch(node -> up(node) == count));
    return cell;
  }

  public ActorSystem<Void> node(int index) {
    return nodes.get(index);
  }

  @Override
  public void close() {
    nodes.forEach(node -> ActorTestKit.shutdown(node, Duration.ofSeconds(20)));
  }

  private static long up(ActorSystem<?> node) {
    return StreamSupport.stream(Cluster.get(node).state().getMembers().spliterator(), false)
        .filter(member -> member.status().equals(MemberStatus.up()))
        .count();
  }

  private static Config config(int port, int seed, String zone, String more) throws IOException {
    return NodeConfig.load(
        ConfigFactory.parseString(
                """
                tideline.node {
                  availability-zone = %s
                  cluster { port = %d, seed-nodes = "127.0.0.1:%d" }
                  grpc.port = %d
                  management.port = %d
                }
                pekko.persistence.journal.auto-start-journals = []
                pekko.coordinated-shutdown.exit-jvm = off
                pekko.loglevel = WARNING
                """
                    .formatted(zone, port, seed, freePort(), freePort()))
            .withFallback(ConfigFactory.parseString(more)));
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }
}
