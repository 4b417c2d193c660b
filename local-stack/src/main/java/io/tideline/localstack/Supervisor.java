package io.tideline.localstack;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;

/** The JVM that holds a detached stack until it is told to end, or until its lease ends. */
final class Supervisor {
  private Supervisor() {}

  /** Arguments: the directory, the two ports, and for a lease the process that holds it. */
  public static void main(String[] arguments) throws IOException, InterruptedException {
    DetachedStack detached = new DetachedStack(Path.of(arguments[0]));
    LocalStack.Options options =
        LocalStack.Options.in(detached.directory())
            .withPorts(Integer.parseInt(arguments[1]), Integer.parseInt(arguments[2]))
            .withReport(System.out::println);
    detached.note(null);
    LocalStack stack;
    try {
      stack = LocalStack.start(options);
    } catch (LocalStackException e) {
      Files.writeString(detached.failureFile(), String.valueOf(e.getMessage()));
      System.exit(1);
      return;
    }
    Runtime.getRuntime().addShutdownHook(new Thread(stack::close, "stop"));
    detached.note(stack);
    if (arguments.length > 3) {
      ProcessIdentity.parse(arguments[3]).process().ifPresent(holder -> holder.onExit().join());
      stack.close();
      deleteTree(detached.directory());
    } else {
      new CountDownLatch(1).await();
    }
  }

  private static void deleteTree(Path directory) {
    try (Stream<Path> tree = Files.walk(directory)) {
      List<Path> deepestFirst = tree.sorted(Comparator.reverseOrder()).toList();
      for (Path path : deepestFirst) {
        Files.delete(path);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
