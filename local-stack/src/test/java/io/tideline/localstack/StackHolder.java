package io.tideline.localstack;

import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;

/** A parent to be killed: starts a stack, tells the two process ids and waits for ever. */
final class StackHolder {
  private StackHolder() {}

  public static void main(String[] arguments) throws InterruptedException {
    LocalStack stack = LocalStack.start(Path.of(arguments[0]));
    System.out.println(stack.cassandra().pid() + " " + stack.kafka().pid());
    new CountDownLatch(1).await();
  }
}
