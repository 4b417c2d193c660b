package io.tideline.node;

import static io.tideline.node.TestNode.ok;
import static io.tideline.node.TestNode.user;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.cql.SimpleStatement;
import io.tideline.localstack.LocalCassandra;
import io.tideline.localstack.LocalKafka;
import io.tideline.localstack.LocalStack;
import io.tideline.protocols.v1.AddToListRequest;
import io.tideline.protocols.v1.BlockRequest;
import io.tideline.protocols.v1.DeletePostRequest;
import io.tideline.protocols.v1.EraseUserRequest;
import io.tideline.protocols.v1.FollowManyRequest;
import io.tideline.protocols.v1.GetFiltersRequest;
import io.tideline.protocols.v1.GetListsRequest;
import io.tideline.protocols.v1.GetReadStateRequest;
import io.tideline.protocols.v1.GetTopologyRequest;
import io.tideline.protocols.v1.ListFollowingRequest;
import io.tideline.protocols.v1.MarkReadRequest;
import io.tideline.protocols.v1.MuteRequest;
import io.tideline.protocols.v1.PostContent;
import io.tideline.protocols.v1.PublishRequest;
import io.tideline.protocols.v1.PutListRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import io.tideline.protocols.v1.SourceCell;
import io.tideline.protocols.v1.SourceCellState;
import io.tideline.protocols.v1.UserList;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.zip.GZIPInputStream;
import org.apache.kafka.clients.admin.Admin;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/**
 * A cell whose disks are wiped, one that is added, and one that is retired, while the logs have
 * forgotten everything. {@code -Dtideline.test.rebuild=5} says how much of the shared data is in
 * it: one row in so many.
 */
@EnabledIfSystemProperty(named = "tideline.test.rebuild", matches = "[1-9]\\d*")
@Tag("alone")
class RebuiltCellsIT {
  private static final int ONE_IN = Integer.getInteger("tideline.test.rebuild", 5);
  private static final Path DATA =
      Path.of(System.getProperty("tideline.data", "../../shared/data")).toAbsolutePath();
  private static final Duration LONG = Duration.ofMinutes(10);
  private static final int MOST_AT_ONCE = 64;

  @TempDir private Path directory;

  private final List<Cell> cells = new ArrayList<>();
  private final List<String> readers = new ArrayList<>();

  private static final class Cell {
    final String name = TestNode.newName();
    final int number;
    final LocalKafka kafka;
    private @Nullable TestNode started;

    Cell(int number, LocalKafka kafka) {
      this.number = number;
      this.kafka = kafka;
    }

    TestNode node() {
      return requireNonNull(started);
    }

    void start(List<Cell> others) {
      Map<String, Object> settings = new HashMap<>();
      settings.put("tideline.node.cell.number", number);
      settings.put("tideline.node.kafka.bootstrap-servers", kafka.bootstrapServers());
      settings.put(
          "tideline.multi-dc.cells",
          others.stream()
              .filter(other -> other != this)
              .map(
                  other ->
                      Map.of(
                          "name",
                          other.name,
                          "number",
                          other.number,
                          "bootstrap-servers",
                          other.kafka.bootstrapServers()))
              .toList());
      settings.put("tideline.node.cursor.keys", "1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=");
      started = TestNode.startCell(name, List.of("a"), "netty", settings).get(0);
    }

    void restart(List<Cell> others) throws Exception {
      node().close();
      start(others);
    }

    List<SourceCell> sources() {
      return ok(node().cluster.getTopology(GetTopologyRequest.getDefaultInstance()))
          .getTopology()
          .getSourcesList();
    }

    boolean lacksNothing() {
      return sources().stream()
          .allMatch(
              source ->
                  source.getState() == SourceCellState.SOURCE_CELL_STATE_UP
                      && source.getLagLines() == 0);
    }

    /** As an operator asks. */
    String shown() throws Exception {
      return HttpClient.newHttpClient()
          .send(
              HttpRequest.newBuilder(
                      URI.create("http://127.0.0.1:" + node().managementPort + "/cells"))
                  .build(),
              BodyHandlers.ofString())
          .body();
    }

    void loseLines() throws Exception {
      TestNode.loseLines(kafka, name);
    }

    /** As new disks: no keyspace and no topic, and with that nothing that groups have noted. */
    void wipe(List<Cell> all) throws Exception {
      node().close();
      try (CqlSession session =
          CqlSession.builder()
              .addContactPoint(LocalStack.shared().cassandra().address())
              .withLocalDatacenter(LocalCassandra.DATA_CENTER)
              .build()) {
        session.execute(
            SimpleStatement.newInstance("DROP KEYSPACE " + name).setTimeout(Duration.ofMinutes(1)));
      }
      try (Admin admin = Admin.create(Map.of("bootstrap.servers", kafka.bootstrapServers()))) {
        List<String> topics = new ArrayList<>();
        for (Cell each : all) {
          topics.add("tideline.posts." + each.name);
          topics.add("tideline.intents." + each.name);
        }
        admin.deleteTopics(topics).all().get(30, TimeUnit.SECONDS);
      }
    }
  }

  private Cell add(int number, LocalKafka kafka) {
    Cell cell = new Cell(number, kafka);
    cells.add(cell);
    return cell;
  }

  @Test
  void a_cell_is_wiped_and_rebuilt_another_is_added_and_retired() throws Exception {
    try (LocalKafka second =
            LocalKafka.start(
                LocalKafka.Options.in(Files.createDirectories(directory.resolve("2"))));
        LocalKafka third =
            LocalKafka.start(
                LocalKafka.Options.in(Files.createDirectories(directory.resolve("3"))))) {
      Cell east = add(1, LocalStack.shared().kafka());
      Cell west = add(2, second);
      east.start(cells);
      west.start(cells);
      try {
        Map<String, List<Object>> before = live(east, west);
        rebuild(east, west, before);
        Cell north = add(3, third);
        added(east, west, north, before);
        retired(east, west, north);
      } finally {
        for (Cell cell : cells) cell.node().close();
      }
    }
  }

  /** What readers see once something has happened in both. */
  private Map<String, List<Object>> live(Cell east, Cell west) throws Exception {
    long from = System.nanoTime();
    int rows = importData(east.node());
    System.out.printf("%,d rows imported in %s%n", rows, since(from));
    await().atMost(LONG).until(() -> east.lacksNothing() && west.lacksNothing());

    String author = user("author");
    String gone = user("gone");
    String reader = user("reader");
    readers.add(0, reader);
    east.node().follow(reader, author);
    west.node().follow(reader, gone);
    String kept = east.node().publish(author, "kept").getPostId();
    String deleted = west.node().publish(author, "deleted").getPostId();
    String read = west.node().publish(author, "read").getPostId();
    west.node().publish(gone, "erased");
    await().atMost(LONG).until(() -> ids(west, reader).contains(kept));
    ok(
        west.node()
            .feeds
            .markRead(MarkReadRequest.newBuilder().setUserId(reader).setPostId(read).build()));
    ok(
        west.node()
            .graph
            .putList(
                PutListRequest.newBuilder()
                    .setUserId(reader)
                    .setList(UserList.newBuilder().setListId("close").setName("Close"))
                    .build()));
    ok(
        west.node()
            .graph
            .addToList(
                AddToListRequest.newBuilder()
                    .setUserId(reader)
                    .setListId("close")
                    .addMemberIds(author)
                    .build()));
    ok(
        west.node()
            .filters
            .mute(MuteRequest.newBuilder().setUserId(reader).setTargetId("loud").build()));
    ok(
        west.node()
            .filters
            .block(BlockRequest.newBuilder().setUserId(author).setTargetId("blocked").build()));
    ok(
        west.node()
            .posts
            .deletePost(
                DeletePostRequest.newBuilder().setAuthorId(author).setPostId(deleted).build()));
    ok(west.node().users.eraseUser(EraseUserRequest.newBuilder().setUserId(gone).build()));
    await().atMost(LONG).until(() -> ids(east, reader).equals(List.of(read, kept)));
    await().atMost(LONG).untilAsserted(() -> assertThat(seen(east)).isEqualTo(seen(west)));
    assertThat(refusal(east, gone)).isEqualTo("ERASED");
    Map<String, List<Object>> seen = seen(east);
    assertThat(requireNonNull(seen.get(reader)).toString()).contains(author, "Close", "loud", read);
    for (Cell cell : cells) cell.loseLines();
    return seen;
  }

  private void rebuild(Cell east, Cell west, Map<String, List<Object>> before) throws Exception {
    west.wipe(cells);
    long from = System.nanoTime();
    west.start(cells);
    await()
        .atMost(LONG)
        .until(
            () ->
                west.sources().get(0).getState()
                    == SourceCellState.SOURCE_CELL_STATE_BACKFILL_NEEDED);
    await().atMost(LONG).until(west::lacksNothing);
    System.out.printf("rebuilt %s after its start: %s%n", since(from), west.shown());
    assertThat(seen(west)).isEqualTo(before);

    String reader = readers.get(0);
    String author = user("author");
    east.node().follow(reader, author);
    await().atMost(LONG).until(() -> decided(west, reader).toString().contains(author));
    String post = west.node().publish(author, "of a new life").getPostId();
    await().atMost(LONG).until(() -> ids(east, reader).get(0).equals(post));
    assertThat(ids(west, reader)).isEqualTo(ids(east, reader));
    before.putAll(seen(east));
    for (Cell cell : cells) cell.loseLines();
  }

  private void added(Cell east, Cell west, Cell north, Map<String, List<Object>> before)
      throws Exception {
    long from = System.nanoTime();
    north.start(cells);
    east.restart(cells);
    west.restart(cells);
    await().atMost(LONG).until(() -> north.shown().contains("\"done\":false"));
    await().atMost(LONG).until(north::lacksNothing);
    System.out.printf("added %s after its start: %s%n", since(from), north.shown());
    assertThat(seen(north)).isEqualTo(before);
    await().atMost(LONG).until(() -> east.lacksNothing() && west.lacksNothing());
    assertThat(seen(east)).isEqualTo(before);
  }

  private void retired(Cell east, Cell west, Cell north) throws Exception {
    String reader = readers.get(0);
    String author = user("author");
    north.node().follow(reader, author);
    String post = north.node().publish(author, "the last of it").getPostId();
    await().atMost(LONG).until(() -> ids(north, reader).get(0).equals(post));
    ReadFeedResponse first = north.node().read(reader, r -> r.setPageSize(1));
    north.node().close();
    String done = "\"notCopied\":0,\"notApplied\":0";
    for (Cell cell : List.of(east, west)) {
      await()
          .atMost(LONG)
          .until(
              () ->
                  cell.shown().replace(done, "").length()
                      == cell.shown().length() - 2 * done.length());
    }
    List<Cell> left = List.of(east, west);
    east.restart(left);
    west.restart(left);
    await().atMost(LONG).until(() -> east.lacksNothing() && west.lacksNothing());
    for (Cell cell : left) {
      List<String> walked = new ArrayList<>(ids(first));
      String next = first.getNextCursor();
      while (!next.isEmpty()) {
        String cursor = next;
        ReadFeedResponse page = cell.node().read(reader, r -> r.setPageSize(2).setCursor(cursor));
        walked.addAll(ids(page));
        next = page.getNextCursor();
      }
      assertThat(walked).isEqualTo(ids(cell, reader));
      assertThat(walked.get(0)).isEqualTo(post);
    }
  }

  private static Duration since(long nanos) {
    return Duration.ofMillis((System.nanoTime() - nanos) / 1_000_000);
  }

  // --- what readers see ---

  private Map<String, List<Object>> seen(Cell cell) {
    Map<String, List<Object>> seen = new TreeMap<>();
    for (String reader : readers) {
      List<Object> all = new ArrayList<>(decided(cell, reader));
      all.add(ids(cell, reader));
      seen.put(reader, all);
    }
    return seen;
  }

  private static List<Object> decided(Cell cell, String user) {
    TestNode node = cell.node();
    return List.of(
        ok(node.graph.listFollowing(ListFollowingRequest.newBuilder().setUserId(user).build()))
            .getFolloweeIdsList(),
        ok(node.graph.getLists(GetListsRequest.newBuilder().setUserId(user).build())),
        ok(node.filters.getFilters(GetFiltersRequest.newBuilder().setUserId(user).build())),
        ok(node.feeds.getReadState(GetReadStateRequest.newBuilder().setUserId(user).build())));
  }

  private static List<String> ids(Cell cell, String user) {
    return ids(cell.node().read(user, r -> r.setPageSize(100)));
  }

  private static List<String> ids(ReadFeedResponse page) {
    return page.getCardsList().stream().map(card -> card.getPost().getPostId()).toList();
  }

  private static String refusal(Cell cell, String user) {
    return Refusal.of(() -> cell.node().publish(user, "again")).reason();
  }

  // --- the shared data ---

  private int importData(TestNode node) throws Exception {
    Path follows = DATA.resolve("soc-Epinions1.edgelist.gz");
    Path posts = DATA.resolve("hn-posts-by-epinions-user.tsv.gz");
    if (!Files.isReadable(follows) || !Files.isReadable(posts)) {
      System.out.println("no data in " + DATA.normalize() + ": rebuilt with nearly nothing");
      return 0;
    }
    int rows = 0;
    Map<String, List<String>> followees = new HashMap<>();
    try (BufferedReader in = unzipped(follows)) {
      for (String row = in.readLine(); row != null; row = in.readLine()) {
        String[] columns = row.split("\\s+", -1);
        if (Integer.parseInt(columns[0]) % ONE_IN == 0) {
          followees
              .computeIfAbsent("e" + columns[0], user -> new ArrayList<>())
              .add("e" + columns[1]);
          rows++;
        }
      }
    }
    Semaphore free = new Semaphore(MOST_AT_ONCE);
    for (var each : followees.entrySet()) {
      FollowManyRequest request =
          FollowManyRequest.newBuilder()
              .setUserId(each.getKey())
              .addAllFolloweeIds(each.getValue())
              .build();
      call(free, () -> node.graph.followMany(request));
      if (readers.size() < 100 && each.getValue().size() > 5) readers.add(each.getKey());
    }
    try (BufferedReader in = unzipped(posts)) {
      in.readLine();
      int number = 0;
      for (String row = in.readLine(); row != null; row = in.readLine()) {
        if (number++ % ONE_IN > 0) continue;
        String[] columns = row.split("\t", -1);
        PublishRequest request =
            PublishRequest.newBuilder()
                .setAuthorId("e" + columns[2])
                .setIdempotencyKey(columns[1])
                .setCreatedAtMillis(OffsetDateTime.parse(columns[0]).toInstant().toEpochMilli())
                .setContent(PostContent.newBuilder().setText(columns[3]))
                .build();
        call(free, () -> node.posts.publish(request));
        rows++;
      }
    }
    free.acquire(MOST_AT_ONCE);
    return rows;
  }

  private static void call(Semaphore free, Supplier<? extends CompletionStage<?>> call)
      throws InterruptedException {
    free.acquire();
    attempt(free, call, 20);
  }

  private static void attempt(
      Semaphore free, Supplier<? extends CompletionStage<?>> call, int attempts) {
    call.get()
        .whenComplete(
            (done, failure) -> {
              if (failure == null || attempts == 1) {
                if (failure != null) System.out.println("a row was not taken: " + failure);
                free.release();
              } else {
                CompletableFuture.delayedExecutor(1, TimeUnit.SECONDS)
                    .execute(() -> attempt(free, call, attempts - 1));
              }
            });
  }

  private static BufferedReader unzipped(Path file) throws IOException {
    return new BufferedReader(
        new InputStreamReader(
            new GZIPInputStream(Files.newInputStream(file)), StandardCharsets.UTF_8));
  }
}
