package io.tideline.multidc.log;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigValue;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;

/** How a node uses the logs; what each value means is said in {@code reference.conf}. */
public record LogSettings(
    String bootstrapServers,
    Map<String, String> clientProperties,
    int partitions,
    int replicationFactor,
    Duration retention,
    int maxUnacknowledged,
    Duration deliveryTimeout,
    int maxReferences,
    int slice,
    int maxLinesWaiting,
    int storeParallelism,
    int intentParallelism) {

  public LogSettings {
    clientProperties = Map.copyOf(clientProperties);
    requirePositive("topics.partitions", partitions);
    requirePositive("writer.max-unacknowledged", maxUnacknowledged);
    requirePositive("tail.max-references", maxReferences);
    requirePositive("tail.slice", slice);
    requirePositive("tail.max-lines-waiting", maxLinesWaiting);
    requirePositive("post-store-writer.parallelism", storeParallelism);
    requirePositive("intent-applier.parallelism", intentParallelism);
  }

  /** Reads {@code tideline.multi-dc.log}. */
  public static LogSettings from(Config root) {
    Config log = root.getConfig("tideline.multi-dc.log");
    return new LogSettings(
        log.getString("bootstrap-servers"),
        properties(log.getConfig("client-properties")),
        log.getInt("topics.partitions"),
        log.getInt("topics.replication-factor"),
        log.getDuration("topics.retention"),
        log.getInt("writer.max-unacknowledged"),
        log.getDuration("writer.delivery-timeout"),
        log.getInt("tail.max-references"),
        log.getInt("tail.slice"),
        log.getInt("tail.max-lines-waiting"),
        log.getInt("post-store-writer.parallelism"),
        log.getInt("intent-applier.parallelism"));
  }

  /** What every Kafka client of this node is given. */
  public Map<String, Object> connection() {
    Map<String, Object> connection = new HashMap<>(clientProperties);
    connection.put("bootstrap.servers", bootstrapServers);
    return connection;
  }

  static Map<String, String> properties(Config config) {
    Map<String, String> properties = new HashMap<>();
    for (Map.Entry<String, ConfigValue> entry : config.entrySet()) {
      String name = entry.getKey().replace("\"", "");
      properties.put(name, String.valueOf(entry.getValue().unwrapped()));
    }
    return properties;
  }

  private static void requirePositive(String key, int value) {
    if (value < 1) {
      throw new IllegalArgumentException(
          "tideline.multi-dc.log.%s is %d, expected at least 1".formatted(key, value));
    }
  }
}
