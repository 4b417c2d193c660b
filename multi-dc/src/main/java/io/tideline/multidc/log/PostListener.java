package io.tideline.multidc.log;

import io.tideline.persistence.timeline.PostRef;
import io.tideline.protocols.log.v1.PostLine;

/** Hears of every new line before timelines do; called by the one thread that applies the log. */
@FunctionalInterface
public interface PostListener {
  void onLine(PostLine line, PostRef ref);
}
