package io.tideline.bench.data;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.zip.GZIPInputStream;

/**
 * Who reads, whom they follow, and what there is to read.
 *
 * @param description for the report
 * @param follows of each reader
 * @param posts oldest first
 */
public record Dataset(
    String description, Map<String, List<String>> follows, List<SourcePost> posts) {

  /** One post to publish; key and time make its id. */
  public record SourcePost(String author, String key, long createdAtMillis, String title) {}

  /** Whom everybody follows, and who has not written anything. */
  public static final String STAR = "bench-star";

  private static final String GRAPH = "soc-Epinions1.edgelist.gz";
  private static final String POSTS = "hn-posts-by-epinions-user.tsv.gz";
  private static final int LEAST_ENTRIES = 20;
  private static final long SEED = 20_261_126;

  private static final int GENERATED_FOLLOWS = 60;
  private static final int GENERATED_POSTS_PER_AUTHOR = 20;
  private static final long GENERATED_FROM = 1_750_000_000_000L;

  /**
   * The real graph and posts where the directory holds them, otherwise made up ones.
   *
   * @param readers how many at most, each with at least a page of entries
   */
  public static Dataset of(Path directory, int readers) {
    Path graph = directory.resolve(GRAPH);
    Path posts = directory.resolve(POSTS);
    return Files.isReadable(graph) && Files.isReadable(posts)
        ? real(graph, posts, readers)
        : generated(readers);
  }

  private static Dataset real(Path graph, Path postsFile, int readers) {
    List<SourcePost> posts = new ArrayList<>();
    forEachLine(
        postsFile,
        line -> {
          String[] columns = line.split("\t", -1);
          if (columns[0].equals("created_at")) return;
          posts.add(
              new SourcePost(
                  "e" + columns[2],
                  columns[1],
                  OffsetDateTime.parse(columns[0]).toInstant().toEpochMilli(),
                  columns[3]));
        });
    Set<String> authors = new HashSet<>();
    posts.forEach(post -> authors.add(post.author()));
    Map<String, Set<String>> follows = new LinkedHashMap<>();
    forEachLine(
        graph,
        line -> {
          if (line.startsWith("#")) return;
          String[] edge = line.split("\\s+", -1);
          if (edge[0].equals(edge[1])) return;
          follows
              .computeIfAbsent("e" + edge[0], follower -> new LinkedHashSet<>())
              .add("e" + edge[1]);
        });
    Map<String, Integer> written = new HashMap<>();
    posts.forEach(post -> written.merge(post.author(), 1, Integer::sum));
    List<String> candidates = new ArrayList<>();
    follows.forEach(
        (reader, followees) -> {
          int entries = written.getOrDefault(reader, 0);
          for (String followee : followees) entries += written.getOrDefault(followee, 0);
          if (entries >= LEAST_ENTRIES) candidates.add(reader);
        });
    Collections.shuffle(candidates, new Random(SEED));
    Map<String, List<String>> chosen = new LinkedHashMap<>();
    candidates.stream()
        .limit(readers)
        .forEach(
            reader -> {
              Set<String> followees = follows.getOrDefault(reader, new LinkedHashSet<>());
              followees.add(STAR);
              chosen.put(reader, List.copyOf(followees));
            });
    return new Dataset(
        String.format(
            Locale.ROOT,
            "%,d of the %,d readers of the Epinions graph who have a page to read, with %,d Hacker"
                + " News titles by %,d authors",
            chosen.size(),
            candidates.size(),
            posts.size(),
            authors.size()),
        chosen,
        List.copyOf(posts));
  }

  /** Made up, and large enough for {@code readers} timelines of more than 800 entries. */
  public static Dataset generated(int readers) {
    var random = new Random(SEED);
    int authors = Math.max(2 * GENERATED_FOLLOWS, readers / 10);
    Map<String, List<String>> follows = new LinkedHashMap<>();
    for (int i = 0; i < readers; i++) {
      Set<String> followees = new LinkedHashSet<>();
      while (followees.size() < GENERATED_FOLLOWS) {
        // Some authors have many followers, most have few.
        double skewed = Math.pow(random.nextDouble(), 2);
        followees.add("author-" + (int) (skewed * authors));
      }
      followees.add(STAR);
      follows.put("reader-" + i, List.copyOf(followees));
    }
    List<SourcePost> posts = new ArrayList<>();
    for (int i = 0; i < authors * GENERATED_POSTS_PER_AUTHOR; i++) {
      posts.add(
          new SourcePost(
              "author-" + random.nextInt(authors),
              "post-" + i,
              GENERATED_FROM + i * 60_000L,
              titleOf(random)));
    }
    return new Dataset(
        String.format(
            Locale.ROOT,
            "%,d made up readers who follow %d of %,d authors each, with %,d posts",
            readers,
            GENERATED_FOLLOWS,
            authors,
            posts.size()),
        follows,
        List.copyOf(posts));
  }

  private static String titleOf(Random random) {
    var title = new StringBuilder();
    int words = 5 + random.nextInt(8);
    for (int i = 0; i < words; i++) {
      if (i > 0) title.append(' ');
      for (int letters = 2 + random.nextInt(8); letters > 0; letters--) {
        title.append((char) ('a' + random.nextInt(26)));
      }
    }
    return title.toString();
  }

  private interface LineReader {
    void read(String line);
  }

  private static void forEachLine(Path file, LineReader reader) {
    try (var lines =
        new BufferedReader(
            new InputStreamReader(
                new GZIPInputStream(Files.newInputStream(file)), StandardCharsets.UTF_8))) {
      String line;
      while ((line = lines.readLine()) != null) reader.read(line);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file, e);
    }
  }

  public Set<String> readers() {
    return follows.keySet();
  }

  /** Everybody who follows an author, of those who read. */
  public Map<String, List<String>> followers() {
    Map<String, List<String>> followers = new HashMap<>();
    follows.forEach(
        (reader, followees) ->
            followees.forEach(
                followee ->
                    followers.computeIfAbsent(followee, author -> new ArrayList<>()).add(reader)));
    return followers;
  }

  /** How many entries the feed of each reader has. */
  public Map<String, Integer> entries() {
    Map<String, Integer> written = new HashMap<>();
    posts.forEach(post -> written.merge(post.author(), 1, Integer::sum));
    Map<String, Integer> entries = new HashMap<>();
    follows.forEach(
        (reader, followees) -> {
          int count = written.getOrDefault(reader, 0);
          for (String followee : followees) count += written.getOrDefault(followee, 0);
          entries.put(reader, count);
        });
    return entries;
  }
}
