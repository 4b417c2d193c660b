package io.tideline.persistence.timeline;

import io.tideline.protocols.Positions;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Somebody who is told of every change of one timeline; called by its owner, must not wait. */
public interface FeedWatcher {
  /** One line of the log and what it did. */
  record Change(Timeline.Change what, PostRef post) {}

  /** Where the watcher left off; {@code null} = it wants only what is new. */
  @Nullable Positions resumesFrom();

  /**
   * Takes changes in order.
   *
   * @param positions the timeline reflects every line below them once the changes are applied
   * @return false when the watcher is gone or too slow and is to be forgotten
   */
  boolean offer(List<Change> changes, Positions positions);

  /** True when nobody listens any more. */
  boolean gone();

  /** The timeline leaves this node; the watcher resumes elsewhere. */
  void close(String reason);
}
