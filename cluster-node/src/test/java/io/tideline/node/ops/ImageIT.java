package io.tideline.node.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The image that {@code -Pimage} has left behind as a file. */
class ImageIT {
  private static final Path TAR = Path.of("target", "image.tar").toAbsolutePath();

  @TempDir private static Path image;

  private static Path root;
  private static JsonNode config;

  @BeforeAll
  static void unpack() throws Exception {
    assumeTrue(Files.exists(TAR), "no image was built: -Pimage");
    run("tar", "-xf", TAR.toString(), "-C", image.toString());
    ObjectMapper json = new ObjectMapper();
    JsonNode manifest = json.readTree(image.resolve("manifest.json").toFile()).get(0);
    config = json.readTree(image.resolve(manifest.get("Config").asText()).toFile()).get("config");
    root = Files.createDirectory(image.resolve("root"));
    for (JsonNode layer : manifest.get("Layers"))
      run("tar", "-xzf", image.resolve(layer.asText()).toString(), "-C", root.toString());
  }

  @Test
  void it_runs_as_nobody_in_particular() {
    assertThat(config.get("User").asText())
        .isEqualTo(KubernetesManifests.pod().at("spec.securityContext.runAsUser").text());
  }

  @Test
  void its_ports_are_those_of_the_manifests() {
    List<String> ports = new ArrayList<>();
    config.get("ExposedPorts").fieldNames().forEachRemaining(ports::add);
    assertThat(ports)
        .containsExactlyInAnyOrderElementsOf(
            KubernetesManifests.container().at("ports").list().stream()
                .map(port -> port.at("containerPort").text() + "/tcp")
                .toList());
  }

  @Test
  void it_starts_a_node_from_files_that_it_holds() throws Exception {
    List<String> entrypoint = new ArrayList<>();
    config.get("Entrypoint").forEach(word -> entrypoint.add(word.asText()));
    assertThat(entrypoint).startsWith("java").endsWith("io.tideline.node.Main");
    assertThat(entrypoint)
        .filteredOn(word -> word.startsWith("-javaagent:"))
        .singleElement()
        .satisfies(word -> assertThat(inRoot(word.replace("-javaagent:", ""))).exists());
    assertThat(classPath(entrypoint))
        .hasSizeGreaterThan(100)
        .allSatisfy(file -> assertThat(file).exists())
        .anySatisfy(file -> assertThat(file.toString()).contains("tideline-cluster-node"));
  }

  @Test
  void its_class_path_runs_the_command_line() throws Exception {
    List<String> entrypoint = new ArrayList<>();
    config.get("Entrypoint").forEach(word -> entrypoint.add(word.asText()));
    String classPath =
        classPath(entrypoint).stream().map(Path::toString).collect(Collectors.joining(":"));
    assertThat(
            run(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                classPath,
                "io.tideline.node.cli.Tideline",
                "drain",
                "--help"))
        .startsWith("Usage: tideline drain");
  }

  private static List<Path> classPath(List<String> entrypoint) throws IOException {
    String file = entrypoint.get(entrypoint.indexOf("-cp") + 1).replace("@", "");
    List<Path> jars = new ArrayList<>();
    for (String entry : List.of(Files.readString(inRoot(file)).split(":"))) {
      if (!entry.endsWith("/*")) {
        jars.add(inRoot(entry));
        continue;
      }
      try (Stream<Path> all = Files.list(inRoot(entry.replace("/*", "")))) {
        jars.addAll(all.toList());
      }
    }
    return jars;
  }

  private static Path inRoot(String path) {
    return root.resolve(path.substring(1));
  }

  private static String run(String... command) throws Exception {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(said).isZero();
    return said;
  }
}
