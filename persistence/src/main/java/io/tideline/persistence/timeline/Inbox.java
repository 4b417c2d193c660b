package io.tideline.persistence.timeline;

import java.util.ArrayList;
import java.util.List;

/**
 * What has arrived for one resident timeline and has not been taken yet.
 *
 * <p>Many arrivals cost one wake-up: the first offer after a drain calls it, the others add.
 */
public final class Inbox {
  private final int capacity;
  private final Runnable wakeUp;
  private List<PostRef> waiting = new ArrayList<>(0);
  private boolean woken;
  private boolean lacking;
  private boolean droppedSinceDrain;
  private boolean droppedBeforeDrain;

  public Inbox(int capacity, Runnable wakeUp) {
    if (capacity < 1) {
      throw new IllegalArgumentException("inbox capacity is " + capacity + ", expected at least 1");
    }
    this.capacity = capacity;
    this.wakeUp = wakeUp;
  }

  /** Adds a reference, or drops it when the inbox is full and remembers that it did. */
  public void offer(PostRef ref) {
    boolean first;
    synchronized (this) {
      if (waiting.size() < capacity) {
        waiting.add(ref);
      } else {
        droppedSinceDrain = true;
      }
      first = !woken;
      woken = true;
    }
    if (first) {
      wakeUp.run();
    }
  }

  /** Says that something has come that is nowhere but in the store. */
  public void lacks() {
    boolean first;
    synchronized (this) {
      lacking = true;
      first = !woken;
      woken = true;
    }
    if (first) {
      wakeUp.run();
    }
  }

  /** Whether {@link #lacks} was said since this was asked last. */
  public synchronized boolean lacked() {
    boolean lacked = lacking;
    lacking = false;
    return lacked;
  }

  /** Takes everything, in the order of the offers. */
  public synchronized List<PostRef> drain() {
    List<PostRef> taken = waiting;
    waiting = new ArrayList<>(0);
    woken = false;
    droppedBeforeDrain = droppedSinceDrain;
    droppedSinceDrain = false;
    return taken;
  }

  /**
   * True when what the last drain returned is incomplete, or what the next one would return; the
   * timeline must then catch up. Ask after draining: whatever was dropped before is told then.
   */
  public synchronized boolean overflowed() {
    return droppedBeforeDrain || droppedSinceDrain;
  }
}
