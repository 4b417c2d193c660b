package io.tideline.node.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.tideline.localstack.LocalCassandra;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/**
 * Walks in both directions through feeds of real input, while posts arrive and nodes restart,
 * compared with a computation from the files. Takes some ten minutes: {@code ./mvnw verify -pl
 * cluster-node -am -Dit.test=PagedFeedsIT -Dtest=none -Dsurefire.failIfNoSpecifiedTests=false
 * -Dfailsafe.failIfNoSpecifiedTests=false -DargLine.extra=-Dtideline.test.paging=true}.
 */
@EnabledIfSystemProperty(named = "tideline.test.paging", matches = "true")
@Tag("alone")
class PagedFeedsIT {
  private static final long SEED = 20_261_120L;
  private static final int PAGING = 200;
  private static final int WITH_MUCH = 5;
  private static final int LATE_POSTS = 5_000;
  private static final Duration TO_RESTART = Duration.ofMinutes(3);
  private static final Path DATA =
      Path.of(System.getProperty("tideline.data", "../../shared/data")).toAbsolutePath();

  @TempDir private static Path directory;
  private static LocalCluster cluster;
  private static List<NodeProcess> nodes = new ArrayList<>();

  @BeforeAll
  static void start() {
    assumeTrue(
        Files.isReadable(ImportedFeeds.followsIn(DATA))
            && Files.isReadable(ImportedFeeds.postsIn(DATA)),
        "skipped: no data in " + DATA.normalize() + "; -Dtideline.data=DIRECTORY names another");
    cluster = LocalCluster.start(directory, Build.running(), 2, System.out::println);
    nodes = new ArrayList<>(cluster.nodes());
  }

  @AfterAll
  static void stop() {
    nodes.forEach(NodeProcess::stop);
    nodes.forEach(NodeProcess::awaitStop);
    if (cluster != null) cluster.close();
  }

  @Test
  void every_walk_through_a_feed_is_what_the_two_files_say() throws Exception {
    ImportedFeeds files = ImportedFeeds.of(DATA, "e");
    int early = files.size() - LATE_POSTS;
    try (FeedClient client = FeedClient.of(cluster.grpcAddresses(), TO_RESTART)) {
      Importer importer = importer(client, 256);
      Importer.Result follows = importer.follows(ImportedFeeds.followsIn(DATA));
      System.out.println(follows);
      // A call that was repeated because it took long counts what it added as there already.
      assertThat(follows.bad()).isZero();
      importPosts(importer, 0, early);

      System.out.printf("readers drawn by the seed %d%n", SEED);
      List<String> readers = readers(files, early);
      awaitArrival(files, client, readers, 0, early);
      List<PagedFeed> paged = new ArrayList<>();
      for (int i = 0; i < readers.size(); i++) {
        // Each page below what is in memory reads from everybody who is followed.
        int size = files.entries(readers.get(i), 0, early).size();
        int pageSize = size > ImportedFeeds.CAPACITY ? 100 : 5 + 7 * (i % 4);
        paged.add(new PagedFeed(files, client, readers.get(i), pageSize));
      }
      // Few at a time, so that posts still arrive while nodes go and come.
      Importer late = importer(client, 8);
      try (Importing importing = new Importing(() -> importPosts(late, early, files.size()))) {
        each(paged, reader -> reader.older(3));
        restart(1);
        each(paged, PagedFeed::newer);
        each(paged, reader -> reader.older(10));
        restart(0);
        each(paged, PagedFeed::newer);
        each(paged, reader -> reader.verifyOlder(files.entries(reader.user(), 0, early)));
        importing.join();
      }
      each(
          paged,
          reader ->
              await("what is newer for " + reader.user())
                  .atMost(Duration.ofMinutes(2))
                  .until(
                      () -> {
                        reader.newer();
                        return reader.hasNewer(files.entries(reader.user(), early, files.size()));
                      }));
      each(
          paged,
          reader ->
              reader.verifyNewer(oldestFirst(files.entries(reader.user(), early, files.size()))));
      System.out.printf(
          "%,d readers paged through %,d entries, %,d of them to below what is in memory%n",
          paged.size(),
          paged.stream().mapToInt(PagedFeed::size).sum(),
          paged.stream().filter(reader -> reader.size() > ImportedFeeds.CAPACITY).count());
    }
  }

  /** Readers drawn by the seed, among them some with more than is in memory. */
  private static List<String> readers(ImportedFeeds files, int early) {
    Stream<String> withMuch =
        files.someUsers(10 * PAGING, SEED).stream()
            .filter(user -> files.entries(user, 0, early).size() > ImportedFeeds.CAPACITY)
            .limit(WITH_MUCH);
    return Stream.concat(withMuch, files.someUsers(PAGING, SEED).stream())
        .distinct()
        .limit(PAGING)
        .toList();
  }

  /** Posts on their way while the caller does something else. */
  private static final class Importing implements AutoCloseable {
    private final ExecutorService thread = Executors.newSingleThreadExecutor();
    private final CompletableFuture<Void> done;

    private interface Import {
      void run() throws Exception;
    }

    Importing(Import work) {
      done =
          CompletableFuture.runAsync(
              () -> {
                try {
                  work.run();
                } catch (Exception e) {
                  throw new IllegalStateException(e);
                }
              },
              thread);
    }

    void join() {
      done.join();
    }

    @Override
    public void close() {
      thread.shutdownNow();
    }
  }

  private static Importer importer(FeedClient client, int concurrency) {
    return new Importer(
        client, "e", 0, concurrency, new PrintWriter(System.out, true, StandardCharsets.UTF_8));
  }

  private static void importPosts(Importer importer, int fromRow, int toRow) throws Exception {
    Path file =
        ImportedFeeds.copyPosts(DATA, fromRow, toRow, directory.resolve("posts-" + fromRow));
    Importer.Result posts = importer.posts(file);
    System.out.println(posts);
    assertThat(posts.added()).isEqualTo(toRow - fromRow);
  }

  /** The log is read in order of arrival: whoever has the last posts has them all soon. */
  private static void awaitArrival(
      ImportedFeeds files, FeedClient client, List<String> users, int fromRow, int toRow) {
    for (String user : users) {
      List<String> expected =
          files.entries(user, fromRow, toRow).stream().limit(ImportedFeeds.CAPACITY).toList();
      await("delivery to " + user)
          .atMost(Duration.ofMinutes(2))
          .until(() -> files.read(client, user).equals(expected));
    }
  }

  private static List<String> oldestFirst(List<String> newestFirst) {
    List<String> reversed = new ArrayList<>(newestFirst);
    Collections.reverse(reversed);
    return reversed;
  }

  private static void each(List<PagedFeed> readers, Consumer<PagedFeed> task) {
    readers.forEach(task);
  }

  /** Has a node leave and start again: of two, either may take a crash of the other for its own. */
  private static void restart(int index) {
    NodeProcess node = nodes.get(index);
    NodeProcess other = nodes.get(1 - index);
    node.stop();
    node.awaitStop();
    NodeProcess again =
        NodeProcess.start(
            node.name(),
            node.build(),
            node.ports(),
            Map.of(
                "TIDELINE_SEED_NODES",
                NodeProcess.LOOPBACK
                    + ":"
                    + other.ports().cluster()
                    + ","
                    + NodeProcess.LOOPBACK
                    + ":"
                    + node.ports().cluster(),
                "TIDELINE_CASSANDRA",
                cluster.cassandra(),
                "TIDELINE_CASSANDRA_DC",
                LocalCassandra.DATA_CENTER,
                "TIDELINE_KAFKA",
                cluster.kafka()),
            directory.resolve("logs").resolve(node.name() + "-again.log"));
    nodes.set(index, again);
    again.awaitReady(TO_RESTART);
  }
}
