package io.tideline.node;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Passes connections on, until the line is cut. */
final class TestProxy implements AutoCloseable {
  private final ServerSocket listening;
  private final int leadsTo;
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();
  private volatile boolean cut;

  TestProxy(int leadsTo) throws IOException {
    this.leadsTo = leadsTo;
    listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    inBackground(this::accept);
  }

  int port() {
    return listening.getLocalPort();
  }

  /** Ends all connections and passes no new one on. */
  void cut() {
    cut = true;
    open.forEach(TestProxy::end);
  }

  void heal() {
    cut = false;
  }

  private void accept() {
    while (!listening.isClosed()) {
      try {
        Socket from = listening.accept();
        if (cut) {
          end(from);
        } else {
          connect(from);
        }
      } catch (IOException e) {
        // Closed.
      }
    }
  }

  private void connect(Socket from) {
    try {
      Socket to = new Socket(InetAddress.getLoopbackAddress(), leadsTo);
      open.add(from);
      open.add(to);
      inBackground(() -> pass(from, to));
      inBackground(() -> pass(to, from));
    } catch (IOException e) {
      // Nobody is there yet; who called tries again.
      end(from);
    }
  }

  private void pass(Socket from, Socket to) {
    try {
      from.getInputStream().transferTo(to.getOutputStream());
    } catch (IOException e) {
      // Cut, or one of the two has ended it.
    } finally {
      end(from);
      end(to);
      open.remove(from);
      open.remove(to);
    }
  }

  private static void inBackground(Runnable task) {
    Thread thread = new Thread(task, "test-proxy");
    thread.setDaemon(true);
    thread.start();
  }

  private static void end(Socket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() throws IOException {
    listening.close();
    open.forEach(TestProxy::end);
  }
}
