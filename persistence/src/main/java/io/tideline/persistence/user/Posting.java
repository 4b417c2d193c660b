package io.tideline.persistence.user;

import io.tideline.protocols.HybridClock;
import io.tideline.protocols.PostId;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What an author's entity remembers of its posts: how many lines it has put on the posts log, and
 * the idempotency keys of the last 24 hours.
 */
public record Posting(long sequence, Map<String, Accepted> recentKeys) {
  public static final Posting EMPTY = new Posting(0, Map.of());

  public Posting {
    recentKeys = RecentKeys.of(recentKeys);
  }

  /**
   * A post that was accepted under some key.
   *
   * @param contentHash of what the caller sent
   * @param at hybrid time
   */
  public record Accepted(PostId post, long contentHash, long at) {}

  /** What was accepted under this key in the last 24 hours. */
  public @Nullable Accepted under(String key, long now) {
    Accepted accepted = recentKeys.get(key);
    return accepted != null && !expired(accepted, now) ? accepted : null;
  }

  /** How many keys of the last 24 hours there are. */
  long keysAt(long now) {
    return recentKeys.values().stream().filter(accepted -> !expired(accepted, now)).count();
  }

  /** Hybrid time of the latest post of the last 24 hours; 0 = none. */
  long lastAt() {
    return recentKeys.values().stream().mapToLong(Accepted::at).max().orElse(0);
  }

  Posting line() {
    return new Posting(sequence + 1, recentKeys);
  }

  Posting accepted(String key, Accepted post) {
    return new Posting(sequence + 1, RecentKeys.of(recentKeys).with(key, post));
  }

  private static boolean expired(Accepted accepted, long now) {
    return expired(accepted.at(), now);
  }

  static boolean expired(long at, long now) {
    return HybridClock.millisOf(now) - HybridClock.millisOf(at) >= PostId.KEY_LIFETIME.toMillis();
  }
}
