package io.tideline.node.cli;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What a node runs from.
 *
 * @param root the checkout that it was built in
 */
record Build(Path root, String classPath) {

  /** What this process runs from, without the tests when it runs some. */
  static Build running() {
    String classPath =
        Stream.of(System.getProperty("java.class.path").split(File.pathSeparator, -1))
            .filter(entry -> !entry.endsWith(File.separator + "test-classes"))
            .collect(Collectors.joining(File.pathSeparator));
    return new Build(Home.ofLauncher().root().normalize(), classPath);
  }

  /** What is built in a checkout; of this process's own, if it runs from loose classes, those. */
  static Build in(Path root) {
    Path checkout = root.toAbsolutePath().normalize();
    Build running = running();
    if (checkout.equals(running.root()) && running.isLoose()) return running;
    Path target = checkout.resolve("cluster-node").resolve("target");
    Path jar = newestJar(target).orElseThrow(() -> notBuilt(checkout));
    String libraries = read(target.resolve("class-path")).orElseThrow(() -> notBuilt(checkout));
    for (String library : libraries.split(File.pathSeparator, -1)) {
      if (!Files.exists(Path.of(library))) {
        throw new CommandFailure(
            ExitCode.USAGE,
            "the build in %s is not whole: %s is missing; build it again"
                .formatted(checkout, library));
      }
    }
    return new Build(checkout, jar + File.pathSeparator + libraries);
  }

  private boolean isLoose() {
    return Stream.of(classPath.split(File.pathSeparator, -1))
        .map(Path::of)
        .anyMatch(Files::isDirectory);
  }

  private static CommandFailure notBuilt(Path checkout) {
    return new CommandFailure(
        ExitCode.USAGE, "%s holds no build; run ./tideline --help there once".formatted(checkout));
  }

  private static Optional<Path> newestJar(Path target) {
    if (!Files.isDirectory(target)) return Optional.empty();
    try (Stream<Path> files = Files.list(target)) {
      List<Path> jars =
          files
              .filter(
                  file ->
                      file.getFileName()
                          .toString()
                          .matches("tideline-cluster-node-(?!.*-sources).*\\.jar"))
              .sorted(Comparator.comparing(file -> file.toFile().lastModified()))
              .toList();
      return jars.isEmpty() ? Optional.empty() : Optional.of(jars.get(jars.size() - 1));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot list " + target, e);
    }
  }

  private static Optional<String> read(Path file) {
    if (!Files.isReadable(file)) return Optional.empty();
    try {
      return Optional.of(Files.readString(file).strip()).filter(text -> !text.isEmpty());
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file, e);
    }
  }
}
