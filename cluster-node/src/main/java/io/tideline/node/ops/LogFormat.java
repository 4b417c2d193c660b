package io.tideline.node.ops;

import ch.qos.logback.core.PropertyDefinerBase;
import java.io.IOException;
import java.nio.file.Path;

/** {@code text} when a person reads the log, {@code json} when a machine does. */
public final class LogFormat extends PropertyDefinerBase {
  @Override
  public String getPropertyValue() {
    String wanted = System.getenv("TIDELINE_LOG");
    if (wanted != null) return wanted.equals("json") ? "json" : "text";
    return isTerminal(Path.of("/dev/stdout")) ? "text" : "json";
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
