package io.tideline.persistence.timeline;

import io.tideline.protocols.UserId;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** The timelines that are awake on this node, by user. */
public final class ResidentTimelines {
  private final ConcurrentHashMap<UserId, ResidentTimeline> byUser = new ConcurrentHashMap<>();

  public @Nullable ResidentTimeline get(UserId user) {
    return byUser.get(user);
  }

  public void add(ResidentTimeline timeline) {
    byUser.put(timeline.user(), timeline);
  }

  /** Closes a timeline and forgets it, unless a newer one of the same user took its place. */
  public void remove(ResidentTimeline timeline) {
    timeline.close();
    byUser.remove(timeline.user(), timeline);
  }

  public int size() {
    return byUser.size();
  }
}
