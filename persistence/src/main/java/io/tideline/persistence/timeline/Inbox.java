package io.tideline.persistence.timeline;

import java.util.ArrayList;
import java.util.List;

/**
 * What has arrived for one resident timeline and has not been taken yet.
 *
 * <p>Many arrivals cost one wake-up: the first offer after a drain calls it, the others add. Where
 * nothing waits and the timeline can take a line at once, that costs no wake-up either.
 */
public final class Inbox {
  /** Whose lines these are. */
  @FunctionalInterface
  public interface Receiver {
    /** Lines wait. Comes from any thread. */
    void wakeUp();

    /**
     * Takes the line at once if that is possible without waiting, and asks {@link #isEmpty} where
     * nobody else can drain.
     */
    default boolean take(PostRef line) {
      return false;
    }
  }

  private final int capacity;
  private final Receiver receiver;
  private List<PostRef> waiting = new ArrayList<>(0);
  private boolean woken;
  private boolean lacking;
  private boolean droppedSinceDrain;
  private boolean droppedBeforeDrain;

  public Inbox(int capacity, Receiver receiver) {
    if (capacity < 1) {
      throw new IllegalArgumentException("inbox capacity is " + capacity + ", expected at least 1");
    }
    this.capacity = capacity;
    this.receiver = receiver;
  }

  /** Hands the line over if the timeline takes it now, or else {@link #offer offers} it. */
  public void deliver(PostRef line) {
    if (!isEmpty() || !receiver.take(line)) offer(line);
  }

  /** Whether nothing waits, and nobody has been told that something does. */
  public synchronized boolean isEmpty() {
    return !woken;
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
      receiver.wakeUp();
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
      receiver.wakeUp();
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
