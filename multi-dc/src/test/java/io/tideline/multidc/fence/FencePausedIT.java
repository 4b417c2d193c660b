package io.tideline.multidc.fence;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class FencePausedIT {
  private static final String PATIENT =
      """
      pekko.cluster.split-brain-resolver.stable-after = 2s
      pekko.cluster.failure-detector.acceptable-heartbeat-pause = 60s
      """;
  private static final String STRICT =
      """
      pekko.cluster.split-brain-resolver.stable-after = 3s
      pekko.cluster.failure-detector.acceptable-heartbeat-pause = 2s
      pekko.cluster.downing-provider-class =
        "org.apache.pekko.cluster.sbr.SplitBrainResolverProvider"
      pekko.coordinated-shutdown.exit-jvm = on
      """;

  private final List<Node> nodes = new ArrayList<>();

  @AfterEach
  void stop() throws Exception {
    for (Node node : nodes) node.process.destroyForcibly().waitFor();
  }

  @Test
  void a_paused_node_is_closed_until_a_majority_counts_it_in_again() throws Exception {
    Node paused = threeOpenNodes(PATIENT).get(2);

    paused.signal("STOP");
    TimeUnit.SECONDS.sleep(4);
    paused.signal("CONT");

    paused.expectNothingServedOnOldAnswers(Duration.ofSeconds(4));
    paused.expect("OPEN");
    assertThat(nodes.get(0).said).doesNotContain("CLOSED");
  }

  @Test
  void a_node_that_the_others_gave_up_while_it_was_paused_never_opens_again() throws Exception {
    Node paused = threeOpenNodes(STRICT).get(2);

    paused.signal("STOP");
    TimeUnit.SECONDS.sleep(20);
    paused.signal("CONT");

    paused.expectNothingServedOnOldAnswers(Duration.ofSeconds(20));
    assertThat(paused.process.waitFor(40, TimeUnit.SECONDS)).as("the process has left").isTrue();
    assertThat(paused.said).doesNotContain("OPEN");
    assertThat(nodes.get(0).said).doesNotContain("CLOSED");
  }

  @Test
  void a_node_left_alone_by_the_others_closes() throws Exception {
    List<Node> three = threeOpenNodes(PATIENT);
    three.get(1).signal("STOP");
    three.get(2).signal("STOP");
    three.get(0).expect("CLOSED");
    three.get(1).signal("CONT");
    three.get(0).expect("OPEN");
  }

  private List<Node> threeOpenNodes(String settings) throws Exception {
    int seed = freePort();
    for (int port : new int[] {seed, freePort(), freePort()})
      nodes.add(new Node(port, seed, settings));
    for (Node node : nodes) node.expect("READY");
    return nodes;
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  private static final class Node {
    final Process process;
    final BlockingQueue<String> said = new LinkedBlockingQueue<>();

    Node(int port, int seed, String settings) throws IOException {
      process =
          new ProcessBuilder(
                  System.getProperty("java.home") + "/bin/java",
                  "-Xmx96m",
                  "-XX:+UseSerialGC",
                  "-XX:TieredStopAtLevel=1",
                  "-cp",
                  System.getProperty("java.class.path"),
                  FenceProcess.class.getName(),
                  Integer.toString(port),
                  Integer.toString(seed),
                  settings)
              .redirectErrorStream(true)
              .start();
      Thread reader = new Thread(this::read, "node " + port);
      reader.setDaemon(true);
      reader.start();
    }

    private void read() {
      try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
        lines
            .lines()
            .filter(line -> line.matches("OPEN|CLOSED|READY|RESUMED .*"))
            .forEach(said::add);
      } catch (IOException e) {
        said.add("BROKEN " + e);
      }
    }

    void signal(String name) throws Exception {
      assertThat(
              new ProcessBuilder("kill", "-" + name, Long.toString(process.pid()))
                  .start()
                  .waitFor())
          .isZero();
    }

    void expect(String line) throws InterruptedException {
      String next;
      do next = said.poll(60, TimeUnit.SECONDS);
      while (next != null && !next.equals(line));
      assertThat(next).as("what the node says").isEqualTo(line);
    }

    /** Whoever serves after the pause has been counted in after the pause. */
    void expectNothingServedOnOldAnswers(Duration pause) throws InterruptedException {
      String resumed = said.poll(30, TimeUnit.SECONDS);
      assertThat(resumed).startsWith("RESUMED ");
      String[] words = resumed.split(" ", -1);
      if (Boolean.parseBoolean(words[1]))
        assertThat(Long.parseLong(words[2])).isLessThan(pause.toMillis());
      else expect("CLOSED");
    }
  }
}
