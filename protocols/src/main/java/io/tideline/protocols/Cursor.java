package io.tideline.protocols;

import org.jspecify.annotations.Nullable;

/**
 * A place in one reader's walk through a feed.
 *
 * @param after the last entry returned; null at the beginning of the walk
 * @param base OLDER returns what was in the feed then, NEWER what came since
 * @param until NEWER: the moment to which the walk is pinned; null before its first page
 */
public record Cursor(
    UserId reader,
    String surface,
    Direction direction,
    @Nullable PostId after,
    Watermark base,
    @Nullable Watermark until) {

  /** Which way a walk goes. */
  public enum Direction {
    OLDER,
    NEWER
  }
}
