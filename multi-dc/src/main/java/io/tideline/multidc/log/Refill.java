package io.tideline.multidc.log;

import io.tideline.persistence.timeline.Inbox;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.UserId;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;

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
  private final Set<UserId> authors = new HashSet<>();
  private final Set<String> tags = new HashSet<>();
  private long last = -1;
  private long forgetTo = -1;
  private boolean telling;
  private long toldNanos = System.nanoTime() - PAUSE.toNanos();

  Refill(RecentPosts recent, Interest interest) {
    this.recent = recent;
    this.interest = interest;
  }

  /**
   * @param offset of the line that brought it
   */
  void add(PostRef ref, long offset) {
    authors.add(ref.author);
    tags.addAll(ref.facts.tags());
    last = offset;
  }

  /**
   * @param position how far the log has been applied
   * @param stored lines below this are in the post store
   */
  void go(LogPartition partition, long position, long stored) {
    boolean rested = System.nanoTime() - toldNanos >= PAUSE.toNanos();
    if (forgetTo < 0 && last >= 0 && stored > last && rested) {
      forgetTo = position;
      telling = true;
    }
    if (forgetTo < 0 || !recent.forgetBelow(partition, forgetTo)) {
      return;
    }
    forgetTo = telling ? position : -1;
    if (telling) {
      telling = false;
      toldNanos = System.nanoTime();
      interest.in(authors, tags).forEach(Inbox::lacks);
      // Else some came meanwhile that are not stored yet: there will be another round.
      if (stored > last) {
        last = -1;
        authors.clear();
        tags.clear();
      }
    }
  }
}
