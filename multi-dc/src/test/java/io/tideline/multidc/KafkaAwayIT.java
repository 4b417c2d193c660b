package io.tideline.multidc;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.datastax.oss.driver.api.core.CqlSession;
import com.google.protobuf.ByteString;
import com.typesafe.config.ConfigFactory;
import io.tideline.localstack.LocalCassandra;
import io.tideline.localstack.LocalKafka;
import io.tideline.localstack.LocalStack;
import io.tideline.localstack.LocalStackExtension;
import io.tideline.multidc.log.LogSettings;
import io.tideline.multidc.log.LogUnavailableException;
import io.tideline.persistence.posts.PostStore;
import io.tideline.persistence.timeline.Inbox;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.PostLine;
import io.tideline.protocols.log.v1.PostLineKind;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(LocalStackExtension.class)
class KafkaAwayIT {
  private static final String KEYSPACE = "kafka_away_it";
  private static final UserId ANN = new UserId("ann");
  private static ActorTestKit kit;
  private static CqlSession session;
  private static PostStore store;

  @TempDir Path directory;
  private final HybridClock clock = new HybridClock(InstantSource.system());

  @BeforeAll
  static void connect(LocalStack stack) throws Exception {
    kit = ActorTestKit.create();
    session =
        CqlSession.builder()
            .addContactPoint(stack.cassandra().address())
            .withLocalDatacenter(LocalCassandra.DATA_CENTER)
            .build();
    PostStore.createSchema(
            session, KEYSPACE, "{'class': 'SimpleStrategy', 'replication_factor': 1}")
        .toCompletableFuture()
        .get(30, SECONDS);
    store = new PostStore(session, KEYSPACE);
  }

  @AfterAll
  static void disconnect() {
    session.close();
    kit.shutdownTestKit();
  }

  private PostsLog start(LocalKafka kafka, String cellName, String overrides) {
    String config =
        "tideline.multi-dc.log { bootstrap-servers = \"%s\", topics.partitions = 2, %s }"
            .formatted(kafka.bootstrapServers(), overrides);
    LogSettings settings =
        LogSettings.from(ConfigFactory.parseString(config).withFallback(ConfigFactory.load()));
    return PostsLog.start(
        kit.system(), settings, 1, cellName, List.of(), store, clock, (line, ref) -> {});
  }

  private PostLine published(long sequence) {
    return published(ANN, sequence);
  }

  private PostLine published(UserId author, long sequence) {
    long at = clock.next();
    return PostLine.newBuilder()
        .setKind(PostLineKind.POST_LINE_KIND_PUBLISHED)
        .setPostId(PostId.of(at, 1, author, "kafka away " + sequence).toByteString())
        .setAuthorId(author.value())
        .setVersion(at)
        .setOriginCell(1)
        .setSequence(sequence)
        .setPost(ByteString.copyFromUtf8("text " + sequence))
        .build();
  }

  private static List<PostId> ids(List<PostLine> lines) {
    return lines.stream().map(line -> PostId.fromBytes(line.getPostId())).toList();
  }

  /** Appends as an author's entity does: again and again until the log has taken the line. */
  private static CompletableFuture<Void> append(PostsLog log, PostLine line) {
    return log.writer()
        .append(line)
        .exceptionallyComposeAsync(
            failure -> append(log, line), CompletableFuture.delayedExecutor(200, MILLISECONDS))
        .toCompletableFuture();
  }

  @Test
  void a_broker_that_is_killed_while_lines_flow_loses_none_and_repeats_none() throws Exception {
    try (LocalKafka kafka = LocalKafka.start(LocalKafka.Options.in(directory))) {
      PostsLog log = start(kafka, "killed", "writer.delivery-timeout = 3s");
      await().atMost(Duration.ofSeconds(20)).until(() -> log.tail().caughtUp());
      Inbox inbox = new Inbox(100_000, () -> {});
      log.register(ANN, inbox);
      List<PostLine> lines = IntStream.range(1, 3_001).mapToObj(this::published).toList();
      List<CompletableFuture<Void>> appended = new ArrayList<>();
      for (int i = 0; i < lines.size(); i++) {
        appended.add(append(log, lines.get(i)));
        if (i == 1_000) {
          await().atMost(Duration.ofSeconds(20)).until(() -> log.writer().appended() > 100);
          kafka.kill();
        }
      }
      await().atMost(Duration.ofSeconds(30)).until(() -> !log.writer().healthy());
      kafka.restart();
      CompletableFuture.allOf(appended.toArray(CompletableFuture<?>[]::new)).get(120, SECONDS);

      await()
          .atMost(Duration.ofSeconds(60))
          .until(() -> log.recent(ANN, Positions.EMPTY).size() >= 3_000);
      assertThat(log.recent(ANN, Positions.EMPTY))
          .extracting(PostRef::id)
          .containsExactlyInAnyOrderElementsOf(ids(lines));
      assertThat(inbox.drain())
          .extracting(PostRef::id)
          .containsExactlyInAnyOrderElementsOf(ids(lines));
      await()
          .atMost(Duration.ofSeconds(60))
          .until(
              () ->
                  store.findAll(ids(lines)).toCompletableFuture().get(20, SECONDS).size() == 3_000);
      assertThat(log.writer().healthy()).isTrue();
      assertThat(log.writer().pending()).isZero();
      assertThat(log.tail().outOfRange()).isZero();
      log.stop().toCompletableFuture().get(20, SECONDS);
    }
  }

  @Test
  void a_node_starts_without_a_broker_and_goes_on_when_it_comes() throws Exception {
    LocalKafka kafka = LocalKafka.start(LocalKafka.Options.in(directory));
    kafka.kill();
    try (kafka) {
      PostsLog log = start(kafka, "absent", "writer.delivery-timeout = 2s");
      Inbox inbox = new Inbox(100, () -> {});
      log.register(ANN, inbox);
      PostLine line = published(1);
      CompletableFuture<Void> appended = log.writer().append(line).toCompletableFuture();
      assertThat(appended)
          .failsWithin(Duration.ofSeconds(10))
          .withThrowableOfType(ExecutionException.class);
      assertThat(log.writer().healthy()).isFalse();
      assertThat(log.writer().lastError()).isNotNull();
      assertThat(log.tail().caughtUp()).isFalse();
      assertThat(log.reachesBack(Positions.EMPTY)).isFalse();

      kafka.restart();
      append(log, line).get(30, SECONDS);
      await().atMost(Duration.ofSeconds(30)).until(() -> log.tail().caughtUp());
      List<PostRef> refs = new ArrayList<>();
      await()
          .atMost(Duration.ofSeconds(30))
          .until(
              () -> {
                refs.addAll(inbox.drain());
                return !refs.isEmpty();
              });
      assertThat(refs).extracting(PostRef::id).containsExactlyElementsOf(ids(List.of(line)));
      log.stop().toCompletableFuture().get(20, SECONDS);
    }
  }

  @Test
  void a_partition_without_a_leader_holds_up_no_other() throws Exception {
    try (LocalKafka kafka = LocalKafka.start(LocalKafka.Options.in(directory.resolve("one")));
        Admin admin = Admin.create(Map.of("bootstrap.servers", kafka.bootstrapServers()))) {
      // Makes the topic of committed offsets, which the first broker must have.
      TopicPartition any = new TopicPartition("any", 0);
      admin.createTopics(List.of(new NewTopic("any", 1, (short) 1))).all().get(20, SECONDS);
      admin
          .alterConsumerGroupOffsets("any", Map.of(any, new OffsetAndMetadata(0)))
          .all()
          .get(20, SECONDS);
      try (SecondBroker second = SecondBroker.of(kafka, directory)) {
        await()
            .atMost(Duration.ofSeconds(30))
            .until(() -> admin.describeCluster().nodes().get(5, SECONDS).size() == 2);
        admin
            .createTopics(
                List.of(
                    new NewTopic("tideline.posts.lame", Map.of(0, List.of(1), 1, List.of(2))),
                    new NewTopic("tideline.intents.lame", Map.of(0, List.of(1), 1, List.of(1))),
                    new NewTopic("tideline.parked", Map.of(0, List.of(1)))))
            .all()
            .get(20, SECONDS);
        PostsLog log = start(kafka, "lame", "tail.max-references = 100");
        await().atMost(Duration.ofSeconds(20)).until(() -> log.tail().caughtUp());
        UserId author =
            IntStream.range(0, 20)
                .mapToObj(i -> new UserId("author-" + i))
                .filter(user -> partitionOf(log, user) == 0)
                .findFirst()
                .orElseThrow();

        second.kill();
        for (int i = 2; i <= 1_000; i++) append(log, published(author, i)).get(30, SECONDS);

        await()
            .atMost(Duration.ofSeconds(60))
            .untilAsserted(
                () -> assertThat(log.recentPosts().lastSequence(author, 1)).isEqualTo(1_000));
        Positions end = log.end(author, true).toCompletableFuture().get(20, SECONDS);
        assertThat(end.next(log.recent(author, Positions.EMPTY).get(0).partition))
            .isGreaterThanOrEqualTo(1_000);
        await()
            .atMost(Duration.ofSeconds(60))
            .until(log::unknownEnds, List.of("tideline.posts.lame")::equals);
        log.stop().toCompletableFuture().get(20, SECONDS);
      }
    }
  }

  private int partitionOf(PostsLog log, UserId author) {
    append(log, published(author, 1)).orTimeout(30, SECONDS).join();
    await()
        .atMost(Duration.ofSeconds(20))
        .until(() -> !log.recent(author, Positions.EMPTY).isEmpty());
    return log.recent(author, Positions.EMPTY).get(0).partition.partition();
  }

  @Test
  void what_is_too_much_to_wait_is_refused_at_once() throws Exception {
    LocalKafka kafka = LocalKafka.start(LocalKafka.Options.in(directory));
    kafka.kill();
    try (kafka) {
      PostsLog log = start(kafka, "full", "writer.max-unacknowledged = 5");
      List<CompletableFuture<Void>> appended =
          IntStream.range(1, 8)
              .mapToObj(i -> log.writer().append(published(i)).toCompletableFuture())
              .toList();
      assertThat(appended.subList(0, 5)).noneMatch(CompletableFuture::isDone);
      assertThat(appended.get(5))
          .failsWithin(Duration.ZERO)
          .withThrowableOfType(ExecutionException.class)
          .withCauseInstanceOf(LogUnavailableException.class);
      assertThat(log.writer().pending()).isEqualTo(5);
      CompletionStage<Boolean> allFailed =
          log.writer()
              .stop()
              .thenApply(
                  stopped ->
                      appended.stream().allMatch(CompletableFuture::isCompletedExceptionally));
      log.stop().toCompletableFuture().get(20, SECONDS);
      assertThat(allFailed.toCompletableFuture().get(20, SECONDS)).isTrue();
    }
  }
}
