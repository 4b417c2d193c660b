package io.tideline.node;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigValueFactory;
import java.util.List;

/** The configuration that a node's actor system runs with. */
public final class NodeConfig {
  static final String SYSTEM_NAME = "tideline";

  private NodeConfig() {}

  /**
   * What the files, the environment and {@code overrides} say, strongest last, with the lists that
   * an environment variable can only hold as text taken apart.
   *
   * @throws BadConfiguration when it cannot be read or does not fit
   */
  public static Config load(Config overrides) {
    try {
      Config config =
          ConfigFactory.defaultOverrides()
              .withFallback(overrides)
              .withFallback(ConfigFactory.defaultApplication())
              .withFallback(ConfigFactory.defaultReferenceUnresolved())
              .resolve();
      return withLists(config, NodeSettings.from(config));
    } catch (ConfigException e) {
      throw new BadConfiguration(String.valueOf(e.getMessage()));
    }
  }

  private static Config withLists(Config config, NodeSettings settings) {
    Config lists =
        config
            .withValue(
                "datastax-java-driver.basic.contact-points",
                ConfigValueFactory.fromIterable(settings.cassandra().contactPoints()))
            .withValue(
                "pekko.cluster.seed-nodes",
                // Who may found a cluster looks first whether there is one.
                ConfigValueFactory.fromIterable(
                    foundingSeeds(settings).isEmpty() ? seeds(settings) : List.of()));
    Config cassandra = config.getConfig("tideline.node.cassandra");
    if (cassandra.getString("username").isEmpty()) return lists;
    return lists.withFallback(
        ConfigFactory.empty()
            .atPath("datastax-java-driver.advanced.auth-provider")
            .withValue(
                "datastax-java-driver.advanced.auth-provider.class",
                ConfigValueFactory.fromAnyRef("PlainTextAuthProvider"))
            .withValue(
                "datastax-java-driver.advanced.auth-provider.username",
                cassandra.getValue("username"))
            .withValue(
                "datastax-java-driver.advanced.auth-provider.password",
                cassandra.getValue("password")));
  }

  /** The URIs of the seed nodes when this node is the first of them; else empty. */
  static List<String> foundingSeeds(NodeSettings settings) {
    List<String> seeds = seeds(settings);
    return !seeds.isEmpty() && seeds.get(0).equals(uri(self(settings))) ? seeds : List.of();
  }

  private static String self(NodeSettings settings) {
    return settings.host() + ":" + settings.cluster().port();
  }

  private static String uri(String hostAndPort) {
    return "pekko://" + SYSTEM_NAME + "@" + hostAndPort;
  }

  private static List<String> seeds(NodeSettings settings) {
    if (settings.cluster().discovery().isPresent()) return List.of();
    List<String> seeds = settings.cluster().seedNodes();
    if (seeds.isEmpty()) seeds = List.of(self(settings));
    return seeds.stream().map(NodeConfig::uri).toList();
  }
}
