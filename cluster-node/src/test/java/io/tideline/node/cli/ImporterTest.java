package io.tideline.node.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tideline.protocols.v1.Post;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImporterTest {
  private static final String HEADER = "created_at\tpost_key\tauthor\ttitle\turl_host\n";

  @TempDir Path directory;

  private final StubCluster cluster = StubCluster.ofNodes(1);
  private final FeedClient client = FeedClient.of(cluster.addresses(), Duration.ofSeconds(20));
  private final StringWriter err = new StringWriter();

  @AfterEach
  void stop() {
    client.close();
    cluster.close();
  }

  private Importer importer(long maxErrors) {
    return new Importer(client, "u", maxErrors, 8, new PrintWriter(err));
  }

  private Path file(String name, String text) {
    try {
      return Files.writeString(directory.resolve(name), text);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  @Test
  void follows_of_a_user_arrive_together_whatever_the_order_of_rows() {
    Importer.Result result =
        importer(0).follows(file("graph", "# a comment\n1 2\n2 3\n\n1\t3\n1 4\n"));

    assertThat(cluster.followeesOf("u1")).containsExactlyInAnyOrder("u2", "u3", "u4");
    assertThat(cluster.followeesOf("u2")).containsExactly("u3");
    assertThat(result.rows()).isEqualTo(4);
    assertThat(result.added()).isEqualTo(4);
  }

  @Test
  void a_repeated_row_and_a_follow_of_oneself_change_nothing() {
    Importer.Result result = importer(0).follows(file("graph", "1 2\n1 2\n1 1\n"));

    assertThat(cluster.followeesOf("u1")).containsExactly("u2");
    assertThat(result.added()).isEqualTo(1);
    assertThat(result.repeated()).isEqualTo(2);
    assertThat(result.bad()).isZero();
  }

  @Test
  void more_follows_than_one_call_takes_go_out_in_several() {
    String rows =
        IntStream.range(0, 12_000).mapToObj(i -> "1 " + (i + 2)).collect(Collectors.joining("\n"));

    assertThat(importer(0).follows(file("graph", rows)).added()).isEqualTo(12_000);
    assertThat(cluster.followeesOf("u1")).hasSize(12_000);
  }

  @Test
  void files_may_be_zipped() throws IOException {
    Path zipped = directory.resolve("graph.gz");
    try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(zipped))) {
      out.write("1 2\n".getBytes(StandardCharsets.UTF_8));
    }
    assertThat(importer(0).follows(zipped).added()).isEqualTo(1);
  }

  @Test
  void posts_keep_their_time_title_and_link() {
    importer(0)
        .posts(file("posts", HEADER + "2015-09-06T06:03Z\tk1\t7\tA \"title\"\texample.org\n"));

    Post post = cluster.postsOf("u7").get(0);
    assertThat(post.getTitle()).isEqualTo("A \"title\"");
    assertThat(post.getText()).isEmpty();
    assertThat(post.getLinksList()).containsExactly("https://example.org/");
    assertThat(Instant.ofEpochMilli(post.getCreatedAtMillis())).isEqualTo("2015-09-06T06:03:00Z");
  }

  @Test
  void columns_are_found_by_their_names() {
    String table = "author\ttitle\tpost_key\tcreated_at\n7\tA title\tk1\t2015-09-06T06:03:10Z\n";

    assertThat(importer(0).posts(file("posts", table)).added()).isEqualTo(1);
    assertThat(cluster.postsOf("u7").get(0).getLinksList()).isEmpty();
  }

  @Test
  void a_table_without_its_header_is_refused() {
    Path table = file("posts", "2015-09-06T06:03Z\tk1\t7\tA title\texample.org\n");

    assertThatThrownBy(() -> importer(0).posts(table))
        .isInstanceOf(CommandFailure.class)
        .hasMessageContaining("created_at post_key, author, title".substring(0, 10))
        .hasMessageContaining("expected a header");
  }

  @Test
  void a_table_without_anything_is_refused() {
    assertThatThrownBy(() -> importer(0).posts(file("posts", "")))
        .isInstanceOf(CommandFailure.class)
        .hasMessageContaining("the table of posts is empty, expected a header");
  }

  @Test
  void a_host_that_is_none_costs_a_post_its_link_only() {
    Importer.Result result =
        importer(0)
            .posts(file("posts", HEADER + "2015-09-06T06:03Z\tk1\t7\tA title\tnot a host\n"));

    assertThat(result.withoutLink()).isEqualTo(1);
    assertThat(result.bad()).isZero();
    assertThat(cluster.postsOf("u7").get(0).getLinksList()).isEmpty();
  }

  @Test
  void bad_rows_are_reported_with_their_lines_and_the_others_go_in() {
    Importer.Result result =
        importer(3)
            .posts(
                file(
                    "posts",
                    HEADER
                        + "yesterday\tk1\t7\tA title\t\n"
                        + "2015-09-06T06:03Z\tk2\t7\tA title\t\n"
                        + "2015-09-06T06:03Z\tk3\tno such user!\tA title\t\n"
                        + "2015-09-06T06:03Z\tk4\t7\trefuse me\t\n"));

    assertThat(result.bad()).isEqualTo(3);
    assertThat(result.added()).isEqualTo(1);
    assertThat(err.toString())
        .contains("posts:2: created_at is `yesterday`, expected a time like 2015-09-06T06:03Z")
        .contains("posts:4: ")
        .contains("posts:5: tideline: INVALID_ARGUMENT: content.title: not that");
  }

  @Test
  void too_many_bad_rows_end_an_import() {
    assertThatThrownBy(() -> importer(1).follows(file("graph", "1\n2\n3 4\n")))
        .isInstanceOf(CommandFailure.class)
        .hasMessageContaining("stopped after 2 bad rows");
    assertThat(err.toString()).contains("graph:1: expected `follower followee`, found 1 columns");
  }

  @Test
  void importing_again_changes_nothing() {
    Path graph = file("graph", "1 2\n2 1\n");
    Path posts = file("posts", HEADER + "2015-09-06T06:03Z\tk1\t7\tA title\t\n");
    importer(0).follows(graph);
    importer(0).posts(posts);

    assertThat(importer(0).follows(graph).added()).isZero();
    importer(0).posts(posts);
    assertThat(cluster.postCount()).isEqualTo(1);
  }

  @Test
  void an_import_waits_out_a_store_that_is_away() {
    cluster.failNext(20);
    String rows =
        IntStream.range(0, 50).mapToObj(i -> i + " 1000").collect(Collectors.joining("\n"));

    assertThat(importer(0).follows(file("graph", rows)).added()).isEqualTo(50);
  }

  @Test
  void never_are_more_calls_under_way_than_allowed() {
    cluster.answerAfter(Duration.ofMillis(5));
    String rows =
        IntStream.range(0, 200).mapToObj(i -> i + " 1000").collect(Collectors.joining("\n"));

    importer(0).follows(file("graph", rows));
    assertThat(cluster.mostUnderWay()).isBetween(2, 8);
  }
}
