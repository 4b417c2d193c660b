package io.tideline.localstack;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** One running server in a JVM of its own. */
final class ServerProcess implements RunningServer {
  private static final Duration TO_START = Duration.ofMinutes(2);
  private static final Duration TO_STOP = Duration.ofSeconds(30);
  private static final int LAST_WORDS = 15;

  /** Asks a server whether it serves; throws when nobody answers. */
  interface Probe {
    boolean isReady() throws IOException;
  }

  /** What to run, and where. */
  record Blueprint(
      String server,
      ServerDirectory directory,
      JavaHome java,
      ClassPath classPath,
      List<String> jvmFlags,
      List<String> mainArguments,
      int port,
      Probe probe,
      Consumer<String> report) {}

  private final Blueprint blueprint;
  private final Path archive;
  private final @Nullable Path archiveInTheMaking;
  private final Process process;
  private volatile boolean ending;

  private ServerProcess(Blueprint blueprint) {
    this.blueprint = blueprint;
    archive = blueprint.classPath().archive(blueprint.java());
    archiveInTheMaking =
        Files.exists(archive) ? null : blueprint.directory().resolve("class-data.jsa");
    deleteArchiveInTheMaking();
    process = launch();
  }

  /** Starts the server and returns when it serves. */
  static ServerProcess start(Blueprint blueprint) {
    Instant begin = Instant.now();
    ServerProcess server = new ServerProcess(blueprint);
    blueprint.directory().noteProcess(server.process.toHandle());
    try {
      server.awaitReady(begin.plus(TO_START));
    } catch (RuntimeException e) {
      server.kill();
      throw e;
    }
    blueprint
        .report()
        .accept(
            "%s is up on %s:%d after %.1f s (process %d)"
                .formatted(
                    blueprint.server(),
                    Ports.LOOPBACK,
                    blueprint.port(),
                    Duration.between(begin, Instant.now()).toMillis() / 1000.0,
                    server.pid()));
    var unused = server.process.onExit().thenAccept(ended -> server.reportUnlessEnding());
    return server;
  }

  @Override
  public long pid() {
    return process.pid();
  }

  @Override
  public boolean isAlive() {
    return process.isAlive();
  }

  /** Lets the server finish its work; a server that does not leave in time is killed. */
  @Override
  public void stop() {
    ending = true;
    if (process.isAlive()) {
      closePipe();
      if (exitsWithin(TO_STOP)) {
        keepArchive();
      } else {
        kill();
      }
    }
  }

  @Override
  public void kill() {
    ending = true;
    process.destroyForcibly();
    exitsWithin(TO_STOP);
    deleteArchiveInTheMaking();
  }

  private Process launch() {
    List<String> jvm = new ArrayList<>(blueprint.jvmFlags());
    jvm.add("-Xlog:disable");
    jvm.add("-Xlog:all=error:stderr");
    jvm.add(
        archiveInTheMaking == null
            ? "-XX:SharedArchiveFile=" + archive
            : "-XX:ArchiveClassesAtExit=" + archiveInTheMaking);
    jvm.add("-cp");
    jvm.add(blueprint.classPath().toString());
    jvm.add(ServerMain.class.getName());
    jvm.addAll(blueprint.mainArguments());
    Path arguments = blueprint.directory().resolve("jvm.args");
    Path console = console();
    try {
      Files.createDirectories(console.getParent());
      Files.write(arguments, jvm.stream().map(ServerProcess::quoted).toList());
      String java = blueprint.java().executable().toString();
      return new ProcessBuilder(Terminal.outliving(List.of(java, "@" + arguments)))
          .directory(blueprint.directory().path().toFile())
          .redirectErrorStream(true)
          .redirectOutput(console.toFile())
          .start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void awaitReady(Instant deadline) {
    while (!answers()) {
      if (!process.isAlive()) {
        throw new LocalStackException(death("did not start"));
      }
      if (Instant.now().isAfter(deadline)) {
        throw new LocalStackException(
            "%s was not ready after %d s. %s"
                .formatted(blueprint.server(), TO_START.toSeconds(), lastWords()));
      }
      Pauses.pause();
    }
    ProcessHandle owner = Ports.owner(blueprint.port()).orElse(process.toHandle());
    if (owner.pid() != pid()) {
      throw new LocalStackException(
          "Process %d took port %d while %s was starting. Start again."
              .formatted(owner.pid(), blueprint.port(), blueprint.server()));
    }
  }

  private boolean answers() {
    try {
      return blueprint.probe().isReady();
    } catch (IOException e) {
      return false;
    }
  }

  private void reportUnlessEnding() {
    if (!ending) {
      blueprint.report().accept(death("died"));
    }
  }

  private String death(String verb) {
    return "%s %s (process %d, exit code %d). %s"
        .formatted(blueprint.server(), verb, pid(), process.exitValue(), lastWords());
  }

  private String lastWords() {
    List<String> lines = new ArrayList<>();
    for (Path log : List.of(logs().resolve("server.log"), console())) {
      List<String> tail = tail(log);
      if (!tail.isEmpty()) {
        lines.add("The end of " + log + ":");
        lines.addAll(tail);
      }
    }
    return lines.isEmpty() ? "It wrote nothing." : String.join(System.lineSeparator(), lines);
  }

  private Path logs() {
    return blueprint.directory().resolve("logs");
  }

  private Path console() {
    return logs().resolve("console.log");
  }

  static List<String> tail(Path file) {
    try {
      byte[] bytes = Files.exists(file) ? Files.readAllBytes(file) : new byte[0];
      List<String> lines = new String(bytes, StandardCharsets.UTF_8).lines().toList();
      return lines.subList(Math.max(0, lines.size() - LAST_WORDS), lines.size());
    } catch (IOException e) {
      return List.of();
    }
  }

  private void closePipe() {
    try {
      process.getOutputStream().close();
    } catch (IOException e) {
      // The pipe is already broken: the server is on its way out.
    }
  }

  private boolean exitsWithin(Duration time) {
    try {
      return process.waitFor(time.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  /** The class data are complete once the server has left in good order. */
  private void keepArchive() {
    if (archiveInTheMaking != null && process.exitValue() == 0) {
      try {
        Files.move(archiveInTheMaking, archive, StandardCopyOption.ATOMIC_MOVE);
      } catch (IOException e) {
        // On another disk, or not written: a later run may do better.
        deleteArchiveInTheMaking();
      }
    }
  }

  private void deleteArchiveInTheMaking() {
    if (archiveInTheMaking != null) {
      try {
        Files.deleteIfExists(archiveInTheMaking);
      } catch (IOException e) {
        blueprint.report().accept("Could not delete " + archiveInTheMaking + ": " + e);
      }
    }
  }

  private static String quoted(String argument) {
    return '"' + argument.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
  }
}
