package io.tideline.persistence.timeline;

import io.tideline.protocols.KnownRules;
import org.jspecify.annotations.Nullable;

/**
 * A moment in the past of a reader's rules.
 *
 * @param at hybrid time
 * @param known which decisions another cell knew then; {@code null} = what this cell had learned
 */
public record Moment(long at, @Nullable KnownRules known) {
  public Moment(long at) {
    this(at, null);
  }

  /**
   * Whether a decision was known then.
   *
   * @param madeAt hybrid time
   * @param seenAt hybrid time at which this cell learned of it
   */
  public boolean knew(long madeAt, int madeIn, long seenAt) {
    return known == null ? seenAt <= at : known.includes(madeAt, madeIn);
  }
}
