package io.tideline.node;

import static io.tideline.node.TestNode.ok;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.typesafe.config.Config;
import io.tideline.localstack.LocalCassandra;
import io.tideline.localstack.LocalStack;
import io.tideline.multidc.PostsLog;
import io.tideline.multidc.log.ParkedLine;
import io.tideline.node.cli.Tideline;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.PostLine;
import io.tideline.protocols.log.v1.PostLineKind;
import io.tideline.protocols.v1.Post;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Lines that are parked, as an operator has them replayed. */
@Timeout(300)
class ParkedLinesIT {
  private static final int USAGE = 2;

  private final UserId author = new UserId(TestNode.user("author"));

  private record Ended(int exitCode, String said) {}

  @Test
  void a_line_is_replayed_into_the_log_of_its_cell_or_not_at_all() throws Exception {
    try (TestNode node = TestNode.start("netty", Map.of())) {
      Config config = node.system().settings().config();
      String cell = config.getString("tideline.node.cell.name");
      PostsLog log = node.node().log();
      PostLine line = published();
      ok(
          log.parked()
              .park(
                  new ConsumerRecord<>(
                      "tideline.posts." + cell,
                      0,
                      7,
                      author.value().getBytes(UTF_8),
                      line.toByteArray()),
                  "for the test"));
      List<Long> parked = parked(log);
      String number = parked.get(0).toString();

      String other = TestNode.newName();
      Ended refused = tideline(other, cell, "parked", "replay", number);
      assertThat(refused.said())
          .contains("there is no topic tideline.posts." + other, "TIDELINE_CELL");
      assertThat(refused.exitCode()).isEqualTo(USAGE);
      assertThat(tideline(other, cell, "parked", "list").exitCode()).isEqualTo(USAGE);
      assertThat(topics()).noneMatch(topic -> topic.endsWith(other));
      assertThat(parked(log)).isEqualTo(parked);

      Ended replayed = tideline(cell, cell, "parked", "replay", number);
      assertThat(replayed.said()).contains("1 appended again");
      assertThat(replayed.exitCode()).isZero();
      await()
          .atMost(Duration.ofSeconds(20))
          .untilAsserted(
              () ->
                  assertThat(log.recent(author, Positions.EMPTY))
                      .extracting(PostRef::id)
                      .containsExactly(PostId.fromBytes(line.getPostId())));
      assertThat(parked(log)).isEmpty();
    }
  }

  private PostLine published() {
    long at = new HybridClock(InstantSource.system()).next();
    return PostLine.newBuilder()
        .setKind(PostLineKind.POST_LINE_KIND_PUBLISHED)
        .setPostId(PostId.of(at, 1, author, "parked").toByteString())
        .setAuthorId(author.value())
        .setVersion(at)
        .setOriginCell(1)
        .setSequence(1)
        .setPost(Post.newBuilder().setText("parked").build().toByteString())
        .build();
  }

  private List<Long> parked(PostsLog log) {
    return ok(log.parked().list(Integer.MAX_VALUE)).stream()
        .filter(line -> line.key().toStringUtf8().equals(author.value()))
        .map(ParkedLine::offset)
        .toList();
  }

  private static Set<String> topics() throws Exception {
    try (Admin admin =
        Admin.create(Map.of("bootstrap.servers", LocalStack.shared().kafka().bootstrapServers()))) {
      return admin.listTopics().names().get(20, TimeUnit.SECONDS);
    }
  }

  private static Ended tideline(String cell, String keyspace, String... command) throws Exception {
    LocalStack stack = LocalStack.shared();
    Process process =
        TestNode.program(
                Tideline.class,
                Map.of(
                    "TIDELINE_CELL",
                    cell,
                    "TIDELINE_KAFKA",
                    stack.kafka().bootstrapServers(),
                    "TIDELINE_CASSANDRA",
                    stack.cassandra().contactPoint(),
                    "TIDELINE_CASSANDRA_DC",
                    LocalCassandra.DATA_CENTER,
                    "TIDELINE_CASSANDRA_KEYSPACE",
                    keyspace),
                command)
            .start();
    String said = new String(process.getInputStream().readAllBytes(), UTF_8);
    return new Ended(process.waitFor(), said);
  }
}
