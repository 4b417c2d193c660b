package io.tideline.multidc.log;

import io.tideline.persistence.timeline.Inbox;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.UserId;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Posts of long ago that one partition has brought and that are in no memory of the log: once they
 * are in the post store, timelines have to look there again, whether they are awake or asleep.
 *
 * <p>Those asleep do so when the log does not reach back to their checkpoints. So everything is
 * forgotten that came before; then those awake are told, and then what came meanwhile is forgotten,
 * for the sake of those who have fallen asleep at that moment.
 */
final class Refill {
  static final Duration PAUSE = Duration.ofSeconds(10);

  private final RecentPosts recent;
  private final Interest interest;
  private Brought brought = new Brought();
  // What a round tells of; what comes meanwhile is for the next one.
  private @Nullable Brought telling;
  private long forgetTo = -1;
  private final Duration pause;
  private long toldNanos;

  private static final class Brought {
    final Set<UserId> authors = new HashSet<>();
    final Set<String> tags = new HashSet<>();
    long last = -1;
  }

  /**
   * @param pause between two times that others are told
   */
  Refill(RecentPosts recent, Interest interest, Duration pause) {
    this.recent = recent;
    this.interest = interest;
    this.pause = pause;
    this.toldNanos = System.nanoTime() - pause.toNanos();
  }

  /**
   * @param offset of the line that brought it
   */
  void add(PostRef ref, long offset) {
    brought.authors.add(ref.author);
    brought.tags.addAll(ref.facts.tags());
    brought.last = offset;
  }

  /**
   * @param position how far the log has been applied
   * @param stored lines below this are in the post store
   */
  void go(LogPartition partition, long position, long stored) {
    boolean rested = System.nanoTime() - toldNanos >= pause.toNanos();
    if (forgetTo < 0 && brought.last >= 0 && stored > brought.last && rested) {
      forgetTo = position;
      telling = brought;
      brought = new Brought();
    }
    if (forgetTo < 0 || !recent.forgetBelow(partition, forgetTo)) {
      return;
    }
    Brought told = telling;
    forgetTo = told == null ? -1 : position;
    if (told != null) {
      telling = null;
      toldNanos = System.nanoTime();
      interest.in(told.authors, told.tags).forEach(Inbox::lacks);
    }
  }
}
