package io.tideline.node;

import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.protocols.v1.Post;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * What clients have been told, and the judge of what readers find afterwards: nothing acknowledged
 * is lost, nothing is there twice, and the newest comes first.
 *
 * <p>The text of a post is its idempotency key, so that a post that was accepted twice is seen.
 */
final class History {
  private final Map<String, Set<String>> followees = new HashMap<>();
  private final Map<String, Set<String>> attempted = new HashMap<>();
  private final Map<String, Map<String, String>> acknowledged = new HashMap<>();

  synchronized void follows(String reader, Set<String> authors) {
    Set<String> andTheirOwn = new HashSet<>(authors);
    andTheirOwn.add(reader);
    followees.put(reader, andTheirOwn);
  }

  synchronized void attempts(String author, String key) {
    attempted.computeIfAbsent(author, name -> new HashSet<>()).add(key);
  }

  synchronized void acknowledged(String author, String key, String post) {
    String before =
        acknowledged.computeIfAbsent(author, name -> new HashMap<>()).putIfAbsent(key, post);
    assertThat(before).as("answer to the same key %s of %s", key, author).isIn(null, post);
  }

  synchronized Set<String> readers() {
    return Set.copyOf(followees.keySet());
  }

  synchronized int size() {
    return acknowledged.values().stream().mapToInt(Map::size).sum();
  }

  /** What a reader must find by now, at least. */
  synchronized Set<String> owedTo(String reader) {
    Set<String> posts = new HashSet<>();
    for (String author : followees.getOrDefault(reader, Set.of())) {
      posts.addAll(acknowledged.getOrDefault(author, Map.of()).values());
    }
    return posts;
  }

  synchronized void verify(String reader, List<Post> feed) {
    List<String> ids = feed.stream().map(Post::getPostId).toList();
    Set<String> missing = new TreeSet<>(owedTo(reader));
    missing.removeAll(ids);
    assertThat(missing).as("acknowledged but not in the feed of %s", reader).isEmpty();
    assertThat(ids)
        .as("feed of %s", reader)
        .doesNotHaveDuplicates()
        .isSortedAccordingTo(Comparator.reverseOrder());
    List<String> keys = new ArrayList<>();
    for (Post post : feed) {
      String author = post.getAuthorId();
      String key = post.getText();
      assertThat(followees.get(reader)).as("author of %s for %s", post, reader).contains(author);
      assertThat(attempted.get(author)).as("keys used by %s", author).contains(key);
      keys.add(author + "/" + key);
    }
    assertThat(keys).as("posts by idempotency key for %s", reader).doesNotHaveDuplicates();
  }
}
