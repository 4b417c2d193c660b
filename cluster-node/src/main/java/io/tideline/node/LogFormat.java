package io.tideline.node;

import java.io.IOException;
import java.nio.file.Path;

/** Tells the log configuration who speaks and whether a person or a machine reads. */
final class LogFormat {
  private LogFormat() {}

  /** Must come before the first logger: afterwards the choice is made. */
  static void choose(NodeSettings settings) {
    String wanted = System.getenv("TIDELINE_LOG");
    boolean json = wanted == null ? !isTerminal(Path.of("/dev/stdout")) : wanted.equals("json");
    System.setProperty("tideline.log.format", json ? "json" : "text");
    System.setProperty("tideline.log.cell", settings.cell().name());
    System.setProperty("tideline.log.node", settings.host() + ":" + settings.cluster().port());
  }

  /** Java cannot say; the name of what stands behind the descriptor can, on Linux. */
  private static boolean isTerminal(Path descriptor) {
    try {
      String name = descriptor.toRealPath().toString();
      return name.startsWith("/dev/pts/") || name.startsWith("/dev/tty");
    } catch (IOException e) {
      return false;
    }
  }
}
