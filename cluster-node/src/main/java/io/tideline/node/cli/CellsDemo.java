package io.tideline.node.cli;

import io.tideline.protocols.v1.DeletePostRequest;
import io.tideline.protocols.v1.FollowRequest;
import io.tideline.protocols.v1.FollowResponse;
import io.tideline.protocols.v1.PostContent;
import io.tideline.protocols.v1.PublishRequest;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import io.tideline.protocols.v1.SourceCellState;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Queue;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

/**
 * The story that {@code tideline demo --cells 2} tells: one reader in two cells, and what becomes
 * of her feed when the line between them is cut. Every claim it makes it has checked.
 */
final class CellsDemo implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final String READER = "ada";
  private static final int LIVE_POSTS = 50;
  private static final int ROUNDS = 40;
  private static final int ROUNDS_PER_FOLLOW = 10;
  private static final long BETWEEN_ROUNDS_MILLIS = 100;
  private static final int FIRST_PAGE = 20;
  private static final int NEXT_PAGES = 50;

  // A busy machine makes some ms of a few; a call that waits for the other cell takes seconds.
  private static final double NOISE_P50_MILLIS = 25;
  private static final double NOISE_P99_MILLIS = 1_000;

  /**
   * One cell, and what happens there.
   *
   * @param author who posts there
   * @param toFollow whom the reader comes to follow there, one after the other
   */
  private record Side(
      LocalCluster.Cell cell,
      String address,
      FeedClient client,
      String author,
      Queue<String> toFollow) {
    String name() {
      return cell.name();
    }
  }

  /**
   * What was done in one cell for a while.
   *
   * @param added the posts that came into the reader's feed by it
   */
  private record Activity(Latencies writes, Latencies reads, List<String> added) {
    Activity() {
      this(new Latencies(), new Latencies(), new ArrayList<>());
    }
  }

  private final Side east;
  private final Side west;
  private final Story story;
  private final Map<String, String> greetings = new HashMap<>();
  // The text form of an id sorts as the id.
  private final NavigableSet<String> expected = new TreeSet<>(Comparator.reverseOrder());

  /** Of two cells and the address of a node of each. */
  CellsDemo(
      LocalCluster.Cell east,
      String eastAddress,
      LocalCluster.Cell west,
      String westAddress,
      Story story) {
    List<String> people = ExampleGraph.create().people();
    this.east = side(east, eastAddress, people.get(1), people.subList(3, 11));
    this.west = side(west, westAddress, people.get(2), people.subList(11, 19));
    this.story = story;
  }

  private static Side side(
      LocalCluster.Cell cell, String address, String author, List<String> toFollow) {
    return new Side(
        cell,
        address,
        FeedClient.of(List.of(address), PATIENCE),
        author,
        new ArrayDeque<>(toFollow));
  }

  private List<Side> sides() {
    return List.of(east, west);
  }

  private Side other(Side side) {
    return side.equals(east) ? west : east;
  }

  void showCells() {
    for (Side side : sides()) {
      boolean copies = comesToSee(side, SourceCellState.SOURCE_CELL_STATE_UP);
      NodesCommand.table(Demo.topology(side.client)).lines().forEach(story::say);
      story.check(copies, "%s copies the logs of %s", side.name(), other(side).name());
    }
  }

  private boolean comesToSee(Side side, SourceCellState otherCell) {
    return Demo.eventually(
        () ->
            Demo.topology(side.client).getSourcesList().stream()
                .anyMatch(
                    source ->
                        source.getCell().equals(other(side).name())
                            && source.getState() == otherCell),
        Boolean::booleanValue);
  }

  /** What is decided and written in one cell is read in the other. */
  void cross() {
    for (Side side : sides()) {
      follow(side, side.author);
      expected.add(publish(side, side.author, "Hello from the " + side.name()));
    }
    story.check(
        sameInBoth(),
        "%s follows %s in %s and %s in %s: her feed in each has the posts of both",
        READER,
        east.author,
        east.name(),
        west.author,
        west.name());
    story.say(
        "%s watches in %s through %s, %s posts in %s through %s:",
        READER, west.name(), west.address, east.author, east.name(), east.address);
    var crossing = new Latencies();
    boolean allSeen;
    try (Screen screen = Screen.of(west.client, READER, PATIENCE)) {
      for (int i = 0; i < LIVE_POSTS; i++) {
        String id = publish(east, east.author, "Live from the east pier, number " + (i + 1));
        long acknowledgedAt = System.nanoTime();
        expected.add(id);
        crossing.add(Math.max(0, (screen.seenAt(id) - acknowledgedAt) / 1e6));
      }
      allSeen = crossing.p99() < PATIENCE.toMillis() && screen.isOn();
    }
    story.say(
        "%d posts, one after the other: from durable to the screen in the other cell %.1f ms (p50),"
            + " %.1f ms (p99)",
        LIVE_POSTS, crossing.p50(), crossing.p99());
    story.check(allSeen, "all of them arrived");
  }

  /**
   * Cuts the line while both cells are written to and read, and heals it; a walk through the feed
   * begins before and ends after.
   */
  void cutAndHeal() {
    story.chapter("3. The line between them is cut");
    for (Side side : sides()) {
      // Posted where they will not be followed, so that post and follow have to meet.
      side.toFollow.forEach(
          person -> greetings.put(person, publish(other(side), person, "New in town")));
    }
    List<Activity> before = beBusy("The line is whole");
    story.check(sameInBoth(), "%d posts, the same in both", expected.size());
    String deleted = expected.last();
    ReadFeedResponse firstPage = page(east, "", FIRST_PAGE);
    List<String> walk = new ArrayList<>(expected);
    walk.remove(deleted);

    sides().forEach(side -> side.cell.line().cut());
    story.say(
        "The line is cut: neither reaches the other's Kafka. Both write on, and %s deletes in %s",
        east.author, east.name());
    delete(east, east.author, deleted);
    List<Activity> meanwhile = beBusy("The line is cut");
    tellPace(before, meanwhile);
    for (Side side : sides()) {
      story.check(
          comesToSee(side, SourceCellState.SOURCE_CELL_STATE_AWAY),
          "%s says that %s is away",
          side.name(),
          other(side).name());
    }
    Set<String> unknownInEast = new HashSet<>(meanwhile.get(1).added);
    unknownInEast.add(deleted);
    story.check(
        shows(east, without(unknownInEast)) && shows(west, without(meanwhile.get(0).added)),
        "each shows all that was written in it, and nothing of the other since");

    story.chapter("4. The line is healed");
    expected.remove(deleted);
    long healedAt = System.nanoTime();
    sides().forEach(side -> side.cell.line().heal());
    boolean same = sameInBoth();
    story.say(
        "after %,.0f ms each has what was written and decided in the other",
        (System.nanoTime() - healedAt) / 1e6);
    story.check(
        same,
        "both feeds are the same, id for id: %d posts, the deleted one in neither",
        expected.size());
    List<String> walked = walkedOn(firstPage, west);
    if (!walked.equals(walk)) tellDifference(walked, walk);
    story.check(
        walked.equals(walk),
        "a walk begun in %s before the cut goes on in %s: %d posts, none missing, none twice",
        east.name(),
        west.name(),
        walk.size());
    for (Side side : sides()) {
      story.check(
          comesToSee(side, SourceCellState.SOURCE_CELL_STATE_UP),
          "%s copies the logs of %s again",
          side.name(),
          other(side).name());
    }
  }

  private void tellDifference(List<String> walked, List<String> expected) {
    List<String> missing = new ArrayList<>(expected);
    missing.removeAll(walked);
    List<String> tooMany = new ArrayList<>(walked);
    expected.forEach(tooMany::remove);
    story.say("of the walk are missing %s, and too many are %s", missing, tooMany);
  }

  /** For some seconds both cells take posts, follows and reads in turn. */
  private List<Activity> beBusy(String text) {
    List<Activity> activities = List.of(new Activity(), new Activity());
    for (int round = 0; round < ROUNDS; round++) {
      for (int i = 0; i < activities.size(); i++) {
        Side side = sides().get(i);
        Activity activity = activities.get(i);
        String post = "%s, number %d".formatted(text, round + 1);
        activity.added.add(activity.writes.time(() -> publish(side, side.author, post)));
        // Never in both cells at once: a walk from cell to cell does not know then who was first.
        if (round % ROUNDS_PER_FOLLOW == i * ROUNDS_PER_FOLLOW / 2) {
          String person = side.toFollow.remove();
          activity.writes.time(() -> follow(side, person));
          activity.added.add(greetings.get(person));
        }
        activity.reads.time(() -> page(side, "", FIRST_PAGE));
      }
      pause();
    }
    activities.forEach(activity -> expected.addAll(activity.added));
    return activities;
  }

  private static void pause() {
    try {
      TimeUnit.MILLISECONDS.sleep(BETWEEN_ROUNDS_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CommandFailure(ExitCode.FAILED, "interrupted");
    }
  }

  private void tellPace(List<Activity> before, List<Activity> meanwhile) {
    story.say("%-22s %18s %18s", "ms (p50, p99)", "before", "cut off");
    boolean asFast = true;
    for (int i = 0; i < before.size(); i++) {
      String name = sides().get(i).name();
      asFast &= row(name + " writes", before.get(i).writes, meanwhile.get(i).writes);
      asFast &= row(name + " reads", before.get(i).reads, meanwhile.get(i).reads);
    }
    story.check(asFast, "no call has waited for the other cell");
  }

  private boolean row(String calls, Latencies before, Latencies meanwhile) {
    story.say(
        "%-22s %9.1f %8.1f %9.1f %8.1f",
        meanwhile.count() + " " + calls,
        before.p50(),
        before.p99(),
        meanwhile.p50(),
        meanwhile.p99());
    return meanwhile.p50() < before.p50() + NOISE_P50_MILLIS
        && meanwhile.p99() < before.p99() + NOISE_P99_MILLIS;
  }

  private List<String> without(Collection<String> posts) {
    return expected.stream().filter(id -> !posts.contains(id)).toList();
  }

  private boolean sameInBoth() {
    List<String> all = List.copyOf(expected);
    return shows(east, all) && shows(west, all);
  }

  private static boolean shows(Side side, List<String> posts) {
    return Demo.eventually(() -> Demo.idsOf(Demo.read(side.client, READER)), posts::equals)
        .equals(posts);
  }

  private static List<String> walkedOn(ReadFeedResponse firstPage, Side side) {
    List<String> walked = new ArrayList<>(Demo.idsOf(firstPage.getCardsList()));
    String cursor = firstPage.getNextCursor();
    while (!cursor.isEmpty()) {
      ReadFeedResponse page = page(side, cursor, NEXT_PAGES);
      walked.addAll(Demo.idsOf(page.getCardsList()));
      cursor = page.getNextCursor();
    }
    return walked;
  }

  private static ReadFeedResponse page(Side side, String cursor, int size) {
    return side.client.call(
        Methods.READ_FEED,
        ReadFeedRequest.newBuilder().setUserId(READER).setPageSize(size).setCursor(cursor).build());
  }

  private static String publish(Side side, String author, String text) {
    return side.client
        .call(
            Methods.PUBLISH,
            PublishRequest.newBuilder()
                .setAuthorId(author)
                .setIdempotencyKey(UUID.randomUUID().toString())
                .setContent(PostContent.newBuilder().setText(text))
                .build())
        .getPostId();
  }

  private static void delete(Side side, String author, String post) {
    side.client.call(
        Methods.DELETE_POST,
        DeletePostRequest.newBuilder().setAuthorId(author).setPostId(post).build());
  }

  private static FollowResponse follow(Side side, String person) {
    return side.client.call(
        Methods.FOLLOW, FollowRequest.newBuilder().setUserId(READER).setFolloweeId(person).build());
  }

  @Override
  public void close() {
    sides().forEach(side -> side.client.close());
  }
}
