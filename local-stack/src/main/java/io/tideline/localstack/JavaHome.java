package io.tideline.localstack;

import java.io.IOException;
import java.io.Reader;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.jspecify.annotations.Nullable;

/** An installed Java and its major version. */
record JavaHome(Path path, int version) {
  /** Cassandra 5.0 refuses to start on anything newer, and our part of its JVM needs no less. */
  static final int CASSANDRA_NEEDS = 17;

  private static final List<Path> USUAL_PLACES =
      List.of(
          Path.of("/usr/lib/jvm"),
          Path.of("/opt/java"),
          Path.of("/Library/Java/JavaVirtualMachines"),
          Path.of(System.getProperty("user.home"), ".sdkman", "candidates", "java"),
          Path.of(System.getProperty("user.home"), ".jdks"));

  /** The Java of this JVM. */
  static JavaHome current() {
    return new JavaHome(Path.of(System.getProperty("java.home")), Runtime.version().feature());
  }

  /** A Java that Cassandra runs on: this JVM's, the one JAVA17_HOME names, or an installed one. */
  static JavaHome forCassandra() {
    return forCassandra(current(), System.getenv(), USUAL_PLACES);
  }

  static JavaHome forCassandra(
      JavaHome current, Map<String, String> environment, List<Path> places) {
    if (current.version() == CASSANDRA_NEEDS) {
      return current;
    }
    String named = environment.get("JAVA17_HOME");
    if (named != null) {
      JavaHome java = at(Path.of(named));
      if (java == null || java.version() != CASSANDRA_NEEDS) {
        throw new LocalStackException(
            "JAVA17_HOME is %s, which is %s. It must name a Java 17, which Cassandra needs."
                .formatted(named, java == null ? "no Java installation" : java.description()));
      }
      return java;
    }
    List<JavaHome> found = places.stream().flatMap(place -> installedIn(place).stream()).toList();
    for (JavaHome java : found) {
      if (java.version() == CASSANDRA_NEEDS) {
        return java;
      }
    }
    List<String> descriptions = new ArrayList<>();
    descriptions.add(current.description() + " (this JVM)");
    found.forEach(java -> descriptions.add(java.description()));
    throw new LocalStackException(
        "Cassandra needs Java 17 and there is none. Found: "
            + String.join(", ", descriptions.stream().distinct().toList())
            + ". Install a Java 17 and, if it is in an unusual place, set JAVA17_HOME to it.");
  }

  Path executable() {
    return path.resolve("bin").resolve("java");
  }

  private String description() {
    return "Java " + version + " at " + path;
  }

  private static List<JavaHome> installedIn(Path place) {
    List<JavaHome> found = new ArrayList<>();
    if (Files.isDirectory(place)) {
      try (DirectoryStream<Path> entries = Files.newDirectoryStream(place)) {
        for (Path entry : entries) {
          for (Path home : List.of(entry, entry.resolve("Contents/Home"))) {
            JavaHome java = at(home);
            if (java != null) {
              found.add(java);
            }
          }
        }
      } catch (IOException e) {
        return found;
      }
    }
    return found;
  }

  private static @Nullable JavaHome at(Path home) {
    if (!Files.isExecutable(home.resolve("bin").resolve("java"))) {
      return null;
    }
    Properties release = new Properties();
    try (Reader reader = Files.newBufferedReader(home.resolve("release"))) {
      release.load(reader);
      String version = release.getProperty("JAVA_VERSION", "0").replace("\"", "");
      return new JavaHome(home, Runtime.Version.parse(version).feature());
    } catch (IOException | IllegalArgumentException e) {
      return null;
    }
  }
}
