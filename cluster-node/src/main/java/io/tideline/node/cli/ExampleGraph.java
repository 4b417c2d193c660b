package io.tideline.node.cli;

import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/**
 * A small town with an opinion on the tide: people, whom they follow, and a week of posts; the same
 * every time.
 */
record ExampleGraph(Map<String, Set<String>> follows, List<ExamplePost> posts) {

  /** A post with the time and key from which its id follows. */
  record ExamplePost(String author, String key, long createdAtMillis, String text) {
    PostId id() {
      return PostId.imported(createdAtMillis, new UserId(author), key);
    }
  }

  private static final long SEED = 20_261_102L;
  private static final int POSTS = 200;
  private static final Instant MONDAY = Instant.parse("2025-11-03T06:00:00Z");
  private static final Duration WEEK = Duration.ofDays(6);

  private static final List<String> PEOPLE =
      List.of(
          "ada", "ben", "cleo", "dario", "edda", "fynn", "gesa", "hugo", "ines", "jonas", "kaya",
          "lars", "mina", "nils", "oona", "piet", "quin", "rosa", "sven", "tilda", "ugo", "vera",
          "wim", "xenia", "yara", "zeno", "alma", "bo", "carla", "dov");

  private static final List<String> SENTENCES =
      List.of(
          "High tide at %1$s was up to the second step of the stairs.",
          "Does anybody know who left a %2$s at %1$s? It is still there.",
          "Walked out to %1$s at low water and came back with a %2$s and wet feet.",
          "The ferry is late again. Somebody at %1$s says it is the wind, somebody says it is %3$s.",
          "Found a %2$s under the boat. Offers welcome.",
          "Fog over %1$s since five. You can hear the bell and nothing else.",
          "Soup at %1$s tonight, bring a bowl, and whoever has a %2$s bring that as well.",
          "My grandmother could tell the tide from %3$s. I need an app and still miss it.",
          "Repaired the %2$s with a piece of string and hope.",
          "If you read this at %1$s: the light is on, the door is open, the kettle is not.",
          "Counted eleven seals off %1$s. They counted one of me.",
          "New paint on the %2$s. Please admire it before the next storm does.",
          "Three facts about %3$s that nobody at dinner wanted to hear, thread soon.",
          "The market at %1$s has pears again, and one %2$s that nobody dares to ask about.",
          "Slept through the storm. Woke up with a %2$s in the garden.",
          "Today's lesson: never argue about %3$s on a pier.",
          "Spring tide on Thursday. Move the %2$s or wave it goodbye.",
          "The school choir rehearses at %1$s, so the gulls have moved out.");
  private static final List<String> PLACES =
      List.of(
          "the old pier",
          "the harbour",
          "the lighthouse",
          "the mill",
          "the sandbank",
          "the slipway",
          "the fish hall",
          "the north beach");
  private static final List<String> THINGS =
      List.of(
          "lantern",
          "bicycle",
          "rope ladder",
          "left boot",
          "barometer",
          "kite",
          "tin trunk",
          "tuba",
          "rudder",
          "crate of lemons");
  private static final List<String> TOPICS =
      List.of("the moon", "knots", "the smell of rain", "gulls", "the old charts", "rust", "eels");

  static ExampleGraph create() {
    Random random = new Random(SEED);
    return new ExampleGraph(follows(random), posts(random));
  }

  private static Map<String, Set<String>> follows(Random random) {
    Map<String, Set<String>> follows = new LinkedHashMap<>();
    for (String person : PEOPLE) {
      Set<String> followees = new LinkedHashSet<>();
      // The next on the list, so that ada follows ben.
      followees.add(PEOPLE.get((PEOPLE.indexOf(person) + 1) % PEOPLE.size()));
      int wanted = 3 + random.nextInt(5);
      while (followees.size() < wanted) {
        // The smaller of two: people at the head of the list are better known.
        int index = Math.min(random.nextInt(PEOPLE.size()), random.nextInt(PEOPLE.size()));
        if (!PEOPLE.get(index).equals(person)) followees.add(PEOPLE.get(index));
      }
      follows.put(person, followees);
    }
    return follows;
  }

  private static List<ExamplePost> posts(Random random) {
    List<ExamplePost> posts = new ArrayList<>();
    for (int i = 0; i < POSTS; i++) {
      long slot = WEEK.toMillis() / POSTS;
      long at = MONDAY.toEpochMilli() + i * slot + random.nextInt((int) slot);
      posts.add(
          new ExamplePost(
              oneOf(PEOPLE, random),
              "example-" + i,
              at,
              oneOf(SENTENCES, random)
                  .formatted(oneOf(PLACES, random), oneOf(THINGS, random), oneOf(TOPICS, random))));
    }
    return posts;
  }

  private static String oneOf(List<String> list, Random random) {
    return list.get(random.nextInt(list.size()));
  }

  List<String> people() {
    return List.copyOf(follows.keySet());
  }

  /** Who has posts of {@code author} in the home feed, the author included. */
  List<String> readersOf(String author) {
    return people().stream()
        .filter(reader -> reader.equals(author) || followeesOf(reader).contains(author))
        .toList();
  }

  Set<String> followeesOf(String person) {
    return follows.getOrDefault(person, Set.of());
  }

  int followCount() {
    return follows.values().stream().mapToInt(Set::size).sum();
  }

  /** The home feed that the graph implies, newest first: own posts and those of followees. */
  List<String> feedOf(String reader) {
    return posts.stream()
        .filter(post -> post.author().equals(reader) || followeesOf(reader).contains(post.author()))
        .map(ExamplePost::id)
        .sorted(Comparator.reverseOrder())
        .map(PostId::toString)
        .toList();
  }
}
