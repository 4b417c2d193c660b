package io.tideline.multidc.fence;

import io.tideline.protocols.CborSerializable;

/** What the fences of a cell say to each other; a node is its address and its incarnation. */
sealed interface FenceMessage {
  /** Asks to be counted in; {@code sentAt} is the sender's own monotonic clock. */
  record Heartbeat(String from, long fromUid, long sentAt)
      implements FenceMessage, CborSerializable {}

  /**
   * Counts in the node that is named; {@code wallClock} is what the answering node's clock shows.
   */
  record CountedIn(String by, long byUid, long uid, long sentAt, long wallClock)
      implements FenceMessage, CborSerializable {}

  /** Time for the next heartbeats. */
  enum Beat implements FenceMessage {
    INSTANCE
  }
}
