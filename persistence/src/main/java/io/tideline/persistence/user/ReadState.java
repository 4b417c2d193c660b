package io.tideline.persistence.user;

import io.tideline.protocols.PostId;
import org.jspecify.annotations.Nullable;

/**
 * How far a user has read; only moves forward.
 *
 * @param readTo the newest post read; {@code null} before the first
 */
public record ReadState(@Nullable PostId readTo) {
  public static final ReadState EMPTY = new ReadState(null);

  /** True when the mark would move the position. */
  public boolean movedBy(PostId mark) {
    return readTo == null || mark.compareTo(readTo) > 0;
  }

  public ReadState merge(PostId mark) {
    return movedBy(mark) ? new ReadState(mark) : this;
  }
}
