package io.tideline.node.cli;

import io.tideline.localstack.LocalKafka;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** The line by which other cells reach the Kafka of one: passes connections on, until it is cut. */
public final class CellLine implements AutoCloseable {
  /** How bytes get along, in one direction of a connection, until no more come. */
  @FunctionalInterface
  public interface Passage {
    void pass(InputStream from, OutputStream to) throws IOException;
  }

  private final ServerSocket listening;
  private final int leadsTo;
  private final Passage passage;
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();
  private volatile boolean cut;

  private CellLine(ServerSocket listening, int leadsTo, Passage passage) {
    this.listening = listening;
    this.leadsTo = leadsTo;
    this.passage = passage;
    inBackground(this::accept);
  }

  /** From one free port of this machine to another, on which a Kafka may listen. */
  public static CellLine open() {
    return open(InputStream::transferTo);
  }

  /** The same, where bytes get along in a way of their own. */
  public static CellLine open(Passage passage) {
    try {
      ServerSocket listening = onAnyPort();
      try (ServerSocket probe = onAnyPort()) {
        return new CellLine(listening, probe.getLocalPort(), passage);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("no port is free on this machine", e);
    }
  }

  private static ServerSocket onAnyPort() throws IOException {
    return new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
  }

  /** What the Kafka at its end has to know of it. */
  public LocalKafka.Proxy proxy() {
    return new LocalKafka.Proxy(listening.getLocalPort(), leadsTo);
  }

  /** Where other cells find that Kafka, as host:port. */
  public String bootstrapServers() {
    return NodeProcess.LOOPBACK + ":" + listening.getLocalPort();
  }

  /** Ends all connections and passes no new one on. */
  public void cut() {
    cut = true;
    open.forEach(CellLine::end);
  }

  /** Passes connections on again. */
  public void heal() {
    cut = false;
  }

  private void accept() {
    while (!listening.isClosed()) {
      try {
        connect(listening.accept());
      } catch (IOException e) {
        // Closed.
      }
    }
  }

  private void connect(Socket from) {
    open.add(from);
    try {
      Socket to = new Socket(InetAddress.getLoopbackAddress(), leadsTo);
      open.add(to);
      // Both are known by now: whoever cuts the line from here on ends them.
      if (cut) {
        end(from);
        end(to);
      }
      inBackground(() -> pass(from, to));
      inBackground(() -> pass(to, from));
    } catch (IOException e) {
      // Nobody is there yet; who called tries again.
      end(from);
      open.remove(from);
    }
  }

  private void pass(Socket from, Socket to) {
    try {
      passage.pass(from.getInputStream(), to.getOutputStream());
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
    Thread thread = new Thread(task, "cell-line");
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
  public void close() {
    try {
      listening.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    open.forEach(CellLine::end);
  }
}
