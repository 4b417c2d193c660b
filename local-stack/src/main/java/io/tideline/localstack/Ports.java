package io.tideline.localstack;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;

/** Finds free ports on the loopback address, and who holds the others. */
final class Ports {
  /** Below the ports that outgoing connections take, so that a restart finds its port again. */
  private static final int LOWEST = 15_000;

  private static final int HIGHEST = 32_000;
  static final String LOOPBACK = "127.0.0.1";
  private static final Set<Integer> HANDED_OUT = new HashSet<>();

  private Ports() {}

  /** The requested port, or with 0 the remembered one when it is free, or else any free one. */
  static int choose(String server, int requested, int remembered) {
    if (requested > 0) {
      requireFree(server, requested);
      return requested;
    }
    if (remembered > 0 && isFree(remembered)) {
      return remembered;
    }
    synchronized (HANDED_OUT) {
      while (true) {
        int port = ThreadLocalRandom.current().nextInt(LOWEST, HIGHEST);
        if (!HANDED_OUT.contains(port) && isFree(port)) {
          HANDED_OUT.add(port);
          return port;
        }
      }
    }
  }

  static void requireFree(String server, int port) {
    if (!isFree(port)) {
      throw new LocalStackException(
          "%s cannot have port %d: it is taken by %s. Stop that process or choose another port."
              .formatted(
                  server,
                  port,
                  owner(port).map(Ports::description).orElse("a process we cannot see")));
    }
  }

  /** The process that listens on the port, where the system tells. */
  static Optional<ProcessHandle> owner(int port) {
    Set<String> sockets = new HashSet<>();
    for (String table : List.of("/proc/net/tcp", "/proc/net/tcp6")) {
      try {
        for (String line : Files.readAllLines(Path.of(table))) {
          String[] fields = line.trim().split("\\s+", -1);
          boolean listens = fields.length > 9 && fields[3].equals("0A");
          if (listens && fields[1].endsWith(":%04X".formatted(port))) {
            sockets.add("socket:[" + fields[9] + "]");
          }
        }
      } catch (IOException e) {
        // Not a Linux: the owner stays unknown.
      }
    }
    return sockets.isEmpty()
        ? Optional.empty()
        : ProcessHandle.allProcesses().filter(process -> holdsOneOf(process, sockets)).findFirst();
  }

  /** The port on the loopback address. */
  static InetSocketAddress address(int port) throws IOException {
    return new InetSocketAddress(InetAddress.getByAddress(new byte[] {127, 0, 0, 1}), port);
  }

  private static boolean isFree(int port) {
    try (ServerSocket socket = new ServerSocket()) {
      socket.setReuseAddress(true);
      socket.bind(address(port));
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  private static boolean holdsOneOf(ProcessHandle process, Set<String> sockets) {
    Path files = Path.of("/proc", Long.toString(process.pid()), "fd");
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(files)) {
      for (Path entry : entries) {
        if (sockets.contains(Files.readSymbolicLink(entry).toString())) {
          return true;
        }
      }
    } catch (IOException e) {
      // The process ended meanwhile, or belongs to another user.
    }
    return false;
  }

  private static String description(ProcessHandle process) {
    String command = process.info().commandLine().orElse("command unknown");
    String shortened = command.length() > 120 ? command.substring(0, 120) + "..." : command;
    return "process %d (%s)".formatted(process.pid(), shortened);
  }
}
