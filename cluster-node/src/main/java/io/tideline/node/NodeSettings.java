package io.tideline.node;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import io.tideline.multidc.log.OtherCell;
import io.tideline.node.api.AuthSettings;
import io.tideline.node.api.GrpcSettings;
import io.tideline.node.ops.ManagementSettings;
import io.tideline.protocols.KeyRing;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Typed view of {@code tideline.node}, checked as a whole before anything starts. */
public record NodeSettings(
    Cell cell,
    String availabilityZone,
    String version,
    String host,
    String bindHost,
    Cluster cluster,
    GrpcSettings grpc,
    AuthSettings auth,
    Duration askTimeout,
    ManagementSettings management,
    Cassandra cassandra,
    Kafka kafka,
    CursorKeys cursorKeys,
    List<OtherCell> otherCells) {

  /** The data center or zone: its name is part of topic names, its number of post ids. */
  public record Cell(String name, int number) {}

  /**
   * How the nodes of the cell find and reach each other; {@code host:port} in {@code seedNodes}.
   */
  public record Cluster(int port, List<String> seedNodes, Optional<String> discovery) {}

  /** Where rows are kept; {@code replication} is a keyspace's replication map in CQL. */
  public record Cassandra(
      List<String> contactPoints,
      String localDatacenter,
      String keyspace,
      boolean createSchema,
      int replicationFactor) {
    public String replication() {
      return "{'class': 'NetworkTopologyStrategy', '%s': %d}"
          .formatted(localDatacenter, replicationFactor);
    }
  }

  /** Where the logs are; {@code client} goes into every Kafka client, servers included. */
  public record Kafka(String bootstrapServers, Map<String, String> client) {
    public Kafka {
      client = Map.copyOf(client);
    }
  }

  /** The text form of the key ring, {@code id:base64,...}, and the id that signs. */
  public record CursorKeys(String keys, int signingKey) {}

  // Of parts that start once the node is a member.
  private static final List<String> READ_LATER =
      List.of(
          "grpc.tls.certificate-chain",
          "grpc.tls.private-key",
          "grpc.tls.client-authority",
          "grpc.tls.node-authority",
          "auth.jwks-file");

  /** Signs cursors on a laptop; refused wherever others can reach the node. */
  private static final String EVERYBODYS_KEY =
      "1:dGlkZWxpbmUgZGV2ZWxvcG1lbnQga2V5LCBub3QgYSBzZWNyZXQ=";

  private static final Pattern CELL_NAME = Pattern.compile("[a-z0-9-]{1,32}");
  private static final Pattern ROLE_PART = Pattern.compile("[A-Za-z0-9._-]{1,64}");
  private static final Pattern KEYSPACE = Pattern.compile("[a-z][a-z0-9_]{0,47}");
  private static final Pattern HOST_AND_PORT =
      Pattern.compile("(\\[[^]]+]|[^:\\[\\]]+):(\\d{1,5})");

  /** {@code host:port} of this node's public API, as others are told. */
  public String grpcAddress() {
    return host + ":" + grpc.port();
  }

  /** Whether only this machine reaches the node, so that development defaults do no harm. */
  public boolean loopbackOnly() {
    return isLoopback(host) && isLoopback(bindHost);
  }

  /**
   * Reads and checks {@code tideline.node}.
   *
   * @throws BadConfiguration naming the first key that does not fit
   */
  public static NodeSettings from(Config root) {
    try {
      return new Reader(root, root.getConfig("tideline.node")).read();
    } catch (ConfigException | IllegalArgumentException e) {
      throw new BadConfiguration(String.valueOf(e.getMessage()));
    }
  }

  private static boolean isLoopback(String host) {
    // Names are not looked up: what a resolver answers today decides nothing about safety.
    if (host.equals("localhost")) return true;
    if (!host.matches("[0-9.]+|\\[?[0-9a-fA-F:]*:[0-9a-fA-F:.]*]?")) return false;
    try {
      return InetAddress.getByName(host).isLoopbackAddress();
    } catch (UnknownHostException e) {
      return false;
    }
  }

  private record Reader(Config root, Config config) {
    NodeSettings read() {
      Cell cell =
          new Cell(
              matching("cell.name", CELL_NAME, "1-32 characters of [a-z0-9-]"),
              number("cell.number", 1, 255));
      NodeSettings settings =
          new NodeSettings(
              cell,
              matching("availability-zone", ROLE_PART, "1-64 characters of [A-Za-z0-9._-]"),
              matching("version", ROLE_PART, "a version such as 1.4.2"),
              notEmpty("host", "the address by which others reach this node"),
              notEmpty("bind-host", "an address to listen on"),
              cluster(),
              GrpcSettings.from(root),
              AuthSettings.from(root),
              duration("ask-timeout"),
              ManagementSettings.from(root),
              cassandra(),
              kafka(),
              cursorKeys(),
              OtherCell.from(root, cell.name(), cell.number()));
      READ_LATER.stream().filter(key -> optional(key).isPresent()).forEach(this::file);
      settings.checkSafety();
      return settings;
    }

    private Cluster cluster() {
      String transport = config.getString("cluster.transport");
      switch (transport) {
        case "tcp" -> {}
        case "tls-tcp" -> {
          file("cluster.tls.certificate-chain");
          file("cluster.tls.private-key");
          file("cluster.tls.authority");
        }
        default -> throw BadConfiguration.of("cluster.transport", transport, "tcp or tls-tcp");
      }
      port("grpc.port");
      return new Cluster(
          port("cluster.port"),
          hostsAndPorts("cluster.seed-nodes"),
          optional("cluster.bootstrap.discovery"));
    }

    private Cassandra cassandra() {
      List<String> contactPoints = hostsAndPorts("cassandra.contact-points");
      if (contactPoints.isEmpty())
        throw BadConfiguration.of("cassandra.contact-points", "", "host:port, separated by commas");
      if (optional("cassandra.username").isPresent() != optional("cassandra.password").isPresent())
        throw new BadConfiguration(
            "tideline.node.cassandra.username and password: set both or neither");
      return new Cassandra(
          contactPoints,
          matching("cassandra.local-datacenter", ROLE_PART, "the name of a data center"),
          matching("cassandra.keyspace", KEYSPACE, "1-48 characters of [a-z0-9_], a letter first"),
          config.getBoolean("cassandra.create-schema"),
          number("cassandra.replication-factor", 1, 9));
    }

    private Kafka kafka() {
      String servers = config.getString("kafka.bootstrap-servers");
      if (hostsAndPorts("kafka.bootstrap-servers").isEmpty())
        throw BadConfiguration.of("kafka.bootstrap-servers", "", "host:port, separated by commas");
      Map<String, String> client =
          config.getConfig("kafka.client").entrySet().stream()
              .collect(
                  Collectors.toMap(
                      entry -> entry.getKey().replace("\"", ""),
                      entry -> String.valueOf(entry.getValue().unwrapped())));
      client.put("bootstrap.servers", servers);
      return new Kafka(servers, client);
    }

    private CursorKeys cursorKeys() {
      String keys = config.getString("cursor.keys");
      return keys.isEmpty()
          ? new CursorKeys(EVERYBODYS_KEY, 1)
          : checked(new CursorKeys(keys, number("cursor.signing-key", 0, 255)));
    }

    private static CursorKeys checked(CursorKeys keys) {
      try {
        var unused = KeyRing.parse(keys.keys(), keys.signingKey());
        return keys;
      } catch (IllegalArgumentException e) {
        throw new BadConfiguration("tideline.node.cursor.keys: " + e.getMessage());
      }
    }

    private String notEmpty(String key, String expected) {
      return optional(key).orElseThrow(() -> BadConfiguration.of(key, "", expected));
    }

    private Optional<String> optional(String key) {
      return Optional.of(config.getString(key).trim()).filter(value -> !value.isEmpty());
    }

    private String matching(String key, Pattern pattern, String expected) {
      String value = config.getString(key);
      if (!pattern.matcher(value).matches()) throw BadConfiguration.of(key, value, expected);
      return value;
    }

    private int port(String key) {
      return number(key, 1, 65_535);
    }

    private int number(String key, int lowest, int highest) {
      return checked(
          key,
          Config::getInt,
          value -> value >= lowest && value <= highest,
          "a number from %d to %d".formatted(lowest, highest));
    }

    private Duration duration(String key) {
      return checked(
          key, Config::getDuration, value -> value.toMillis() > 0, "a duration such as 5s");
    }

    private <T> T checked(
        String key, BiFunction<Config, String, T> get, Predicate<T> fits, String expected) {
      T value;
      try {
        value = get.apply(config, key);
      } catch (ConfigException.WrongType | ConfigException.BadValue e) {
        throw BadConfiguration.of(key, config.getValue(key).unwrapped(), expected);
      }
      if (!fits.test(value))
        throw BadConfiguration.of(key, config.getValue(key).unwrapped(), expected);
      return value;
    }

    private Path file(String key) {
      Path file = Path.of(notEmpty(key, "the name of a file"));
      if (!Files.isReadable(file)) throw BadConfiguration.of(key, file, "a file that can be read");
      return file;
    }

    private List<String> hostsAndPorts(String key) {
      List<String> all =
          Arrays.stream(config.getString(key).split(","))
              .map(String::trim)
              .filter(part -> !part.isEmpty())
              .toList();
      for (String one : all)
        if (!HOST_AND_PORT.matcher(one).matches())
          throw BadConfiguration.of(key, one, "host:port, separated by commas");
      return all;
    }
  }

  private void checkSafety() {
    if (loopbackOnly()) return;
    if (auth.mode() == AuthSettings.Mode.NONE)
      throw BadConfiguration.of(
          "auth.mode", "none", "jwt (TIDELINE_AUTH), because others can reach " + reachable());
    if (cursorKeys.keys().equals(EVERYBODYS_KEY))
      throw BadConfiguration.of(
          "cursor.keys",
          "",
          "keys of your own (TIDELINE_CURSOR_KEYS), because others can reach " + reachable());
    if (cluster.seedNodes().isEmpty() && cluster.discovery().isEmpty())
      throw BadConfiguration.of(
          "cluster.seed-nodes",
          "",
          "nodes to join (TIDELINE_SEED_NODES) or TIDELINE_BOOTSTRAP_DISCOVERY: a node that"
              + " forms a cluster of its own beside another one would write over its users");
  }

  private String reachable() {
    return isLoopback(bindHost) ? host : bindHost;
  }
}
