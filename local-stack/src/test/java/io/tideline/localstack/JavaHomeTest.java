package io.tideline.localstack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JavaHomeTest {
  private static final JavaHome TOO_NEW = new JavaHome(Path.of("/opt/jdk-25"), 25);

  @TempDir Path place;

  @Test
  void the_java_of_this_jvm_is_taken_when_it_fits() {
    JavaHome current = new JavaHome(Path.of("/opt/jdk-17"), 17);

    assertThat(JavaHome.forCassandra(current, Map.of(), List.of())).isEqualTo(current);
  }

  @Test
  void a_fitting_java_is_found_among_the_installed_ones() throws IOException {
    install("jdk-8", "1.8.0_432");
    install("jdk-21", "21.0.5");
    Path fitting = install("jdk-17", "17.0.15");

    assertThat(JavaHome.forCassandra(TOO_NEW, Map.of(), List.of(place)))
        .isEqualTo(new JavaHome(fitting, 17));
  }

  @Test
  void the_variable_goes_before_the_installed_ones() throws IOException {
    install("jdk-17", "17.0.15");
    Path named = install("mine", "17");

    assertThat(
            JavaHome.forCassandra(TOO_NEW, Map.of("JAVA17_HOME", named.toString()), List.of(place)))
        .isEqualTo(new JavaHome(named, 17));
  }

  @Test
  void a_variable_that_names_another_java_is_refused() throws IOException {
    Path named = install("mine", "21.0.5");

    assertThatThrownBy(
            () ->
                JavaHome.forCassandra(
                    TOO_NEW, Map.of("JAVA17_HOME", named.toString()), List.of(place)))
        .isInstanceOf(LocalStackException.class)
        .hasMessageContaining("JAVA17_HOME is " + named)
        .hasMessageContaining("Java 21");
  }

  @Test
  void a_variable_that_names_no_java_is_refused() {
    assertThatThrownBy(
            () -> JavaHome.forCassandra(TOO_NEW, Map.of("JAVA17_HOME", "/nowhere"), List.of()))
        .isInstanceOf(LocalStackException.class)
        .hasMessageContaining("/nowhere, which is no Java installation");
  }

  @Test
  void without_a_fitting_java_the_message_lists_what_was_found() throws IOException {
    Path other = install("jdk-21", "21.0.5");

    assertThatThrownBy(() -> JavaHome.forCassandra(TOO_NEW, Map.of(), List.of(place)))
        .isInstanceOf(LocalStackException.class)
        .hasMessageContaining("Cassandra needs Java 17 and there is none")
        .hasMessageContaining("Java 25 at /opt/jdk-25 (this JVM)")
        .hasMessageContaining("Java 21 at " + other)
        .hasMessageContaining("set JAVA17_HOME");
  }

  private Path install(String name, String version) throws IOException {
    Path home = place.resolve(name);
    Files.createDirectories(home.resolve("bin"));
    Path java = Files.createFile(home.resolve("bin").resolve("java"));
    assertThat(java.toFile().setExecutable(true)).isTrue();
    Files.writeString(home.resolve("release"), "JAVA_VERSION=\"" + version + "\"\n");
    return home;
  }
}
