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
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Copies of the jars of builds, which nodes run from: when a checkout is built again its jars are
 * written over, under nodes that still load classes and before nodes that are to go back.
 */
record BuildCopies(Path directory) {

  /** The same build from copies of the jars that lie in its checkout, as they are now. */
  Build of(Build build) {
    try {
      Map<Path, byte[]> jars = jars(build);
      if (jars.isEmpty()) return build; // of loose classes
      Path copy = directory.resolve(digest(build, jars));
      if (!Files.exists(copy)) write(jars, copy);
      return new Build(
          build.root(),
          entries(build)
              .map(entry -> jars.containsKey(entry) ? copy.resolve(entry.getFileName()) : entry)
              .map(Path::toString)
              .collect(Collectors.joining(File.pathSeparator)));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot copy the build in " + build.root(), e);
    }
  }

  /** The same for a cluster that starts, when nothing runs from other copies: they are deleted. */
  Build only(Build build) {
    Build copy = of(build);
    if (!Files.exists(directory)) return copy;
    try (DirectoryStream<Path> copies = Files.newDirectoryStream(directory)) {
      for (Path other : copies) {
        if (!copy.classPath().contains(other.toString())) deleteIfIdle(other);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot list " + directory, e);
    }
    return copy;
  }

  /** Under another name first: half a copy must not be taken for a whole one. */
  private void deleteIfIdle(Path copy) throws IOException {
    Path old = directory.resolve("old-" + System.nanoTime());
    Files.move(copy, old, StandardCopyOption.ATOMIC_MOVE);
    try {
      Home.deleteWithContents(old);
    } catch (UncheckedIOException e) {
      // Its class data are still in the making: the next start deletes it.
    }
  }

  private static Stream<Path> entries(Build build) {
    return Stream.of(build.classPath().split(File.pathSeparator, -1)).map(Path::of);
  }

  private static Map<Path, byte[]> jars(Build build) throws IOException {
    Path checkout = build.root().toRealPath();
    Map<Path, byte[]> jars = new LinkedHashMap<>();
    for (Path entry : entries(build).filter(Files::isRegularFile).toList()) {
      if (entry.toRealPath().startsWith(checkout)) jars.put(entry, Files.readAllBytes(entry));
    }
    return jars;
  }

  /** Appears whole or not at all. */
  private void write(Map<Path, byte[]> jars, Path copy) throws IOException {
    Files.createDirectories(directory);
    Path next = Files.createTempDirectory(directory, "next-");
    for (Map.Entry<Path, byte[]> jar : jars.entrySet()) {
      Files.write(next.resolve(jar.getKey().getFileName()), jar.getValue());
    }
    Files.move(next, copy, StandardCopyOption.ATOMIC_MOVE);
  }

  private static String digest(Build build, Map<Path, byte[]> jars) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      digest.update(build.classPath().getBytes(StandardCharsets.UTF_8));
      jars.values().forEach(digest::update);
      return HexFormat.of().formatHex(digest.digest(), 0, 8);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
