package io.tideline.localstack;

import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;

/** The stack of all tests of one build, or of one JVM when no build is around. */
final class SharedStack {
  static final LocalStack STACK = join();

  private SharedStack() {}

  private static LocalStack join() {
    ProcessHandle holder = build().orElse(ProcessHandle.current());
    Path directory = ClassPath.cache().resolve("shared-" + ProcessIdentity.of(holder));
    LocalStack.Options options = LocalStack.Options.in(directory);
    return LocalStack.of(new DetachedStack(directory).up(options, holder));
  }

  /** The Maven that this JVM works for. */
  private static Optional<ProcessHandle> build() {
    return Stream.iterate(
            ProcessHandle.current().parent(),
            Optional::isPresent,
            process -> process.flatMap(ProcessHandle::parent))
        .flatMap(Optional::stream)
        .filter(SharedStack::isMaven)
        .findFirst();
  }

  private static boolean isMaven(ProcessHandle process) {
    return process.info().commandLine().orElse("").contains("plexus.classworlds.launcher.Launcher");
  }
}
