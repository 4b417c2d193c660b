package io.tideline.localstack;

import java.io.IOException;
import java.io.PrintStream;

/** What a server's JVM runs: the server, and a watch that ends it with the JVM that started it. */
final class ServerMain {
  private ServerMain() {}

  /** First argument: the server's main class. Rest: the arguments of that class. */
  public static void main(String[] arguments) throws ReflectiveOperationException {
    Thread watch = new Thread(ServerMain::leaveWithTheParent, "parent-watch");
    watch.setDaemon(true);
    watch.start();
    String server = arguments[0];
    String[] rest = new String[arguments.length - 1];
    System.arraycopy(arguments, 1, rest, 0, rest.length);
    if (server.equals("kafka.Kafka")) {
      rest = formatted(rest);
    }
    Class.forName(server).getMethod("main", String[].class).invoke(null, (Object) rest);
  }

  /** Kafka wants its directory formatted for a cluster id, once, before the first start. */
  private static String[] formatted(String[] arguments) throws ReflectiveOperationException {
    String properties = arguments[0];
    String clusterId = arguments[1];
    String[] format = {
      "format", "--ignore-formatted", "--cluster-id=" + clusterId, "-c", properties
    };
    Object status =
        Class.forName("kafka.tools.StorageTool")
            .getMethod("execute", String[].class, PrintStream.class)
            .invoke(null, format, System.out);
    if (!Integer.valueOf(0).equals(status)) {
      System.exit(3);
    }
    return new String[] {properties};
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
    System.exit(0);
  }
}
