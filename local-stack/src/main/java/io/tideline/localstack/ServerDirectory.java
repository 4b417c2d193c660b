package io.tideline.localstack;

import java.io.IOException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** The directory one server lives in: checked before use, and remembers its process and ports. */
final class ServerDirectory {
  private static final Duration FOR_AN_ORPHAN_TO_LEAVE = Duration.ofSeconds(20);

  private final String server;
  private final Path path;
  private final Properties remembered = new Properties();

  private ServerDirectory(String server, Path path) {
    this.server = server;
    this.path = path;
  }

  /** Creates the directory if need be and makes sure that a server can start in it. */
  static ServerDirectory claim(String server, Path path, long neededBytes) {
    ServerDirectory directory = new ServerDirectory(server, path.toAbsolutePath().normalize());
    requireWritable(server, directory.path);
    directory.requireSpace(neededBytes);
    directory.load();
    directory.requireIdle();
    return directory;
  }

  /**
   * Returns when no server runs in the directory; fails when one does and is not about to leave.
   */
  static void awaitIdle(String server, Path path) {
    ServerDirectory directory = new ServerDirectory(server, path.toAbsolutePath().normalize());
    directory.load();
    directory.requireIdle();
  }

  Path path() {
    return path;
  }

  Path resolve(String name) {
    return path.resolve(name);
  }

  int rememberedPort(String name) {
    return Integer.parseInt(remembered.getProperty(name, "0"));
  }

  void remember(String port, int number) {
    remembered.setProperty(port, Integer.toString(number));
  }

  /** Notes which process uses the directory now, together with the remembered ports. */
  void noteProcess(ProcessHandle process) {
    remembered.setProperty("pid", ProcessIdentity.of(process).toString());
    remembered.setProperty("owner", ProcessIdentity.of(ProcessHandle.current()).toString());
    Path next = path.resolve("process.properties.next");
    try {
      try (Writer writer = Files.newBufferedWriter(next)) {
        remembered.store(writer, server);
      }
      Files.move(next, file(), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Path file() {
    return path.resolve("process.properties");
  }

  static void requireWritable(String server, Path path) {
    try {
      Files.createDirectories(path);
      Files.delete(Files.createTempFile(path, "writable", ""));
    } catch (IOException e) {
      throw new LocalStackException(
          "%s cannot write to its directory %s: %s. Choose a directory that this user may write to."
              .formatted(server, path, e),
          e);
    }
  }

  private void requireSpace(long neededBytes) {
    try {
      FileStore store = Files.getFileStore(path);
      long usable = store.getUsableSpace();
      if (usable < neededBytes) {
        throw new LocalStackException(
            "%s needs %d MiB of free disk in %s, and %s has only %d MiB left."
                .formatted(server, neededBytes >> 20, path, store, usable >> 20));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void load() {
    if (Files.exists(file())) {
      try (Reader reader = Files.newBufferedReader(file())) {
        remembered.load(reader);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /**
   * A server whose parent is gone is about to leave; one whose parent lives keeps its directory.
   */
  private void requireIdle() {
    Optional<ProcessHandle> running = process("pid");
    if (running.isEmpty()) {
      return;
    }
    if (process("owner").isEmpty()) {
      try {
        running.get().onExit().get(FOR_AN_ORPHAN_TO_LEAVE.toMillis(), TimeUnit.MILLISECONDS);
        return;
      } catch (TimeoutException | ExecutionException e) {
        // It is still there: say so below.
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    throw new LocalStackException(
        "%s already runs in %s as process %d. Stop it first, or choose another directory."
            .formatted(server, path, running.get().pid()));
  }

  private Optional<ProcessHandle> process(String key) {
    return Optional.ofNullable(remembered.getProperty(key))
        .flatMap(text -> ProcessIdentity.parse(text).process());
  }
}
