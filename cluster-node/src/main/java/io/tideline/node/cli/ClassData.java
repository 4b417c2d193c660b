package io.tideline.node.cli;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The classes of a build's nodes as a JVM holds them, in a file beside the build's jar (the JDK's
 * class-data sharing): a node that has it need not read, check and link each of them. A JVM that
 * finds that the file does not fit goes without.
 *
 * @param file where they are, or are to be
 */
record ClassData(Build build, Path file) {
  // Deaf to Ctrl-C; the file appears whole or not at all.
  private static final String MAKE =
      """
      trap '' INT HUP
      nice -n 19 "$1" -Xshare:dump -XX:SharedClassListFile=names -XX:SharedArchiveFile=next.jsa \\
        -XX:+UseSerialGC -Xmx512m -Xlog:disable -cp "$3" && mv next.jsa "$2"
      made=$?
      rm -rf "$PWD"
      exit $made
      """;

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
   * Begins to make them, which takes 20 s of CPU time that nobody else wants. It goes on when this
   * JVM ends, and shows only once it is done.
   *
   * @param loaded the names of classes, as the JVM of a node has written them, or still does
   */
  Process make(Path loaded) {
    try {
      deleteOthers();
      Path making = Files.createTempDirectory(file.getParent(), "node-");
      Files.writeString(making.resolve("names"), wholeLines(loaded));
      return new ProcessBuilder(
              "/bin/sh", "-c", MAKE, "sh", NodeProcess.java(), file.toString(), build.classPath())
          .directory(making.toFile())
          .redirectErrorStream(true)
          .redirectOutput(ProcessBuilder.Redirect.DISCARD)
          .start();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot make class data of " + build.root(), e);
    }
  }

  /** Without the last line when its end is not written yet. */
  private static String wholeLines(Path loaded) throws IOException {
    String text = Files.readString(loaded);
    return text.substring(0, text.lastIndexOf('\n') + 1);
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
