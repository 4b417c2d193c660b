package io.tideline.node.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(10)
class CellLineTest {
  @Test
  void it_carries_nothing_while_it_is_cut_and_everything_when_it_is_healed() throws Exception {
    try (CellLine line = CellLine.open();
        ServerSocket kafka =
            new ServerSocket(line.proxy().leadsTo(), 50, InetAddress.getLoopbackAddress());
        Socket before = call(line);
        Socket taken = kafka.accept()) {
      pass(before, taken);
      pass(taken, before);

      line.cut();
      assertEnded(before);
      assertEnded(taken);
      try (Socket meanwhile = call(line)) {
        assertEnded(meanwhile);
      }

      line.heal();
      try (Socket refused = kafka.accept();
          Socket after = call(line);
          Socket takenAgain = kafka.accept()) {
        assertEnded(refused);
        pass(after, takenAgain);
      }
    }
  }

  @Test
  void it_leads_on_from_the_moment_at_which_somebody_listens_there() throws Exception {
    try (CellLine line = CellLine.open()) {
      try (Socket early = call(line)) {
        assertEnded(early);
      }
      try (ServerSocket kafka =
              new ServerSocket(line.proxy().leadsTo(), 50, InetAddress.getLoopbackAddress());
          Socket caller = call(line);
          Socket taken = kafka.accept()) {
        pass(caller, taken);
      }
    }
  }

  private static Socket call(CellLine line) throws IOException {
    return new Socket(InetAddress.getLoopbackAddress(), line.proxy().port());
  }

  private static void pass(Socket from, Socket to) throws IOException {
    from.getOutputStream().write(42);
    assertThat(to.getInputStream().read()).isEqualTo(42);
  }

  private static void assertEnded(Socket socket) {
    assertThatIOException()
        .isThrownBy(
            () -> {
              if (socket.getInputStream().read() < 0) throw new EOFException();
            });
  }
}
