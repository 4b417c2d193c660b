package io.tideline.multidc.backfill;

import io.tideline.protocols.Positions;

/**
 * What this cell says again for another one, and how far it has come.
 *
 * @param cell number of the other one
 * @param after how far the walk has come, as those who are walked through say
 * @param end everything lies below, once all of it has been said
 */
public record Given(
    int cell, long request, Walk walk, long after, long posts, long users, Positions end) {

  /** What is walked through. */
  public enum Walk {
    POSTS,
    USERS,
    DONE
  }

  static Given begin(int cell, long request) {
    return new Given(cell, request, Walk.POSTS, Long.MIN_VALUE, 0, 0, Positions.EMPTY);
  }

  public boolean done() {
    return walk == Walk.DONE;
  }

  Given posts(int more, long nextAfter) {
    return new Given(cell, request, walk, nextAfter, posts + more, users, end);
  }

  Given users(int more, long nextAfter) {
    return new Given(cell, request, walk, nextAfter, posts, users + more, end);
  }

  Given thenUsers() {
    return new Given(cell, request, Walk.USERS, Long.MIN_VALUE, posts, users, end);
  }

  Given done(Positions allBelow) {
    return new Given(cell, request, Walk.DONE, after, posts, users, allBelow);
  }
}
