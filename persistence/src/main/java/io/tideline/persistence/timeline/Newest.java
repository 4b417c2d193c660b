package io.tideline.persistence.timeline;

import java.util.List;

/**
 * The newest posts of several authors together.
 *
 * @param refs newest first; deleted ones are among them, and those that have lost the tag
 * @param cutOff false when these are all there are; true when there may be older ones
 */
public record Newest(List<PostRef> refs, boolean cutOff) {
  public Newest {
    refs = List.copyOf(refs);
  }
}
