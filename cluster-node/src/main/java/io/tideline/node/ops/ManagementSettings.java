package io.tideline.node.ops;

import com.typesafe.config.Config;
import java.util.Optional;

/**
 * The management port: {@code tideline.node.management}.
 *
 * @param host by which others reach it
 * @param token without one nothing can be changed through the port
 * @param discovery whether other nodes are found, and find this one, through the port
 */
public record ManagementSettings(
    String host, String bindHost, int port, Optional<String> token, boolean discovery) {
  public ManagementSettings {
    if (port < 1 || port > 65_535)
      throw new IllegalArgumentException(
          "tideline.node.management.port is \"" + port + "\", expected a number from 1 to 65535");
  }

  /** Reads what concerns the port of the whole configuration. */
  public static ManagementSettings from(Config root) {
    Config node = root.getConfig("tideline.node");
    return new ManagementSettings(
        node.getString("host"),
        node.getString("bind-host"),
        node.getInt("management.port"),
        Optional.of(node.getString("management.token")).filter(token -> !token.isEmpty()),
        !node.getString("cluster.bootstrap.discovery").isEmpty());
  }
}
