package io.tideline.node.ops;

import static io.tideline.node.ops.KubernetesManifests.BASE;
import static io.tideline.node.ops.KubernetesManifests.EXAMPLE;
import static io.tideline.node.ops.KubernetesManifests.all;
import static io.tideline.node.ops.KubernetesManifests.container;
import static io.tideline.node.ops.KubernetesManifests.kustomization;
import static io.tideline.node.ops.KubernetesManifests.pod;
import static io.tideline.node.ops.KubernetesManifests.theOnly;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigObject;
import io.tideline.node.BadConfiguration;
import io.tideline.node.NodeConfig;
import io.tideline.node.ops.KubernetesManifests.Node;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class KubernetesManifestsTest {
  private static final Config DEFAULTS = NodeConfig.load(ConfigFactory.empty());

  @Test
  void every_file_of_the_base_is_applied_and_there() throws IOException {
    try (Stream<Path> files = Files.list(BASE)) {
      List<String> there =
          files
              .map(file -> file.getFileName().toString())
              .filter(name -> name.endsWith(".yaml") && !name.equals("kustomization.yaml"))
              .toList();
      assertThat(texts(kustomization(BASE).at("resources")))
          .containsExactlyInAnyOrderElementsOf(there);
    }
    for (Node resource : kustomization(EXAMPLE).at("resources").list())
      assertThat(EXAMPLE.resolve(resource.text()).resolve("kustomization.yaml")).exists();
  }

  @Test
  void a_node_accepts_what_the_example_sets() {
    Config config = NodeConfig.load(ConfigFactory.parseMap(environment()));
    assertThat(config.getString("tideline.node.cell.name")).isEqualTo("berlin");
    assertThat(config.getString("tideline.node.availability-zone")).isEqualTo("zone-a");
    assertThat(config.getString("pekko.cluster.app-version")).isEqualTo("0.1.0");
    assertThat(config.getStringList("pekko.cluster.seed-nodes")).isEmpty();
  }

  @Test
  void a_machine_without_a_zone_keeps_a_node_from_starting() {
    Map<String, Object> environment = environment();
    environment.put("TIDELINE_AZ", "");
    assertThatThrownBy(() -> NodeConfig.load(ConfigFactory.parseMap(environment)))
        .isInstanceOf(BadConfiguration.class)
        .hasMessageContaining("availability-zone");
  }

  @Test
  void every_variable_that_is_set_means_something_to_a_node() {
    String reference =
        Stream.of("reference.conf", "cluster.conf", "management.conf")
            .map(name -> Monitoring.read(Path.of("src", "main", "resources", name)))
            .reduce("", String::concat);
    assertThat(environment().keySet())
        .filteredOn(name -> name.startsWith("TIDELINE_") && !name.equals("TIDELINE_LOG"))
        .hasSizeGreaterThan(15)
        .allSatisfy(name -> assertThat(reference).contains("${?" + name + "}"));
    assertThat(pod().at("spec.enableServiceLinks").text()).isEqualTo("false");
  }

  @Test
  void secrets_come_from_the_secret_alone() {
    assertThat(Monitoring.read(BASE.resolve("tideline.env")) + kustomization(EXAMPLE))
        .doesNotContain("TIDELINE_CURSOR_KEYS", "TIDELINE_MANAGEMENT_TOKEN", "_PASSWORD=");
    for (String name :
        List.of("TIDELINE_CURSOR_KEYS", "TIDELINE_MANAGEMENT_TOKEN", "TIDELINE_CASSANDRA_PASSWORD"))
      assertThat(container().at("env").with("name", name).at("valueFrom.secretKeyRef.name").text())
          .isEqualTo("tideline");
  }

  @Test
  void nodes_are_found_by_kubernetes() throws ClassNotFoundException {
    Config config = NodeConfig.load(ConfigFactory.parseMap(environment()));
    Config search = config.getConfig("pekko.management.cluster.bootstrap.contact-point-discovery");
    String method = search.getString("discovery-method");
    assertThat(method).isEqualTo("kubernetes-api");
    assertThat(Class.forName(config.getString("pekko.discovery." + method + ".class"))).isNotNull();

    String label =
        config
            .getString("pekko.discovery.kubernetes-api.pod-label-selector")
            .formatted(search.getString("service-name"));
    assertThat(label).isEqualTo("app=" + pod().at("metadata.labels.app").text());

    Node role = theOnly("Role");
    Node rule = role.at("rules").list().get(0);
    assertThat(texts(rule.at("resources"))).containsExactly("pods");
    assertThat(texts(rule.at("verbs"))).contains("list");
    Node binding = theOnly("RoleBinding");
    assertThat(binding.at("roleRef.name")).isEqualTo(role.at("metadata.name"));
    assertThat(binding.at("subjects").list().get(0).at("name"))
        .isEqualTo(theOnly("ServiceAccount").at("metadata.name"))
        .isEqualTo(pod().at("spec.serviceAccountName"));
  }

  @Test
  void a_new_cell_waits_for_a_majority() {
    int nodes = theOnly("StatefulSet").at("spec.replicas").number();
    assertThat(required(base())).isGreaterThan(nodes / 2).isLessThanOrEqualTo(nodes);
    int more = kustomization(EXAMPLE).at("replicas").list().get(0).at("count").number();
    assertThat(required(environment())).isGreaterThan(more / 2).isLessThanOrEqualTo(more);
  }

  @Test
  void ports_are_those_of_the_configuration() {
    Node ports = container().at("ports");
    for (String name : List.of("grpc", "cluster", "management"))
      assertThat(ports.with("name", name).at("containerPort").number())
          .as(name)
          .isEqualTo(DEFAULTS.getInt("tideline.node." + name + ".port"));
    for (Node service : services())
      for (Node port : service.at("spec.ports").list())
        assertThat(port.at("port"))
            .isEqualTo(ports.with("name", port.at("targetPort").text()).at("containerPort"));
    for (String probe : List.of("startupProbe", "livenessProbe", "readinessProbe"))
      assertThat(container().at(probe + ".httpGet.port").text()).isEqualTo("management");
  }

  @Test
  void a_node_that_is_new_gets_no_calls_before_it_is_ready_and_no_end_while_it_lives() {
    assertThat(container().at("readinessProbe.httpGet.path").text()).isEqualTo("/ready");
    assertThat(container().at("livenessProbe.httpGet.path").text()).isEqualTo("/alive");
  }

  @Test
  void nodes_have_the_time_that_leaving_may_take() {
    ConfigObject phases = DEFAULTS.getObject("pekko.coordinated-shutdown.phases");
    Duration otherwise = DEFAULTS.getDuration("pekko.coordinated-shutdown.default-phase-timeout");
    Duration leaving =
        phases.keySet().stream()
            .map(phase -> phases.toConfig().getConfig(phase))
            .map(phase -> phase.hasPath("timeout") ? phase.getDuration("timeout") : otherwise)
            .reduce(
                Duration.ofSeconds(container().at("lifecycle.preStop.sleep.seconds").number()),
                Duration::plus);
    assertThat(pod().at("spec.terminationGracePeriodSeconds").number())
        .isGreaterThan((int) leaving.toSeconds());
  }

  @Test
  void selectors_find_the_pods() {
    Map<String, String> labels = pod().at("metadata.labels").map();
    List<Node> selectors =
        Stream.of(
                Stream.of(theOnly("StatefulSet").at("spec.selector.matchLabels")),
                Stream.of(theOnly("PodDisruptionBudget").at("spec.selector.matchLabels")),
                pod().at("spec.topologySpreadConstraints").list().stream()
                    .map(spread -> spread.at("labelSelector.matchLabels")),
                services().stream().map(service -> service.at("spec.selector")))
            .flatMap(each -> each)
            .toList();
    assertThat(selectors).hasSize(6);
    for (Node selector : selectors) assertThat(labels).containsAllEntriesOf(selector.map());
    assertThat(services())
        .anyMatch(
            service ->
                service.at("metadata.name").equals(theOnly("StatefulSet").at("spec.serviceName"))
                    && service.at("spec.clusterIP").text().equals("None"));
  }

  @Test
  void nodes_stand_in_all_zones_and_go_one_by_one() {
    assertThat(
            pod()
                .at("spec.topologySpreadConstraints")
                .with("topologyKey", "topology.kubernetes.io/zone")
                .at("whenUnsatisfiable")
                .text())
        .isEqualTo("DoNotSchedule");
    assertThat(theOnly("PodDisruptionBudget").at("spec.maxUnavailable").number()).isOne();
    assertThat(theOnly("StatefulSet").at("spec.updateStrategy.type").text())
        .isEqualTo("RollingUpdate");
  }

  @Test
  void the_version_that_a_node_tells_others_is_that_of_its_image() {
    Node image = kustomization(EXAMPLE).at("images").with("name", container().at("image").text());
    Node labels = kustomization(EXAMPLE).at("labels").list().get(0);
    assertThat(labels.at("pairs").map().get("app.kubernetes.io/version"))
        .isEqualTo(image.at("newTag").text());
    assertThat(labels.at("includeTemplates").text()).isEqualTo("true");
  }

  @Test
  void kustomize_renders_the_example() throws Exception {
    assumeTrue(AlertRulesTest.isInstalled("kubectl"), "kubectl is not installed");
    Process kubectl =
        new ProcessBuilder("kubectl", "kustomize", EXAMPLE.toString())
            .redirectErrorStream(true)
            .start();
    String rendered = new String(kubectl.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(kubectl.waitFor()).as(rendered).isZero();
    assertThat(rendered.split("\n---\n")).hasSize(all().size() + 1);
    assertThat(rendered).contains("image: registry.example.com/tideline:0.1.0");
    assertThat(rendered).contains("TIDELINE_CELL: berlin");
  }

  /** What the container of the example finds in its environment. */
  private static Map<String, Object> environment() {
    Map<String, Object> environment = base();
    kustomization(EXAMPLE)
        .at("configMapGenerator")
        .with("behavior", "merge")
        .at("literals")
        .list()
        .forEach(literal -> put(environment, literal.text()));
    Map<String, String> facts =
        Map.of(
            "status.podIP", "10.1.2.3",
            "metadata.labels['topology.kubernetes.io/zone']", "zone-a",
            "metadata.labels['app.kubernetes.io/version']",
                pod().at("metadata.labels").map().get("app.kubernetes.io/version"),
            "cursor-keys", "1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
            "management-token", "secret",
            "cassandra-username", "tideline",
            "cassandra-password", "secret");
    for (Node variable : container().at("env").list()) {
      Map<String, String> from = variable.at("valueFrom").map();
      String source =
          from.containsKey("fieldRef")
              ? variable.at("valueFrom.fieldRef.fieldPath").text()
              : variable.at("valueFrom.secretKeyRef.key").text();
      assertThat(facts).as("what %s is set from", variable).containsKey(source);
      environment.put(variable.at("name").text(), facts.get(source));
    }
    return environment;
  }

  private static Map<String, Object> base() {
    Map<String, Object> environment = new HashMap<>();
    Node map = kustomization(BASE).at("configMapGenerator").list().get(0);
    assertThat(container().at("envFrom").list().get(0).at("configMapRef.name"))
        .isEqualTo(map.at("name"));
    for (Node file : map.at("envs").list())
      Monitoring.read(BASE.resolve(file.text())).lines().forEach(line -> put(environment, line));
    return environment;
  }

  private static void put(Map<String, Object> environment, String assignment) {
    String[] parts = assignment.split("=", 2);
    environment.put(parts[0], parts[1]);
  }

  private static int required(Map<String, Object> environment) {
    return Integer.parseInt(String.valueOf(environment.get("TIDELINE_BOOTSTRAP_REQUIRED_NODES")));
  }

  private static List<Node> services() {
    return all().stream().filter(each -> each.at("kind").text().equals("Service")).toList();
  }

  private static List<String> texts(Node list) {
    return List.copyOf(new TreeSet<>(list.list().stream().map(Node::text).toList()));
  }
}
