package io.tideline.persistence.timeline;

import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** What the threads of this node see of a timeline that is awake here. */
public final class ResidentTimeline {
  private final UserId user;
  private final Consumer<FeedWatcher> watch;
  private volatile @Nullable TimelineView view;
  private volatile @Nullable PostId readTo;
  private volatile long lastReadNanos = System.nanoTime();

  /**
   * Prepares a timeline that shows nothing yet.
   *
   * @param watch hands a watcher to the owner of the timeline, which may refuse by closing it
   */
  public ResidentTimeline(UserId user, Consumer<FeedWatcher> watch) {
    this.user = user;
    this.watch = watch;
  }

  public UserId user() {
    return user;
  }

  /** The present view; {@code null} once the timeline has left this node. */
  public @Nullable TimelineView view() {
    return view;
  }

  /** The view for a reader, whose visit keeps the timeline awake. */
  public @Nullable TimelineView read() {
    lastReadNanos = System.nanoTime();
    return view;
  }

  /** The newest post that the user has read. */
  public @Nullable PostId readTo() {
    return readTo;
  }

  public void watch(FeedWatcher watcher) {
    watch.accept(watcher);
  }

  /** Nanoseconds since somebody read it. */
  public long idleNanos() {
    return System.nanoTime() - lastReadNanos;
  }

  /** For the owner: shows a new view. */
  public void show(TimelineView newer) {
    view = newer;
  }

  /** For the owner: shows a new read position. */
  public void showReadTo(@Nullable PostId position) {
    readTo = position;
  }

  /** For the owner: nobody reads from here any more. */
  public void close() {
    view = null;
  }
}
