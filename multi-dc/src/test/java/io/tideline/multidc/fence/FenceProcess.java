package io.tideline.multidc.fence;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import java.time.Duration;
import java.util.stream.StreamSupport;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.typed.Cluster;

/** One of three processes; it says what its fence says at every change and after every pause. */
final class FenceProcess {
  private FenceProcess() {}

  /** Arguments: own port, the seed's port, what more is to be configured. */
  public static void main(String[] args) throws InterruptedException {
    Config config =
        ConfigFactory.parseString(args[2])
            .withFallback(
                ConfigFactory.parseString(
                    """
                    pekko.loglevel = WARNING
                    pekko.actor.provider = cluster
                    pekko.remote.artery.canonical { hostname = "127.0.0.1", port = %s }
                    pekko.cluster.seed-nodes = ["pekko://fenced@127.0.0.1:%s"]
                    pekko.cluster.jmx.enabled = off
                    """
                        .formatted(args[0], args[1])))
            .withFallback(ConfigFactory.load());
    ActorSystem<Void> system = ActorSystem.create(Behaviors.empty(), "fenced", config);
    Fence fence = Fence.start(system);
    Cluster cluster = Cluster.get(system);
    boolean wasOpen = false;
    boolean ready = false;
    long before = System.nanoTime();
    while (true) {
      boolean open = fence.open();
      Duration age = fence.age();
      long now = System.nanoTime();
      if (now - before > Duration.ofSeconds(1).toNanos())
        System.out.println("RESUMED " + open + " " + age.toMillis());
      if (open != wasOpen) System.out.println(open ? "OPEN" : "CLOSED");
      long up =
          StreamSupport.stream(cluster.state().getMembers().spliterator(), false)
              .filter(member -> member.status().equals(MemberStatus.up()))
              .count();
      if (!ready && open && up == 3) {
        ready = true;
        System.out.println("READY");
      }
      wasOpen = open;
      before = now;
      Thread.sleep(1);
    }
  }
}
