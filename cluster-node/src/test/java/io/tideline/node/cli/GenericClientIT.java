package io.tideline.node.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A client in another language that knows only server reflection; see {@code src/test/js}. */
@Tag("alone")
class GenericClientIT {
  private static final Path SOURCES = Path.of("src", "test", "js");
  private static final Path INSTALLED = Path.of("target", "js").toAbsolutePath();

  @Test
  void a_client_that_knows_only_reflection_publishes_and_reads(@TempDir Path directory)
      throws Exception {
    assumeTrue(
        runs("node", "--version") && runs("npm", "--version"), "skipped: needs node and npm");
    install();

    try (var cluster = LocalCluster.start(directory, Build.running(), 1, GenericClientIT::report)) {
      String output = run(List.of("node", "client.js", cluster.grpcAddresses().get(0), "generic"));

      for (String version : List.of("v1alpha ", "v1 ")) {
        assertThat(output.lines().filter(line -> line.startsWith(version)).findFirst().get())
            .contains("tideline.v1.ClusterService")
            .contains("tideline.v1.FeedService")
            .contains("tideline.v1.GraphService")
            .contains("tideline.v1.PostService")
            .contains("grpc.health.v1.Health");
      }
      String id = output.lines().filter(line -> line.startsWith("published ")).findFirst().get();
      assertThat(output)
          .contains(
              id.replace("published", "read") + " Hello from a client that knows only reflection");
    }
  }

  private static void report(String line) {
    System.out.println(line);
  }

  private static void install() throws IOException, InterruptedException {
    Files.createDirectories(INSTALLED);
    for (String file : List.of("package.json", "package-lock.json", "client.js")) {
      Files.copy(
          SOURCES.resolve(file), INSTALLED.resolve(file), StandardCopyOption.REPLACE_EXISTING);
    }
    run(List.of("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"));
  }

  private static boolean runs(String... command) {
    try {
      return new ProcessBuilder(command).start().waitFor() == 0;
    } catch (IOException e) {
      return false;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  private static String run(List<String> command) throws IOException, InterruptedException {
    Path output = INSTALLED.resolve("output.txt");
    Process process =
        new ProcessBuilder(command)
            .directory(INSTALLED.toFile())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    boolean ended = process.waitFor(3, TimeUnit.MINUTES);
    if (!ended) process.destroyForcibly();
    String text = Files.readString(output, StandardCharsets.UTF_8);
    assertThat(ended && process.exitValue() == 0).as("%s:%n%s", command, text).isTrue();
    return text;
  }
}
