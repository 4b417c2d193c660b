package io.tideline.node.cli;

import static org.awaitility.Awaitility.await;

import io.grpc.Status;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.v1.FeedView;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;

/**
 * The two files of the real-input run, and the home feeds that follow from them: computed the
 * simplest way, sharing nothing with the importer but the definition of an imported post's id.
 */
final class ImportedFeeds {
  static final int CAPACITY = 800;
  private static final int PAGE = 100;

  private final String prefix;
  private final Map<String, Set<String>> follows = new HashMap<>();
  private final Map<String, List<Row>> posts = new HashMap<>();
  private final Set<String> users = new TreeSet<>();
  private int size;

  private record Row(int number, PostId id) {}

  private ImportedFeeds(String prefix) {
    this.prefix = prefix;
  }

  static Path followsIn(Path data) {
    return data.resolve("soc-Epinions1.edgelist.gz");
  }

  static Path postsIn(Path data) {
    return data.resolve("hn-posts-by-epinions-user.tsv.gz");
  }

  /** Reads both files as an import with this user prefix would. */
  static ImportedFeeds of(Path data, String prefix) throws IOException {
    var feeds = new ImportedFeeds(prefix);
    try (BufferedReader rows = unzipped(followsIn(data))) {
      for (String row = rows.readLine(); row != null; row = rows.readLine()) {
        String[] columns = row.split("\\s+");
        feeds.follows.computeIfAbsent(columns[0], user -> new HashSet<>()).add(columns[1]);
        feeds.users.addAll(Arrays.asList(columns));
      }
    }
    try (BufferedReader rows = unzipped(postsIn(data))) {
      rows.readLine(); // created_at post_key author title url_host
      for (String row = rows.readLine(); row != null; row = rows.readLine()) {
        String[] columns = row.split("\t", -1);
        long createdAt = OffsetDateTime.parse(columns[0]).toInstant().toEpochMilli();
        PostId id = PostId.imported(createdAt, new UserId(prefix + columns[2]), columns[1]);
        feeds
            .posts
            .computeIfAbsent(columns[2], author -> new ArrayList<>())
            .add(new Row(feeds.size++, id));
        feeds.users.add(columns[2]);
      }
    }
    return feeds;
  }

  /**
   * Writes both files with one in so many followers, and all that they follow, and one in so many
   * posts.
   */
  static Path sample(Path data, int oneIn, Path directory) throws IOException {
    try (BufferedReader rows = unzipped(followsIn(data));
        BufferedWriter copy = zipped(followsIn(directory))) {
      for (String row = rows.readLine(); row != null; row = rows.readLine()) {
        if (Integer.parseInt(row.split("\\s+", 2)[0]) % oneIn == 0) copy.append(row).append('\n');
      }
    }
    try (BufferedReader rows = unzipped(postsIn(data));
        BufferedWriter copy = zipped(postsIn(directory))) {
      copy.append(rows.readLine()).append('\n');
      int number = 0;
      for (String row = rows.readLine(); row != null; row = rows.readLine()) {
        if (number++ % oneIn == 0) copy.append(row).append('\n');
      }
    }
    return directory;
  }

  private static BufferedWriter zipped(Path file) throws IOException {
    return new BufferedWriter(
        new OutputStreamWriter(
            new GZIPOutputStream(Files.newOutputStream(file)), StandardCharsets.UTF_8));
  }

  private static BufferedReader unzipped(Path file) throws IOException {
    return new BufferedReader(
        new InputStreamReader(
            new GZIPInputStream(Files.newInputStream(file)), StandardCharsets.UTF_8));
  }

  /** So many users, drawn by a seed. */
  Collection<String> someUsers(int count, long seed) {
    List<String> drawn = new ArrayList<>(users);
    Collections.shuffle(drawn, new Random(seed));
    return drawn.subList(0, count);
  }

  /** How many posts there are. */
  int size() {
    return size;
  }

  /** How many follows there are. */
  int follows() {
    return follows.values().stream().mapToInt(Set::size).sum();
  }

  /** The ids of the newest own posts and posts of followees, newest first. */
  List<String> expected(String user) {
    return entries(user, 0, size).stream().limit(CAPACITY).toList();
  }

  /** The ids of all of them that are among these rows of the file, newest first. */
  List<String> entries(String user, int fromRow, int toRow) {
    Stream<String> authors =
        Stream.concat(Stream.of(user), follows.getOrDefault(user, Set.of()).stream()).distinct();
    return authors
        .flatMap(author -> posts.getOrDefault(author, List.of()).stream())
        .filter(row -> row.number() >= fromRow && row.number() < toRow)
        .map(Row::id)
        .sorted(Comparator.reverseOrder())
        .map(PostId::toString)
        .toList();
  }

  /** Writes a table of posts with some rows of the other one. */
  static Path copyPosts(Path data, int fromRow, int toRow, Path file) throws IOException {
    try (BufferedReader rows = unzipped(postsIn(data));
        BufferedWriter copy = Files.newBufferedWriter(file)) {
      int row = -1; // the header
      for (String line = rows.readLine(); line != null; line = rows.readLine(), row++) {
        if (row >= 0 && (row < fromRow || row >= toRow)) continue;
        copy.write(line);
        copy.newLine();
      }
    }
    return file;
  }

  /** One page, with nothing but references; a node that a cursor is ahead of is asked again. */
  ReadFeedResponse page(FeedClient client, String user, int size, String cursor) {
    ReadFeedRequest request =
        ReadFeedRequest.newBuilder()
            .setUserId(prefix + user)
            .setPageSize(size)
            .setCursor(cursor)
            .setView(FeedView.FEED_VIEW_REFS)
            .build();
    return await("a page of " + user)
        .atMost(Duration.ofMinutes(1))
        .pollInterval(Duration.ofMillis(20))
        .pollDelay(Duration.ZERO)
        .ignoreExceptionsMatching(
            e -> Status.fromThrowable(e).getCode() == Status.Code.FAILED_PRECONDITION)
        .until(() -> client.call(Methods.READ_FEED, request), page -> true);
  }

  static List<String> ids(ReadFeedResponse page) {
    return page.getCardsList().stream().map(card -> card.getPost().getPostId()).toList();
  }

  /** The same from a running cluster: all pages, as far as the capacity of a timeline reaches. */
  List<String> read(FeedClient client, String user) {
    List<String> ids = new ArrayList<>();
    String cursor = "";
    boolean end = false;
    while (!end && ids.size() < CAPACITY) {
      ReadFeedResponse page = page(client, user, PAGE, cursor);
      ids.addAll(ids(page));
      cursor = page.getNextCursor();
      end = page.getEndOfFeed();
    }
    return ids.subList(0, Math.min(CAPACITY, ids.size()));
  }
}
