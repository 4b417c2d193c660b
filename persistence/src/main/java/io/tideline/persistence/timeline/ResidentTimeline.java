package io.tideline.persistence.timeline;

import io.tideline.protocols.UserId;
import io.tideline.protocols.Watermark;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** What the threads of this node see of a timeline that is awake here. */
public final class ResidentTimeline {
  private static final String LEFT = "the timeline has left this node";

  private final UserId user;
  private final String surface;
  private final Consumer<FeedWatcher> watch;
  private volatile @Nullable TimelineView view;
  private volatile boolean readersHeld;
  private volatile Watermark readTo = Watermark.NOTHING;
  private volatile long lastReadNanos = System.nanoTime();
  // Whom the owner has not heard of yet; null = nobody. An owner that stops may never do.
  private @Nullable List<FeedWatcher> handedOver;
  private boolean closed;

  /**
   * Prepares a timeline that shows nothing yet.
   *
   * @param surface which feed of the user
   * @param watch hands a watcher to the owner of the timeline, which may refuse by closing it
   */
  public ResidentTimeline(UserId user, String surface, Consumer<FeedWatcher> watch) {
    this.user = user;
    this.surface = surface;
    this.watch = watch;
  }

  public UserId user() {
    return user;
  }

  public String surface() {
    return surface;
  }

  /** The present view; {@code null} once the timeline has left this node. */
  public @Nullable TimelineView view() {
    return view;
  }

  /**
   * The view for a reader, whose visit keeps the timeline awake; {@code null} also while its owner
   * is about to show a better one and is to be asked.
   */
  public @Nullable TimelineView read() {
    lastReadNanos = System.nanoTime();
    return readersHeld ? null : view;
  }

  /** How far the user has read. */
  public Watermark readTo() {
    return readTo;
  }

  /** Hands a watcher to the owner; closes it when there is none any more. */
  public void watch(FeedWatcher watcher) {
    if (handOver(watcher)) watch.accept(watcher);
    else watcher.close(LEFT);
  }

  private synchronized boolean handOver(FeedWatcher watcher) {
    if (closed) return false;
    if (handedOver == null) handedOver = new ArrayList<>(1);
    handedOver.add(watcher);
    return true;
  }

  /** For the owner: takes a watcher over; false when that has been closed meanwhile. */
  synchronized boolean takeOver(FeedWatcher watcher) {
    boolean waited = handedOver != null && handedOver.remove(watcher);
    if (handedOver != null && handedOver.isEmpty()) handedOver = null;
    return waited;
  }

  /** Nanoseconds since somebody read it. */
  public long idleNanos() {
    return System.nanoTime() - lastReadNanos;
  }

  /** For the owner: shows a new view. */
  public void show(TimelineView newer) {
    view = newer;
  }

  /** For the owner: whether readers are to wait for it. */
  public void holdReaders(boolean held) {
    readersHeld = held;
  }

  /** For the owner: shows a new read position. */
  public void showReadTo(Watermark mark) {
    readTo = mark;
  }

  /** For the owner: nobody reads or watches from here any more. */
  public void close() {
    view = null;
    List<FeedWatcher> left;
    synchronized (this) {
      closed = true;
      left = handedOver == null ? List.of() : handedOver;
      handedOver = null;
    }
    left.forEach(watcher -> watcher.close(LEFT));
  }
}
