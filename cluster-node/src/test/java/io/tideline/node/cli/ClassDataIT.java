package io.tideline.node.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ClassDataIT {
  @TempDir private Path directory;
  private Path jar;
  private Path names;

  @BeforeEach
  void build() throws IOException {
    jar = directory.resolve("node.jar");
    String path = Greeting.class.getName().replace('.', '/');
    try (var out = new JarOutputStream(Files.newOutputStream(jar));
        var bytes = Greeting.class.getResourceAsStream("/" + path + ".class")) {
      assertThat(bytes).isNotNull();
      out.putNextEntry(new JarEntry(path + ".class"));
      bytes.transferTo(out);
      out.closeEntry();
    }
    names = directory.resolve("names");
    // As a JVM that is not finished, or was killed, leaves it.
    Files.writeString(names, "java/lang/Object id: 0\n%s id: 1\njava/lang/Str".formatted(path));
  }

  private ClassData classData() {
    return ClassData.of(new Build(directory, jar.toString())).orElseThrow();
  }

  @Test
  void a_node_takes_its_classes_from_them() throws Exception {
    assertThat(classData().areThere()).isFalse();
    assertThat(classData().make(names).waitFor()).isZero();
    assertThat(classData().areThere()).isTrue();
    assertThat(run()).contains("source: shared objects file").endsWith("hello\n");
    try (Stream<Path> left = Files.list(directory)) {
      assertThat(left).containsExactlyInAnyOrder(jar, names, classData().file());
    }
  }

  @Test
  void a_build_that_has_changed_has_none_and_starts_all_the_same() throws Exception {
    ClassData before = classData();
    assertThat(before.make(names).waitFor()).isZero();
    Files.setLastModifiedTime(jar, FileTime.from(Instant.parse("2026-01-01T00:00:00Z")));
    assertThat(classData().areThere()).isFalse();
    Files.move(before.file(), classData().file());
    assertThat(run()).doesNotContain("source: shared objects file").endsWith("hello\n");
  }

  @Test
  void loose_classes_have_none() {
    assertThat(ClassData.of(new Build(directory, jar + File.pathSeparator + directory))).isEmpty();
  }

  /** Where {@link Greeting} came from, and what it says. */
  private String run() throws IOException, InterruptedException {
    Path out = directory.resolveSibling("out");
    List<String> command =
        List.of(
            NodeProcess.java(),
            "-XX:SharedArchiveFile=" + classData().file(),
            "-XX:+UseSerialGC",
            "-Xlog:class+load=info:stdout:none",
            "-cp",
            jar.toString(),
            Greeting.class.getName());
    Process java =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(out.toFile()).start();
    assertThat(java.waitFor()).isZero();
    return Files.readString(out, StandardCharsets.UTF_8)
        .lines()
        .filter(line -> line.contains("Greeting") || line.equals("hello"))
        .map(line -> line + "\n")
        .reduce("", String::concat);
  }

  /** Stands for a node. */
  static final class Greeting {
    private Greeting() {}

    public static void main(String[] arguments) {
      System.out.println("hello");
    }
  }
}
