package io.tideline.node.api;

import com.typesafe.config.Config;
import java.time.Duration;

/** The public socket: {@code tideline.node.grpc}. */
public record GrpcSettings(
    Transport transport,
    String host,
    int port,
    int maxMessageBytes,
    int maxMetadataBytes,
    int flowControlWindow,
    int maxConcurrentCallsPerConnection,
    KeepAlive keepAlive,
    Duration maxConnectionAge,
    Duration maxConnectionAgeGrace,
    Duration drainGrace,
    boolean reflection,
    Tls tls) {

  /** What carries the calls. */
  public enum Transport {
    NETTY,
    PEKKO_HTTP
  }

  /** How dead connections are found, and how often clients may ask whether the server lives. */
  public record KeepAlive(Duration time, Duration timeout, Duration permitted) {}

  /**
   * Paths of PEM files; no certificate chain = no TLS, no client authority = no client
   * certificates, no node authority = other nodes are trusted as the JVM trusts.
   */
  public record Tls(
      String certificateChain,
      String privateKey,
      String clientAuthority,
      String nodeAuthority,
      Duration reload) {
    public Tls {
      if (certificateChain.isEmpty() != privateKey.isEmpty()) {
        throw new IllegalArgumentException(
            "tideline.node.grpc.tls needs both certificate-chain and private-key, or neither");
      }
      if (!clientAuthority.isEmpty() && certificateChain.isEmpty()) {
        throw new IllegalArgumentException(
            "tideline.node.grpc.tls.client-authority needs certificate-chain and private-key");
      }
      if (!nodeAuthority.isEmpty() && certificateChain.isEmpty()) {
        throw new IllegalArgumentException(
            "tideline.node.grpc.tls.node-authority needs certificate-chain and private-key");
      }
    }

    public boolean enabled() {
      return !certificateChain.isEmpty();
    }
  }

  /** Reads {@code tideline.node.grpc} of the whole configuration. */
  public static GrpcSettings from(Config root) {
    Config grpc = root.getConfig("tideline.node.grpc");
    return new GrpcSettings(
        transport(grpc.getString("transport")),
        grpc.getString("host"),
        grpc.getInt("port"),
        bytes(grpc, "max-message-size"),
        bytes(grpc, "max-metadata-size"),
        bytes(grpc, "flow-control-window"),
        grpc.getInt("max-concurrent-calls-per-connection"),
        new KeepAlive(
            grpc.getDuration("keep-alive.time"),
            grpc.getDuration("keep-alive.timeout"),
            grpc.getDuration("keep-alive.permitted")),
        grpc.getDuration("max-connection-age"),
        grpc.getDuration("max-connection-age-grace"),
        grpc.getDuration("drain-grace"),
        grpc.getBoolean("reflection"),
        new Tls(
            grpc.getString("tls.certificate-chain"),
            grpc.getString("tls.private-key"),
            grpc.getString("tls.client-authority"),
            grpc.getString("tls.node-authority"),
            grpc.getDuration("tls.reload")));
  }

  private static int bytes(Config grpc, String key) {
    long bytes = grpc.getBytes(key);
    if (bytes < 1 || bytes > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "tideline.node.grpc." + key + " is 1 byte to 2 GiB, but this is " + bytes + " bytes");
    }
    return (int) bytes;
  }

  private static Transport transport(String name) {
    return switch (name) {
      case "netty" -> Transport.NETTY;
      case "pekko-http" -> Transport.PEKKO_HTTP;
      default ->
          throw new IllegalArgumentException(
              "tideline.node.grpc.transport is netty or pekko-http, but this is \"" + name + "\"");
    };
  }
}
