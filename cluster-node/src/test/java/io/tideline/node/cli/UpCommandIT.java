package io.tideline.node.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.tideline.protocols.v1.PostContent;
import io.tideline.protocols.v1.PublishRequest;
import io.tideline.protocols.v1.ReadFeedRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("alone")
class UpCommandIT {
  private static final Duration TO_START = Duration.ofMinutes(5);
  private static final Duration TO_STOP = Duration.ofMinutes(1);

  @TempDir Path home;

  private Process up() throws IOException {
    Path output = home.resolve("up.txt");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx128m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Dtideline.home=" + home,
                "-cp",
                System.getProperty("java.class.path"),
                Tideline.class.getName(),
                "up")
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    await()
        .atMost(TO_START)
        .until(() -> !process.isAlive() || Files.readString(output).contains("Tideline is up"));
    assertThat(process.isAlive()).as(Files.readString(output)).isTrue();
    return process;
  }

  @Test
  void killed_it_leaves_no_process_behind() throws IOException {
    Process up = up();
    List<ProcessHandle> children = up.descendants().toList();
    assertThat(children).as("a node, Cassandra and Kafka").hasSizeGreaterThanOrEqualTo(3);

    up.destroyForcibly();
    await().atMost(TO_STOP).until(() -> children.stream().noneMatch(ProcessHandle::isAlive));
  }

  @Test
  void stopped_it_stops_everything_and_finds_its_data_again() throws IOException {
    var running = new RunningNote(home.resolve(".tideline").resolve("cluster.properties"));
    Process up = up();
    String id = published(running.read().orElseThrow().grpcAddresses());
    List<ProcessHandle> children = up.descendants().toList();
    up.destroy();
    await()
        .atMost(TO_STOP)
        .until(() -> !up.isAlive() && children.stream().noneMatch(ProcessHandle::isAlive));
    assertThat(running.read()).isEmpty();

    Process again = up();
    try (var client = client(running.read().orElseThrow().grpcAddresses())) {
      await().atMost(TO_STOP).until(() -> feed(client).contains(id));
    } finally {
      List<ProcessHandle> rest = again.descendants().toList();
      again.destroy();
      await()
          .atMost(TO_STOP)
          .until(() -> !again.isAlive() && rest.stream().noneMatch(ProcessHandle::isAlive));
    }
  }

  private static FeedClient client(List<String> addresses) {
    return FeedClient.of(addresses, Duration.ofSeconds(60));
  }

  private static String published(List<String> addresses) {
    try (var client = client(addresses)) {
      return client
          .call(
              Methods.PUBLISH,
              PublishRequest.newBuilder()
                  .setAuthorId("ann")
                  .setIdempotencyKey("first")
                  .setContent(PostContent.newBuilder().setText("still here"))
                  .build())
          .getPostId();
    }
  }

  private static List<String> feed(FeedClient client) {
    return client
        .call(Methods.READ_FEED, ReadFeedRequest.newBuilder().setUserId("ann").build())
        .getCardsList()
        .stream()
        .map(card -> card.getPost().getPostId())
        .toList();
  }
}
