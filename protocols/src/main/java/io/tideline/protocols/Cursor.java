package io.tideline.protocols;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A place in one reader's walk through a feed.
 *
 * @param after the last entry returned; null at the beginning of the walk
 * @param base OLDER returns what was in the feed then, NEWER what came since
 * @param until NEWER: the moment to which the walk is pinned; null before its first page
 * @param passed what was in the feed at the base and perhaps was not returned
 * @param owed NEWER: what was in the feed at {@code until} and was hidden when the walk went by
 */
public record Cursor(
    UserId reader,
    String surface,
    Direction direction,
    @Nullable PostId after,
    Watermark base,
    @Nullable Watermark until,
    PassedOver passed,
    List<PostId> owed) {

  public Cursor {
    owed = List.copyOf(owed);
  }

  /** The beginning of a walk towards newer entries. */
  public static Cursor newer(UserId reader, String surface, Watermark base, PassedOver passed) {
    return new Cursor(reader, surface, Direction.NEWER, null, base, null, passed, List.of());
  }

  /** The same place, knowing less of what the walk has passed over. */
  Cursor withoutPassed() {
    return new Cursor(
        reader, surface, direction, after, base, until, PassedOver.NOTHING, List.of());
  }

  /** The same place, with nothing said of the rules at its moments. */
  Cursor withoutRules() {
    Watermark then = until == null ? null : until.withoutRules();
    return new Cursor(reader, surface, direction, after, base.withoutRules(), then, passed, owed);
  }

  /** Which way a walk goes. */
  public enum Direction {
    OLDER,
    NEWER
  }
}
