package io.tideline.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.tideline.protocols.v1.Post;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/**
 * What the runbook says of a restore, rehearsed: an older Cassandra under a log that knows more,
 * then an empty log under a whole Cassandra. It takes a minute and is asked for: {@code ./mvnw
 * verify -pl cluster-node -am -Dit.test=RestoreIT -Dtest=none
 * -Dsurefire.failIfNoSpecifiedTests=false -Dfailsafe.failIfNoSpecifiedTests=false
 * -DargLine.extra=-Dtideline.test.restore=true}.
 */
@EnabledIfSystemProperty(named = "tideline.test.restore", matches = "true")
@Tag("alone")
class RestoreIT {
  private static final Duration SOON = Duration.ofSeconds(30);

  @TempDir private Path directory;

  @Test
  void posts_come_back_from_the_log_and_feeds_outlive_a_lost_log() throws Exception {
    try (TestCluster cluster = TestCluster.start(directory, 1);
        TestClient client = new TestClient(cluster.nodes())) {
      ClusterNode node = cluster.nodes().get(0);
      client.follow("ann", List.of("bob"));
      String early = client.publish("bob", "before the backup");
      awaitFeed(client, "ann", List.of(early));
      node.stop();
      cluster.cassandra().close();
      copy(cassandraFiles(), directory.resolve("backup"));

      cluster.startMissing();
      client.follow("ann", List.of("cid"));
      String late = client.publish("bob", "after the backup");
      String foreign = client.publish("cid", "after it too");
      awaitFeed(client, "ann", List.of(foreign, late, early));
      node.stop();
      cluster.cassandra().kill();
      delete(cassandraFiles());
      copy(directory.resolve("backup"), cassandraFiles());
      readTheLogAgain(cluster.kafka().bootstrapServers());

      cluster.startMissing();
      awaitFeed(client, "ann", List.of(late, early));
      client.follow("ann", List.of("cid"));
      awaitFeed(client, "ann", List.of(foreign, late, early));
      String next = client.publish("bob", "after the restore");
      awaitFeed(client, "ann", List.of(next, foreign, late, early));

      node.stop();
      cluster.kafka().kill();
      delete(directory.resolve("stack/kafka/data"));
      cluster.startMissing();
      awaitFeed(client, "ann", List.of(next, foreign, late, early));
      String last = client.publish("cid", "on an empty log");
      awaitFeed(client, "ann", List.of(last, next, foreign, late, early));
      node.stop();
      cluster.startMissing();
      awaitFeed(client, "ann", List.of(last, next, foreign, late, early));
    }
  }

  private static void awaitFeed(TestClient client, String reader, List<String> posts) {
    await()
        .atMost(SOON)
        .untilAsserted(
            () ->
                assertThat(client.read(reader))
                    .extracting(Post::getPostId)
                    .containsExactlyElementsOf(posts));
  }

  private Path cassandraFiles() {
    return directory.resolve("stack/cassandra");
  }

  /** As {@code kafka-consumer-groups.sh --reset-offsets --to-earliest} does. */
  private static void readTheLogAgain(String kafka) throws Exception {
    String group = "tideline-poststore-local";
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", kafka))) {
      Map<TopicPartition, OffsetAndMetadata> earliest =
          admin
              .listConsumerGroupOffsets(group)
              .partitionsToOffsetAndMetadata()
              .get()
              .keySet()
              .stream()
              .collect(Collectors.toMap(log -> log, log -> new OffsetAndMetadata(0)));
      assertThat(earliest).isNotEmpty();
      admin.alterConsumerGroupOffsets(group, earliest).all().get();
    }
  }

  private static void copy(Path from, Path to) {
    try (var files = Files.walk(from)) {
      for (Path file : (Iterable<Path>) files::iterator) {
        Files.copy(file, to.resolve(from.relativize(file).toString()));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void delete(Path tree) throws IOException {
    Files.walkFileTree(
        tree,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.delete(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path directory, IOException failure)
              throws IOException {
            Files.delete(directory);
            return FileVisitResult.CONTINUE;
          }
        });
  }
}
