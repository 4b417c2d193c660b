package io.tideline.node.cli;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The classes of a build's nodes as a JVM holds them, in a file beside the build's jar (the JDK's
 * class-data sharing): a node that has it need not read, check and link each of them. A JVM that
 * finds that the file does not fit goes without.
 *
 * @param file where they are, or are to be
 */
record ClassData(Build build, Path file) {
  private static final Logger LOG = LoggerFactory.getLogger(ClassData.class);
  private static final Duration TO_MAKE = Duration.ofMinutes(1);

  /** None for a build of loose classes: the JDK takes them from jars only. */
  static Optional<ClassData> of(Build build) {
    List<Path> jars =
        Stream.of(build.classPath().split(File.pathSeparator, -1)).map(Path::of).toList();
    if (!jars.stream().allMatch(Files::isRegularFile)) return Optional.empty();
    Path first = jars.get(0).toAbsolutePath();
    return Optional.of(
        new ClassData(build, first.resolveSibling("node-%s.jsa".formatted(digest(jars)))));
  }

  boolean areThere() {
    return Files.exists(file);
  }

  /**
   * Makes them, which takes some seconds. When it fails nodes start as before.
   *
   * @param loaded the names of classes, as the JVM of a node has written them, or still does
   */
  void make(Path loaded) {
    try {
      Path making = Files.createTempDirectory(file.getParent(), "node-");
      Path names = making.resolve("classes");
      Path next = making.resolve("next.jsa");
      try {
        Files.writeString(names, wholeLines(loaded));
        if (!dump(names, next)) throw new IOException("the JVM did not make their class data");
        deleteOthers();
        Files.move(next, file, StandardCopyOption.ATOMIC_MOVE);
      } finally {
        for (Path left : List.of(names, next, making)) Files.deleteIfExists(left);
      }
    } catch (IOException e) {
      LOG.warn("Nodes of {} start slower than they could", build.root(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Without the last line when its end is not written yet. */
  private static String wholeLines(Path loaded) throws IOException {
    String text = Files.readString(loaded);
    return text.substring(0, text.lastIndexOf('\n') + 1);
  }

  private boolean dump(Path names, Path next) throws IOException, InterruptedException {
    Process jvm =
        new ProcessBuilder(
                // Deaf to Ctrl-C, and whoever serves comes first.
                "/bin/sh",
                "-c",
                "trap '' INT HUP; exec nice -n 19 \"$@\"",
                "sh",
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xshare:dump",
                "-XX:SharedClassListFile=" + names,
                "-XX:SharedArchiveFile=" + next,
                "-Xlog:disable",
                "-cp",
                build.classPath())
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    try {
      return jvm.waitFor(TO_MAKE.toMillis(), TimeUnit.MILLISECONDS) && jvm.exitValue() == 0;
    } finally {
      jvm.destroyForcibly();
    }
  }

  /** What was made of this build before it was built again. */
  private void deleteOthers() throws IOException {
    try (DirectoryStream<Path> others = Files.newDirectoryStream(file.getParent(), "node-*.jsa")) {
      for (Path other : others) Files.delete(other);
    }
  }

  private static String digest(List<Path> jars) {
    StringBuilder key = new StringBuilder();
    key.append(System.getProperty("java.home")).append(System.getProperty("java.vm.version"));
    try {
      for (Path jar : jars) {
        key.append(jar).append(Files.getLastModifiedTime(jar)).append(Files.size(jar));
      }
      byte[] bytes = key.toString().getBytes(StandardCharsets.UTF_8);
      byte[] hash = MessageDigest.getInstance("SHA-256").digest(bytes);
      return HexFormat.of().formatHex(hash, 0, 8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
