package io.tideline.persistence.user;

/**
 * One follow edge as this cell knows it; the later change wins, whichever arrives first.
 *
 * @param at hybrid time of the change
 * @param cell where it was made; decides between two of the same time
 */
public record FollowEdge(boolean active, long at, int cell) {
  FollowEdge merge(FollowEdge other) {
    if (at != other.at) return at > other.at ? this : other;
    if (cell != other.cell) return cell > other.cell ? this : other;
    return active ? this : other;
  }
}
