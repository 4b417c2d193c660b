package io.tideline.persistence.timeline;

import io.tideline.protocols.UserId;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** The timelines that are awake on this node. */
public final class ResidentTimelines {
  /** The surface of a user's home feed; most timelines have this one. */
  public static final String HOME = "home";

  private record Key(UserId user, String surface) {}

  private final ConcurrentHashMap<UserId, ResidentTimeline> homes = new ConcurrentHashMap<>();
  private final ConcurrentHashMap<Key, ResidentTimeline> others = new ConcurrentHashMap<>();

  public @Nullable ResidentTimeline get(UserId user, String surface) {
    return surface.equals(HOME) ? homes.get(user) : others.get(new Key(user, surface));
  }

  public void add(ResidentTimeline timeline) {
    if (timeline.surface().equals(HOME)) homes.put(timeline.user(), timeline);
    else others.put(new Key(timeline.user(), timeline.surface()), timeline);
  }

  /** Closes a timeline and forgets it, unless a newer one took its place. */
  public void remove(ResidentTimeline timeline) {
    timeline.close();
    if (timeline.surface().equals(HOME)) homes.remove(timeline.user(), timeline);
    else others.remove(new Key(timeline.user(), timeline.surface()), timeline);
  }

  public int size() {
    return homes.size() + others.size();
  }
}
