package io.tideline.node.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AlertRulesTest {
  private static final Path HANDBOOK = Path.of("..", "docs", "operations.md");

  @ParameterizedTest
  @ValueSource(strings = {"check rules tideline-rules.yml", "test rules tideline-rules-test.yml"})
  void prometheus_takes_the_rules_and_they_fire_when_they_should(String command) throws Exception {
    assumeTrue(isInstalled("promtool"), "promtool is not installed (Debian package prometheus)");
    Process promtool =
        new ProcessBuilder(("promtool " + command).split(" "))
            .directory(Monitoring.PROMETHEUS.toFile())
            .redirectErrorStream(true)
            .start();
    String said = new String(promtool.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(promtool.waitFor(20, TimeUnit.SECONDS)).isTrue();
    assertThat(promtool.exitValue()).as(said).isZero();
  }

  @Test
  void the_handbook_says_of_every_alert_what_to_do_and_of_no_other() {
    List<String> alerts = found("(?m)^ +- alert: (\\w+)$", Monitoring.RULES);
    assertThat(alerts).doesNotHaveDuplicates().hasSizeGreaterThan(10);
    assertThat(found("(?m)^### (Tideline\\w+)$", HANDBOOK))
        .containsExactlyInAnyOrderElementsOf(alerts);
  }

  private static List<String> found(String pattern, Path file) {
    return Pattern.compile(pattern)
        .matcher(Monitoring.read(file))
        .results()
        .map(match -> match.group(1))
        .toList();
  }

  static boolean isInstalled(String tool) {
    return Stream.of(System.getenv("PATH").split(File.pathSeparator))
        .anyMatch(directory -> Files.isExecutable(Path.of(directory, tool)));
  }
}
