package io.tideline.node.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;

/** A small file in which a running process says where it can be reached. */
record RunningNote(Path file) {
  private static final Set<PosixFilePermission> OWNER_ONLY =
      PosixFilePermissions.fromString("rw-------");

  /** What a living process has written. */
  record Running(
      long pid,
      List<String> grpcAddresses,
      Management management,
      String cassandra,
      String kafka) {}

  /** The nodes' management ports, {@code host:port}, and the token for what changes something. */
  record Management(List<String> addresses, String token) {}

  /** Writes the note of this process; it goes when the process ends. */
  void write(LocalCluster cluster) {
    Properties properties = new Properties();
    properties.setProperty("pid", Long.toString(ProcessHandle.current().pid()));
    properties.setProperty("grpc", String.join(",", cluster.grpcAddresses()));
    properties.setProperty("management", String.join(",", cluster.management().addresses()));
    properties.setProperty("token", cluster.management().token());
    properties.setProperty("cassandra", cluster.cassandra());
    properties.setProperty("kafka", cluster.kafka());
    Path written = file.resolveSibling(file.getFileName() + ".new");
    try {
      Files.createDirectories(file.toAbsolutePath().getParent());
      Files.deleteIfExists(written);
      Files.createFile(written, PosixFilePermissions.asFileAttribute(OWNER_ONLY));
      try (var out = Files.newBufferedWriter(written)) {
        properties.store(out, null);
      }
      Files.move(written, file, StandardCopyOption.ATOMIC_MOVE);
      file.toFile().deleteOnExit();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + file, e);
    }
  }

  /** What the note says, when its process is alive. */
  Optional<Running> read() {
    Properties properties = new Properties();
    try (var in = Files.newBufferedReader(file)) {
      properties.load(in);
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file, e);
    }
    long pid;
    try {
      pid = Long.parseLong(properties.getProperty("pid", ""));
    } catch (NumberFormatException e) {
      return Optional.empty(); // not ours, or cut off by a full disk
    }
    if (ProcessHandle.of(pid).isEmpty()) return Optional.empty();
    return Optional.of(
        new Running(
            pid,
            list(properties, "grpc"),
            new Management(list(properties, "management"), properties.getProperty("token", "")),
            properties.getProperty("cassandra", ""),
            properties.getProperty("kafka", "")));
  }

  private static List<String> list(Properties properties, String key) {
    String value = properties.getProperty(key, "");
    return value.isEmpty() ? List.of() : List.of(value.split(","));
  }
}
