package io.tideline.localstack;

import java.io.IOException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A stack that a {@link Supervisor} in a JVM of its own holds, so that it outlives its starter. */
final class DetachedStack {
  private static final long SECONDS_TO_STOP = 60;

  private final Path directory;

  DetachedStack(Path directory) {
    this.directory = directory.toAbsolutePath().normalize();
  }

  /**
   * Starts the stack unless it runs, anew where one of its servers has died; with a lease it ends,
   * data and all, when that process does.
   */
  StackStatus up(LocalStack.Options options, @Nullable ProcessHandle lease) {
    return locked(
        () -> {
          StackStatus running = status().filter(StackStatus::serves).orElse(null);
          if (running != null) return running;
          down();
          return start(options, lease);
        });
  }

  /** Stops the stack; false when there is none. */
  boolean down() {
    Optional<ProcessHandle> supervisor = supervisor(read());
    if (supervisor.isEmpty()) {
      return false;
    }
    supervisor.get().destroy();
    try {
      supervisor.get().onExit().get(SECONDS_TO_STOP, TimeUnit.SECONDS);
    } catch (TimeoutException | ExecutionException e) {
      throw new LocalStackException(
          "Process %d still holds the stack in %s after %d s."
              .formatted(supervisor.get().pid(), directory, SECONDS_TO_STOP));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return true;
  }

  /** The stack, once both servers have been ready and as long as its supervisor lives. */
  Optional<StackStatus> status() {
    Properties state = read();
    return supervisor(state)
        .filter(supervisor -> state.containsKey("kafka.pid"))
        .map(
            supervisor ->
                new StackStatus(
                    directory,
                    supervisor.pid(),
                    Instant.parse(state.getProperty("since")),
                    server(state, "cassandra"),
                    server(state, "kafka")));
  }

  /** What the supervisor notes: first itself, then, with a stack, what runs. */
  void note(@Nullable LocalStack stack) {
    Properties state = new Properties();
    state.setProperty("supervisor", ProcessIdentity.of(ProcessHandle.current()).toString());
    if (stack != null) {
      state.setProperty("since", Instant.now().toString());
      state.setProperty("cassandra.port", Integer.toString(stack.cassandra().port()));
      state.setProperty("cassandra.pid", identity(stack.cassandra().pid()));
      state.setProperty("kafka.port", Integer.toString(stack.kafka().port()));
      state.setProperty("kafka.pid", identity(stack.kafka().pid()));
    }
    Path next = directory.resolve("stack.properties.next");
    try {
      try (Writer writer = Files.newBufferedWriter(next)) {
        state.store(writer, "A stack that runs detached");
      }
      Files.move(
          next, stateFile(), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  Path failureFile() {
    return directory.resolve("failure.txt");
  }

  Path directory() {
    return directory;
  }

  private StackStatus start(LocalStack.Options options, @Nullable ProcessHandle lease) {
    Process supervisor = launchSupervisor(options, lease);
    int heard = 0;
    while (true) {
      boolean alive = supervisor.isAlive();
      heard = tell(options.report(), heard);
      Optional<StackStatus> status = status();
      if (status.isPresent()) {
        return status.get();
      }
      if (!alive) {
        throw new LocalStackException(failure());
      }
      Pauses.pause();
    }
  }

  private Process launchSupervisor(LocalStack.Options options, @Nullable ProcessHandle lease) {
    List<String> command =
        new ArrayList<>(
            List.of(
                JavaHome.current().executable().toString(),
                "-Xmx32m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                ClassPath.packageJar().toString(),
                Supervisor.class.getName(),
                directory.toString(),
                Integer.toString(options.cassandraPort()),
                Integer.toString(options.kafkaPort())));
    if (lease != null) {
      command.add(ProcessIdentity.of(lease).toString());
    }
    try {
      Files.deleteIfExists(failureFile());
      return new ProcessBuilder(Terminal.outliving(command))
          .directory(directory.toFile())
          .redirectInput(Path.of("/dev/null").toFile())
          .redirectErrorStream(true)
          .redirectOutput(log().toFile())
          .start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Tells the supervisor's news from the given line on; returns the line to go on with. */
  private int tell(Consumer<String> report, int from) {
    try {
      String text = Files.readString(log());
      List<String> lines = text.substring(0, text.lastIndexOf('\n') + 1).lines().toList();
      lines.subList(from, lines.size()).forEach(report);
      return lines.size();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private String failure() {
    try {
      return Files.readString(failureFile());
    } catch (IOException e) {
      return "The stack's supervisor ended. The end of %s:%n%s"
          .formatted(log(), String.join(System.lineSeparator(), ServerProcess.tail(log())));
    }
  }

  private Properties read() {
    Properties state = new Properties();
    try (Reader reader = Files.newBufferedReader(stateFile())) {
      state.load(reader);
    } catch (NoSuchFileException e) {
      return state;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return state;
  }

  private StackStatus locked(java.util.function.Supplier<StackStatus> work) {
    ServerDirectory.requireWritable("The stack", directory);
    synchronized (DetachedStack.class) {
      try (FileChannel channel =
              FileChannel.open(
                  directory.resolve("stack.lock"),
                  StandardOpenOption.CREATE,
                  StandardOpenOption.WRITE);
          FileLock lock = channel.lock()) {
        assert lock.isValid();
        return work.get();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private Path stateFile() {
    return directory.resolve("stack.properties");
  }

  private Path log() {
    return directory.resolve("stack.log");
  }

  private static Optional<ProcessHandle> supervisor(Properties state) {
    return Optional.ofNullable(state.getProperty("supervisor"))
        .flatMap(text -> ProcessIdentity.parse(text).process());
  }

  private static StackStatus.Server server(Properties state, String name) {
    ProcessIdentity identity = ProcessIdentity.parse(state.getProperty(name + ".pid"));
    return new StackStatus.Server(
        Integer.parseInt(state.getProperty(name + ".port")),
        identity.pid(),
        identity.process().isPresent());
  }

  private static String identity(long pid) {
    return ProcessHandle.of(pid).map(ProcessIdentity::of).map(Object::toString).orElse(pid + "@0");
  }
}
