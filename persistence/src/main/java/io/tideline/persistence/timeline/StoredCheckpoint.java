package io.tideline.persistence.timeline;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import org.jspecify.annotations.Nullable;

/**
 * A checkpoint as a user's state has it. Snapshots have it encoded, and so has the state, until a
 * difference is applied to it, or a timeline is awake that has nearly all of its references anyway:
 * those take a tenth of the bytes. What it says never changes.
 */
public final class StoredCheckpoint {
  // A Checkpoint, or a byte[]: one field, because a snapshot is written on another thread.
  private volatile Object form;

  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  public StoredCheckpoint(byte[] encoded) {
    form = encoded;
  }

  public StoredCheckpoint(Checkpoint held) {
    form = held;
  }

  /** Not to be changed. */
  @JsonValue
  public byte[] encoded() {
    Object now = form;
    return now instanceof Checkpoint held ? held.encode() : (byte[]) now;
  }

  public Checkpoint read() {
    Object now = form;
    return now instanceof Checkpoint held ? held : Checkpoint.decode((byte[]) now);
  }

  /**
   * From now on it holds these references.
   *
   * @param same equal to it
   */
  public void hold(Checkpoint same) {
    form = same;
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof StoredCheckpoint that && read().equals(that.read());
  }

  @Override
  public int hashCode() {
    return read().hashCode();
  }

  @Override
  public String toString() {
    return read().toString();
  }
}
