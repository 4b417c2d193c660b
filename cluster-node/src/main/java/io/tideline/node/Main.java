package io.tideline.node;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.tideline.node.ops.LogFields;
import kamon.Kamon;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.slf4j.LoggerFactory;

/** Starts one node with the configuration of the environment. */
public final class Main {
  private Main() {}

  public static void main(String[] args) {
    try {
      start();
    } catch (BadConfiguration e) {
      System.err.println("Cannot start: " + e.getMessage());
      System.exit(64);
    } catch (RuntimeException e) {
      LoggerFactory.getLogger(Main.class).error("Cannot start", e);
      System.exit(1);
    }
  }

  private static void start() {
    Config config = NodeConfig.load(ConfigFactory.empty());
    NodeSettings settings = NodeSettings.from(config);
    LogFields.speakAs(settings.cell().name(), settings.host() + ":" + settings.cluster().port());
    Kamon.initWithoutAttaching(config);
    ActorSystem<Void> system =
        ActorSystem.create(Behaviors.empty(), NodeConfig.SYSTEM_NAME, config);
    FeedNode.start(system, settings)
        .whenComplete(
            (serving, failure) -> {
              if (failure == null) return;
              LoggerFactory.getLogger(Main.class).error("Cannot start", failure);
              // The system is shut down in good order on the way; it would say that all was well.
              new Thread(() -> System.exit(1), "exit").start();
            });
  }
}
