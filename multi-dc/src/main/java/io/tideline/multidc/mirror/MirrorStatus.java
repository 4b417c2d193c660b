package io.tideline.multidc.mirror;

import io.tideline.protocols.CborSerializable;

/**
 * How the copying of one log goes, as the node that copies it tells all others every second.
 *
 * @param cell the name of the other cell
 * @param topic the log
 * @param lagLines how many of its lines are not copied yet, as of the last look at its end
 * @param lagMillis everything older than this has been copied; 0 when everything has
 * @param copiedToMillis everything that the log had by then has been copied, in milliseconds since
 *     1970; 0 when that is not known
 */
public record MirrorStatus(
    String cell, String topic, State state, long lagLines, long lagMillis, long copiedToMillis)
    implements CborSerializable {

  /** From good to bad. */
  public enum State {
    /** Lines are copied as they come. */
    UP,
    /** No node has said lately that it copies. */
    UNKNOWN,
    /** The other cell's Kafka does not answer, or copying fails; it is tried again for ever. */
    AWAY,
    /** Something of the cell's is not here and cannot be copied: it has to be said again. */
    BACKFILL_NEEDED
  }
}
