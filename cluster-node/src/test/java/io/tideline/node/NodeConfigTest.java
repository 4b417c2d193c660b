package io.tideline.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.tideline.multidc.log.LineForms;
import io.tideline.multidc.log.OtherCell;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NodeConfigTest {
  @Test
  void without_any_setting_a_node_is_a_cluster_of_its_own_on_loopback() {
    Config config = NodeConfig.load(ConfigFactory.empty());
    NodeSettings settings = NodeSettings.from(config);

    assertThat(config.getStringList("pekko.cluster.seed-nodes")).isEmpty();
    assertThat(NodeConfig.foundingSeeds(settings))
        .containsExactly("pekko://tideline@127.0.0.1:8500");
    assertThat(config.getStringList("pekko.cluster.roles"))
        .containsExactly(
            "az-a", "grpc-127.0.0.1:8600", "management-127.0.0.1:8700", LineForms.role());
    assertThat(settings.loopbackOnly()).isTrue();
    assertThat(settings.cassandra().replication())
        .isEqualTo("{'class': 'NetworkTopologyStrategy', 'datacenter1': 1}");
  }

  @Test
  void what_an_operator_sets_reaches_the_toolkit() {
    Config config =
        load(
            Map.of(
                "cluster.seed-nodes", "10.0.0.1:8500, 10.0.0.2:8500",
                "cassandra.contact-points", "10.0.1.1:9042,10.0.1.2:9042",
                "cassandra.local-datacenter", "berlin",
                "cassandra.replication-factor", 3,
                "cassandra.username", "ann",
                "cassandra.password", "secret",
                "kafka.bootstrap-servers", "10.0.2.1:9092,10.0.2.2:9092",
                "kafka.client", Map.of("security.protocol", "SSL")));

    assertThat(config.getStringList("pekko.cluster.seed-nodes"))
        .containsExactly("pekko://tideline@10.0.0.1:8500", "pekko://tideline@10.0.0.2:8500");
    assertThat(config.getStringList("datastax-java-driver.basic.contact-points"))
        .containsExactly("10.0.1.1:9042", "10.0.1.2:9042");
    assertThat(NodeSettings.from(config).cassandra().replication())
        .isEqualTo("{'class': 'NetworkTopologyStrategy', 'berlin': 3}");
    assertThat(config.getString("datastax-java-driver.advanced.auth-provider.username"))
        .isEqualTo("ann");
    assertThat(config.getString("pekko.kafka.consumer.kafka-clients.bootstrap.servers"))
        .isEqualTo("10.0.2.1:9092,10.0.2.2:9092");
    assertThat(NodeSettings.from(config).kafka().client())
        .containsEntry("security.protocol", "SSL")
        .containsEntry("bootstrap.servers", "10.0.2.1:9092,10.0.2.2:9092");
  }

  @Test
  void names_of_cassandra_are_looked_up_whenever_it_is_called() {
    assertThat(
            NodeConfig.load(ConfigFactory.empty())
                .getBoolean("datastax-java-driver.advanced.resolve-contact-points"))
        .isFalse();
  }

  @Test
  void the_journal_reads_and_writes_in_its_own_data_center() {
    Config profiles =
        NodeConfig.load(ConfigFactory.empty()).getConfig("datastax-java-driver.profiles");
    for (String profile : profiles.root().keySet())
      assertThat(profiles.getConfig(profile).getString("basic.request.consistency"))
          .as(profile)
          .isEqualTo("LOCAL_QUORUM");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          cell.name            | Berlin West | tideline.node.cell.name is "Berlin West", expected 1-32 characters of [a-z0-9-]
          cell.number          | 256         | tideline.node.cell.number is "256", expected a number from 1 to 255
          cell.number          | one         | tideline.node.cell.number is "one", expected a number from 1 to 255
          cluster.port         | 0           | tideline.node.cluster.port is "0", expected a number from 1 to 65535
          cluster.seed-nodes   | 10.0.0.1    | tideline.node.cluster.seed-nodes is "10.0.0.1", expected host:port, separated by commas
          cluster.transport    | udp         | tideline.node.cluster.transport is "udp", expected tcp or tls-tcp
          cluster.transport    | tls-tcp     | tideline.node.cluster.tls.certificate-chain is "", expected the name of a file
          cassandra.keyspace   | Tide-Line   | tideline.node.cassandra.keyspace is "Tide-Line", expected 1-48 characters of [a-z0-9_], a letter first
          cassandra.username   | ann         | tideline.node.cassandra.username and password: set both or neither
          kafka.bootstrap-servers | kafka    | tideline.node.kafka.bootstrap-servers is "kafka", expected host:port, separated by commas
          ask-timeout          | soon        | tideline.node.ask-timeout is "soon", expected a duration such as 5s
          cursor.keys          | AAAA        | tideline.node.cursor.keys: keys are written as id:base64,id:base64 with ids of 0-255; these are not
          cursor.keys          | 1:c2VjcmV0  | tideline.node.cursor.keys: a key has at least 16 bytes, but the key 1 has 6
          cursor.keys          | 2:MDEyMzQ1Njc4OWFiY2RlZg== | tideline.node.cursor.keys: the signing key 1 is not among the keys [2]
          auth.jwks-file       | none        | tideline.node.auth.jwks-file is "none", expected a file that can be read
          grpc.transport       | http        | tideline.node.grpc.transport is netty or pekko-http, but this is "http"
          host                 | 10.0.0.1    | tideline.node.auth.mode is "none", expected jwt (TIDELINE_AUTH), because others can reach 10.0.0.1
          bind-host            | 0.0.0.0     | tideline.node.auth.mode is "none", expected jwt (TIDELINE_AUTH), because others can reach 0.0.0.0
          """)
  void a_bad_setting_is_named_with_what_was_expected(String key, String value, String message) {
    assertThatThrownBy(() -> load(Map.of(key, value)))
        .isInstanceOf(BadConfiguration.class)
        .hasMessage(message);
  }

  @Test
  void no_other_cell_is_this_one() {
    Config west =
        ConfigFactory.parseString(
            "tideline.multi-dc.cells = [{ name = west, number = 1, bootstrap-servers = \"k:1\" }]");
    assertThatThrownBy(() -> NodeConfig.load(west))
        .isInstanceOf(BadConfiguration.class)
        .hasMessageContaining("gives \"west\" the number 1");
    assertThat(NodeSettings.from(load(west, Map.of("cell.number", 2))).otherCells())
        .extracting(OtherCell::name)
        .containsExactly("west");
  }

  @Test
  void beyond_loopback_a_node_needs_keys_of_its_own_and_others_to_join() {
    Map<String, Object> exposed =
        Map.of(
            "host", "10.0.0.1",
            "auth.mode", "jwt",
            "auth.jwks-url", "https://issuer.example/keys",
            "auth.issuer", "https://issuer.example",
            "auth.audience", "tideline");
    assertThatThrownBy(() -> load(exposed)).hasMessageContaining("tideline.node.cursor.keys");

    Map<String, Object> withKeys = new java.util.HashMap<>(exposed);
    withKeys.put("cursor.keys", "1:MDEyMzQ1Njc4OWFiY2RlZg==");
    assertThatThrownBy(() -> load(withKeys))
        .hasMessageContaining("tideline.node.cluster.seed-nodes");

    withKeys.put("cluster.seed-nodes", "10.0.0.1:8500");
    assertThat(NodeSettings.from(load(withKeys)).cluster().seedNodes())
        .containsExactly("10.0.0.1:8500");
  }

  private static Config load(Map<String, Object> node) {
    return load(ConfigFactory.empty(), node);
  }

  private static Config load(Config settings, Map<String, Object> node) {
    for (var entry : node.entrySet())
      settings =
          settings.withValue(
              "tideline.node." + entry.getKey(),
              com.typesafe.config.ConfigValueFactory.fromAnyRef(entry.getValue()));
    return NodeConfig.load(settings);
  }
}
