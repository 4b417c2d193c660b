package io.tideline.node.api;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;

/** A way to a server that can stop carrying anything, with all connections open. */
final class StallingLine implements AutoCloseable {
  private final ServerSocket front;
  private final InetSocketAddress server;
  private final CountDownLatch closed = new CountDownLatch(1);
  private final List<Socket> sockets = new CopyOnWriteArrayList<>();
  private volatile boolean stalled;

  private StallingLine(ServerSocket front, InetSocketAddress server) {
    this.front = front;
    this.server = server;
  }

  static StallingLine to(InetSocketAddress server) throws IOException {
    var line = new StallingLine(new ServerSocket(0, 50, InetAddress.getLoopbackAddress()), server);
    start(line::accept);
    return line;
  }

  String address() {
    return "127.0.0.1:" + front.getLocalPort();
  }

  /** From now on nothing comes through. */
  void stall() {
    stalled = true;
  }

  private void accept() throws IOException {
    while (true) {
      Socket caller = front.accept();
      Socket called = new Socket(server.getAddress(), server.getPort());
      sockets.addAll(List.of(caller, called));
      start(() -> carry(caller.getInputStream(), called.getOutputStream()));
      start(() -> carry(called.getInputStream(), caller.getOutputStream()));
    }
  }

  private void carry(InputStream from, OutputStream to) throws IOException, InterruptedException {
    byte[] bytes = new byte[8_192];
    for (int read = from.read(bytes); read >= 0; read = from.read(bytes)) {
      if (stalled) closed.await();
      to.write(bytes, 0, read);
    }
  }

  /** Something that ends when its sockets are closed. */
  private interface Carrier {
    void run() throws IOException, InterruptedException;
  }

  private static void start(Carrier carrier) {
    Thread thread =
        new Thread(
            () -> {
              try {
                carrier.run();
              } catch (IOException | InterruptedException e) {
                // The line is closed.
              }
            });
    thread.setDaemon(true);
    thread.start();
  }

  @Override
  public void close() throws IOException {
    closed.countDown();
    front.close();
    for (Socket socket : sockets) socket.close();
  }
}
