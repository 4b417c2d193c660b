package io.tideline.node.cli;

import io.tideline.protocols.UserId;
import java.util.Optional;
import java.util.StringTokenizer;

/** One row of an edge list: {@code follower followee}, with spaces or tabs between them. */
record FollowRow(UserId follower, UserId followee) {

  /** Empty for a blank line and for a comment, which starts with {@code #}. */
  static Optional<FollowRow> parse(String line, String prefix) {
    if (line.isBlank() || line.startsWith("#")) return Optional.empty();
    var columns = new StringTokenizer(line);
    if (columns.countTokens() != 2) {
      throw new InputRows.BadRow(
          "expected `follower followee`, found %d columns".formatted(columns.countTokens()));
    }
    return Optional.of(
        new FollowRow(
            InputRows.user(prefix, columns.nextToken()),
            InputRows.user(prefix, columns.nextToken())));
  }

  /** A feed shows its reader's own posts anyway, so nobody needs to follow themselves. */
  boolean followsSelf() {
    return follower.equals(followee);
  }
}
