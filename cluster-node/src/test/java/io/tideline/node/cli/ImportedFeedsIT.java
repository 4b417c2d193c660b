package io.tideline.node.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Real input: what is imported is what is read, compared with a computation from the files.
 *
 * <p>One in ten of the followers and posts in the build; all of them, which takes some three
 * minutes, with {@code ./mvnw verify -pl cluster-node -am -Dit.test=ImportedFeedsIT -Dtest=none
 * -Dsurefire.failIfNoSpecifiedTests=false -Dfailsafe.failIfNoSpecifiedTests=false
 * -DargLine.extra=-Dtideline.test.import=1}.
 */
@Tag("alone")
class ImportedFeedsIT {
  private static final int USERS = 1_000;
  private static final int ONE_IN = Integer.getInteger("tideline.test.import", 10);
  private static final long SEED = 20_261_120L;
  private static final Path DATA =
      Path.of(System.getProperty("tideline.data", "../../shared/data")).toAbsolutePath();

  private static LocalCluster cluster;

  @BeforeAll
  static void start(@TempDir Path directory) {
    assumeTrue(
        Files.isReadable(ImportedFeeds.followsIn(DATA))
            && Files.isReadable(ImportedFeeds.postsIn(DATA)),
        "skipped: no data in " + DATA.normalize() + "; -Dtideline.data=DIRECTORY names another");
    cluster = LocalCluster.start(directory, Build.running(), 1, System.out::println);
  }

  @AfterAll
  static void stop() {
    if (cluster != null) cluster.close();
  }

  @Test
  void every_feed_is_what_the_two_files_say(@TempDir Path directory) throws Exception {
    Path data = ImportedFeeds.sample(DATA, ONE_IN, directory);
    ImportedFeeds files = ImportedFeeds.of(data, "e");
    try (FeedClient client = FeedClient.of(cluster.grpcAddresses(), Duration.ofSeconds(90))) {
      var importer =
          new Importer(
              client, "e", 0, 256, new PrintWriter(System.out, true, StandardCharsets.UTF_8));
      Importer.Result follows = importer.follows(ImportedFeeds.followsIn(data));
      Importer.Result posts = importer.posts(ImportedFeeds.postsIn(data));
      System.out.println(follows);
      System.out.println(posts);
      // What was added is not counted exactly: a call that had to be repeated adds nothing new.
      assertThat(follows)
          .returns((long) files.follows(), Importer.Result::rows)
          .returns(0L, Importer.Result::repeated)
          .returns(0L, Importer.Result::bad);
      assertThat(posts)
          .returns((long) files.size(), Importer.Result::rows)
          .returns(0L, Importer.Result::repeated)
          .returns(0L, Importer.Result::bad);

      Collection<String> users = files.someUsers(USERS, SEED);
      String last = users.iterator().next();
      await("delivery of the last posts")
          .atMost(Duration.ofMinutes(2))
          .until(() -> files.read(client, last).equals(files.expected(last)));
      compare(files, client, users);
    }
  }

  private static void compare(ImportedFeeds files, FeedClient client, Collection<String> users) {
    var softly = new SoftAssertions();
    long entries = 0;
    for (String user : users) {
      List<String> read = files.read(client, user);
      entries += read.size();
      softly.assertThat(read).as("feed of %s", user).isEqualTo(files.expected(user));
    }
    System.out.printf("%,d feeds with %,d entries compared%n", users.size(), entries);
    softly.assertAll();
  }
}
