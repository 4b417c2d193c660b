package io.tideline.protocols;

/**
 * What one reader's feed was made of at one moment.
 *
 * @param positions every line of the logs below them, and none above
 * @param rulesAt the reader's rules as of this hybrid time
 * @param floor nothing eligible above it was left out; what was at or below it is not spoken of
 */
public record Watermark(Positions positions, long rulesAt, PostId floor) {
  public static final Watermark NOTHING = new Watermark(Positions.EMPTY, 0, PostId.MIN);
}
