package io.tideline.node;

import static io.tideline.node.TestNode.ok;
import static io.tideline.node.TestNode.user;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.tideline.localstack.LocalKafka;
import io.tideline.node.cli.CellLine;
import io.tideline.protocols.v1.DeletePostRequest;
import io.tideline.protocols.v1.GetTopologyRequest;
import io.tideline.protocols.v1.PublishRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import io.tideline.protocols.v1.SourceCellState;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two cells that write on while neither reaches the other's Kafka. {@code
 * -Dtideline.test.cut-seconds=60} says for how long.
 */
@EnabledIfSystemProperty(named = "tideline.test.cut-seconds", matches = "\\d+")
@Tag("alone")
class CutCellsIT {
  private static final Duration CUT =
      Duration.ofSeconds(Integer.getInteger("tideline.test.cut-seconds", 60));
  private static final Duration HEALED = Duration.ofSeconds(10);

  @TempDir private Path directory;

  private final String reader = user("reader");
  private final String ofEast = user("east");
  private final String ofWest = user("west");

  @Test
  void what_both_wrote_while_they_were_cut_off_is_in_both_soon_after() throws Exception {
    try (CellLine toEast = CellLine.open();
        CellLine toWest = CellLine.open();
        LocalKafka eastKafka = kafka("east", toEast);
        LocalKafka westKafka = kafka("west", toWest);
        TestNode east = start("east", 1, eastKafka, "west", 2, toWest);
        TestNode west = start("west", 2, westKafka, "east", 1, toEast)) {
      for (TestNode cell : List.of(east, west)) {
        cell.follow(reader, ofEast);
        cell.follow(reader, ofWest);
      }
      List<String> posts = new ArrayList<>();
      posts.add(east.publish(ofEast, "before").getPostId());
      posts.add(west.publish(ofWest, "before").getPostId());
      awaitFeeds(Duration.ofSeconds(20), posts, east, west);
      // A cell that has just met another one has it said everything once.
      for (TestNode cell : List.of(east, west)) {
        await()
            .atMost(Duration.ofMinutes(1))
            .until(() -> state(cell) == SourceCellState.SOURCE_CELL_STATE_UP);
      }

      toEast.cut();
      toWest.cut();
      List<String> deleted = List.of(posts.remove(0), posts.remove(0));
      delete(east, ofEast, deleted.get(0));
      delete(west, ofWest, deleted.get(1));
      long end = System.nanoTime() + CUT.toNanos();
      List<String> inEast = new ArrayList<>();
      List<String> inWest = new ArrayList<>();
      while (System.nanoTime() < end) {
        inEast.add(east.publish(ofEast, "meanwhile").getPostId());
        inWest.add(west.publish(ofWest, "meanwhile").getPostId());
        TimeUnit.MILLISECONDS.sleep(100);
      }
      PublishRequest twice = TestNode.post(ofEast, "in both");
      String low = ok(east.posts.publish(twice)).getPostId();
      String high = ok(west.posts.publish(twice)).getPostId();
      inEast.add(low);
      inWest.add(high);
      // Neither waits for the other: what it has written itself is there.
      await().atMost(HEALED).until(() -> feed(east).containsAll(inEast));
      await().atMost(HEALED).until(() -> feed(west).containsAll(inWest));
      assertThat(feed(east)).doesNotContainAnyElementsOf(inWest);
      assertThat(state(east)).isEqualTo(SourceCellState.SOURCE_CELL_STATE_AWAY);
      assertThat(state(west)).isEqualTo(SourceCellState.SOURCE_CELL_STATE_AWAY);

      toEast.heal();
      toWest.heal();
      long healed = System.nanoTime();
      posts.addAll(inEast);
      posts.addAll(inWest);
      posts.remove(high);
      awaitFeeds(HEALED, posts, east, west);
      System.out.printf(
          "cut for %d s, %d posts in each: equal %d ms after it was healed%n",
          CUT.toSeconds(), inEast.size(), (System.nanoTime() - healed) / 1_000_000);
      for (TestNode cell : List.of(east, west)) {
        await().atMost(HEALED).until(() -> ok(cell.posts.publish(twice)).getPostId(), low::equals);
      }
      await().atMost(HEALED).until(() -> state(east) == SourceCellState.SOURCE_CELL_STATE_UP);
    }
  }

  private LocalKafka kafka(String cell, CellLine line) {
    return LocalKafka.start(LocalKafka.Options.in(directory.resolve(cell)).withProxy(line.proxy()));
  }

  private static TestNode start(
      String name, int number, LocalKafka kafka, String other, int otherNumber, CellLine toOther) {
    return TwoCellsIT.start(
        "cut" + name,
        number,
        kafka.bootstrapServers(),
        "cut" + other,
        otherNumber,
        toOther.bootstrapServers());
  }

  private static void delete(TestNode cell, String author, String post) {
    ok(
        cell.posts.deletePost(
            DeletePostRequest.newBuilder().setAuthorId(author).setPostId(post).build()));
  }

  private static SourceCellState state(TestNode cell) {
    return ok(cell.cluster.getTopology(GetTopologyRequest.getDefaultInstance()))
        .getTopology()
        .getSources(0)
        .getState();
  }

  private void awaitFeeds(Duration atMost, List<String> posts, TestNode... cells) {
    List<String> expected = new ArrayList<>(posts);
    Collections.sort(expected, Collections.reverseOrder());
    for (TestNode cell : cells) {
      await().atMost(atMost).until(() -> feed(cell), expected::equals);
    }
  }

  private List<String> feed(TestNode cell) {
    List<String> feed = new ArrayList<>();
    String next = "";
    do {
      String cursor = next;
      ReadFeedResponse page = cell.read(reader, r -> r.setPageSize(100).setCursor(cursor));
      page.getCardsList().forEach(card -> feed.add(card.getPost().getPostId()));
      next = page.getNextCursor();
    } while (!next.isEmpty());
    return feed;
  }
}
