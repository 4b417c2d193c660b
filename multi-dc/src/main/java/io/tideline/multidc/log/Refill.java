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

  // With more of them nearly everybody who is awake has to be told: then everybody is.
  static final int MOST = 100_000;

  private final RecentPosts recent;
  private final Interest interest;
  private Brought brought = new Brought();
  // What a round tells of; what comes meanwhile is for the next one.
  private @Nullable Brought round;
  private boolean told;
  private long forgetTo;
  private final Duration pause;
  private long toldNanos;

  private static final class Brought {
    final Set<UserId> authors = new HashSet<>();
    final Set<String> tags = new HashSet<>();
    boolean tooMany;
    long since = -1;
    long last = -1;

    void add(PostRef ref) {
      if (tooMany) {
        return;
      }
      authors.add(ref.author);
      tags.addAll(ref.facts.tags());
      if (authors.size() + tags.size() > MOST) {
        tooMany = true;
        authors.clear();
        tags.clear();
      }
    }

    Set<Inbox> of(Interest interest) {
      return tooMany ? interest.everybody() : interest.in(authors, tags);
    }
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
   * @param position up to where the log was applied before
   */
  void add(PostRef ref, long offset, long position) {
    brought.add(ref);
    brought.last = offset;
    if (brought.since < 0) {
      brought.since = position;
    }
  }

  /**
   * Up to where the log was applied before the first line of which those awake have yet to be told;
   * -1 when there is none. Who falls asleep meanwhile may not claim to know more: it has to look
   * into the store when it wakes, here or elsewhere.
   */
  long since() {
    Brought first = round;
    return first == null ? brought.since : first.since;
  }

  /**
   * @param position how far the log has been applied
   * @param stored lines below this are in the post store
   */
  void go(LogPartition partition, long position, long stored) {
    boolean rested = System.nanoTime() - toldNanos >= pause.toNanos();
    if (round == null && brought.last >= 0 && stored > brought.last && rested) {
      round = brought;
      brought = new Brought();
      told = false;
      forgetTo = position;
    }
    Brought telling = round;
    if (telling == null || !recent.forgetBelow(partition, forgetTo)) {
      return;
    }
    if (told) {
      round = null;
      return;
    }
    told = true;
    forgetTo = position;
    toldNanos = System.nanoTime();
    telling.of(interest).forEach(Inbox::lacks);
  }
}
