package io.tideline.node.cli;

import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.v1.FeedView;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
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

/**
 * The two files of the real-input run, and the home feeds that follow from them: computed the
 * simplest way, sharing nothing with the importer but the definition of an imported post's id.
 */
final class ImportedFeeds {
  static final int CAPACITY = 800;
  private static final int PAGE = 100;

  private final String prefix;
  private final Map<String, Set<String>> follows = new HashMap<>();
  private final Map<String, List<PostId>> posts = new HashMap<>();
  private final Set<String> users = new TreeSet<>();

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
        feeds.posts.computeIfAbsent(columns[2], author -> new ArrayList<>()).add(id);
        feeds.users.add(columns[2]);
      }
    }
    return feeds;
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

  /** The ids of the newest own posts and posts of followees, newest first. */
  List<String> expected(String user) {
    Stream<String> authors =
        Stream.concat(Stream.of(user), follows.getOrDefault(user, Set.of()).stream()).distinct();
    return authors
        .flatMap(author -> posts.getOrDefault(author, List.of()).stream())
        .sorted(Comparator.reverseOrder())
        .limit(CAPACITY)
        .map(PostId::toString)
        .toList();
  }

  /** The same from a running cluster: all pages, as far as the capacity of a timeline reaches. */
  List<String> read(FeedClient client, String user) {
    List<String> ids = new ArrayList<>();
    String cursor = "";
    boolean end = false;
    while (!end && ids.size() < CAPACITY) {
      ReadFeedResponse page =
          client.call(
              Methods.READ_FEED,
              ReadFeedRequest.newBuilder()
                  .setUserId(prefix + user)
                  .setPageSize(PAGE)
                  .setCursor(cursor)
                  .setView(FeedView.FEED_VIEW_REFS)
                  .build());
      page.getCardsList().forEach(card -> ids.add(card.getPost().getPostId()));
      cursor = page.getNextCursor();
      end = page.getEndOfFeed();
    }
    return ids.subList(0, Math.min(CAPACITY, ids.size()));
  }
}
