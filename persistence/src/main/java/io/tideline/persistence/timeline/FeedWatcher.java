package io.tideline.persistence.timeline;

import io.tideline.protocols.Cursor;
import io.tideline.protocols.Watermark;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Somebody who is told of every change of one timeline; called by its owner, must not wait. */
public interface FeedWatcher {
  /** One line of the log and what it did. */
  record Change(Timeline.Event what, PostRef post) {}

  /** Where the watcher left off; {@code null} = it wants only what is new. */
  @Nullable Cursor resumesFrom();

  /**
   * Takes changes in order.
   *
   * @param after what the timeline is once the changes are applied
   * @return false when the watcher is gone or too slow and is to be forgotten
   */
  boolean offer(List<Change> changes, TimelineView after);

  /** Learns how far the user has read, at first and whenever that changes. */
  void readTo(Watermark read, TimelineView now);

  /** True when nobody listens any more. */
  boolean gone();

  /** The timeline leaves this node; the watcher resumes elsewhere. */
  void close(String reason);
}
