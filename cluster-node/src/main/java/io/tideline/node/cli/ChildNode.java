package io.tideline.node.cli;

import io.tideline.node.Main;
import java.io.IOException;
import java.util.concurrent.TimeUnit;

/** What the JVM of a local node runs: the node, and a watch that ends it with its parent. */
final class ChildNode {
  private static final long LONGEST_STOP_SECONDS = 90;

  private ChildNode() {}

  public static void main(String[] arguments) {
    Thread watch = new Thread(ChildNode::leaveWithTheParent, "parent-watch");
    watch.setDaemon(true);
    watch.start();
    Main.main(arguments);
  }

  /** Standard input is a pipe from the parent: it ends when the parent closes it, or is no more. */
  private static void leaveWithTheParent() {
    try {
      while (System.in.read() >= 0) {
        // The parent sends nothing; only the end matters.
      }
    } catch (IOException e) {
      System.err.println("The pipe from the parent broke: " + e);
    }
    Thread limit = new Thread(ChildNode::haltAtTheLatest, "stop-limit");
    limit.setDaemon(true);
    limit.start();
    System.exit(0);
  }

  private static void haltAtTheLatest() {
    try {
      TimeUnit.SECONDS.sleep(LONGEST_STOP_SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    Runtime.getRuntime().halt(1);
  }
}
