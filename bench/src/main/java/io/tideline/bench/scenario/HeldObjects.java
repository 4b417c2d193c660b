package io.tideline.bench.scenario;

import io.tideline.multidc.log.FullWindow;
import io.tideline.persistence.timeline.LiveTimeline;
import io.tideline.persistence.timeline.Newest;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.persistence.timeline.ResidentTimelines;
import io.tideline.persistence.timeline.Sources;
import io.tideline.persistence.timeline.TimelineStats;
import io.tideline.persistence.user.ResidentUser;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.v1.Post;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * A process that holds as much as it is told to of what a node holds, says how much heap that
 * takes, and ends. It prints one line: how many there are, and their bytes.
 */
final class HeldObjects implements LiveTimeline.Texts {
  private static final int CAPACITY = 800;
  private static final int INBOX = 4_096;
  private static final int FOLLOWEES = 60;
  private static final int AUTHORS = 1_000;
  private static final int POSTS_PER_AUTHOR = 20;
  private static final int STEP = 1_000;
  private static final double FULL = 0.96;

  private final FullWindow window;
  private final LiveTimeline.Surroundings around;
  private final SplittableRandom random = new SplittableRandom(1);
  private final List<ResidentUser> residents = new ArrayList<>();

  private HeldObjects(boolean remembered) {
    window = new FullWindow(AUTHORS, remembered);
    around =
        new LiveTimeline.Surroundings(
            window,
            (sources, olderThan, newerThan, limit, wanted) ->
                CompletableFuture.completedFuture(stored(sources, limit)),
            this,
            new ResidentTimelines(),
            new TimelineStats(nanos -> {}, nanos -> {}),
            ids -> {},
            CAPACITY,
            INBOX);
    for (int i = 0; i < AUTHORS * POSTS_PER_AUTHOR; i++) window.add();
  }

  /**
   * Fills this process.
   *
   * @param arguments {@code timelines}, {@code again} (timelines that slept before), {@code
   *     forgotten} (timelines of posts that are not remembered) or {@code references}; and how
   *     many, or {@code fit}
   */
  public static void main(String[] arguments) {
    int most = arguments[1].equals("fit") ? Integer.MAX_VALUE : Integer.parseInt(arguments[1]);
    long[] held =
        switch (arguments[0]) {
          case "timelines" -> new HeldObjects(true).timelines(most, false);
          case "again" -> new HeldObjects(true).timelines(most, true);
          case "forgotten" -> new HeldObjects(false).timelines(most, false);
          case "references" -> references(most);
          default -> throw new IllegalArgumentException("unknown: " + arguments[0]);
        };
    System.out.println(held[0] + " " + held[1]);
  }

  private long[] timelines(int most, boolean slept) {
    // What is made once, for instance classes, is no part of any.
    residents.add(resident("first", slept));
    long before = live();
    int count = 0;
    while (count < most && !full()) {
      for (int i = 0; i < STEP && count < most; i++) {
        residents.add(resident("reader-" + count++, slept));
      }
    }
    long bytes = live() - before;
    if (residents.size() != count + 1) throw new IllegalStateException("some are gone");
    return new long[] {count, bytes};
  }

  private ResidentUser resident(String name, boolean slept) {
    Set<String> followees = new HashSet<>();
    while (followees.size() < FOLLOWEES) {
      followees.add(FullWindow.author(random.nextInt(AUTHORS)).value());
    }
    List<String> chosen = List.copyOf(followees);
    var resident = new ResidentUser(name, chosen, around, null);
    if (slept) {
      resident.stop();
      resident = new ResidentUser(name, chosen, around, resident);
    }
    if (resident.entries() != CAPACITY) throw new IllegalStateException("not full: " + name);
    return resident;
  }

  /** As the post store answers: references of its own. */
  private Newest stored(Sources sources, int limit) {
    List<PostRef> refs = new ArrayList<>();
    for (UserId author : sources.authors()) refs.addAll(window.stored(author));
    refs.sort(Comparator.comparing(PostRef::id).reversed());
    return new Newest(refs.subList(0, Math.min(limit, refs.size())), refs.size() > limit);
  }

  private static long[] references(int most) {
    // So that each author has about twenty.
    long expected = most == Integer.MAX_VALUE ? Runtime.getRuntime().maxMemory() / 80 : most;
    var window = new FullWindow((int) (expected / POSTS_PER_AUTHOR), true);
    long before = live();
    long count = 0;
    while (count < most && !full()) {
      for (int i = 0; i < STEP && count < most; i++, count++) window.add();
    }
    long bytes = live() - before;
    if (window.applied().partitions().isEmpty()) throw new IllegalStateException("it is gone");
    return new long[] {count, bytes};
  }

  private static long live() {
    System.gc();
    return used();
  }

  private static long used() {
    Runtime runtime = Runtime.getRuntime();
    return runtime.totalMemory() - runtime.freeMemory();
  }

  /** Whether no more fits: what looks full may be garbage. */
  private static boolean full() {
    double most = FULL * Runtime.getRuntime().maxMemory();
    return used() > most && live() > most;
  }

  @Override
  public @Nullable Post postIfPresent(PostId id) {
    return null;
  }

  @Override
  public CompletionStage<Map<PostId, Post>> posts(Collection<PostId> ids) {
    return CompletableFuture.completedFuture(Map.of());
  }
}
