package io.tideline.persistence.timeline;

import io.tideline.protocols.PostId;
import io.tideline.protocols.Watermark;
import org.jspecify.annotations.Nullable;

/**
 * How far one feed has been read.
 *
 * @param post the newest post read; {@code null} before the first
 * @param then what the feed was made of when it was read
 */
public record ReadMark(@Nullable PostId post, Watermark then) {
  public static final ReadMark NOTHING = new ReadMark(null, Watermark.NOTHING);
}
