package io.tideline.persistence.user;

import io.tideline.protocols.CborSerializable;
import io.tideline.protocols.PostId;

/**
 * What happened to a user. Journal format: class and field names are for ever.
 *
 * <p>Events that put a line on a log carry {@code announcedTo}: the journal sequence number up to
 * which the logs had acknowledged everything when the event was written.
 */
public sealed interface UserEvent extends CborSerializable {

  /**
   * A post was accepted.
   *
   * @param key idempotency key; empty when it need not be remembered because the id derives from it
   * @param contentHash of what the caller sent
   * @param at hybrid time of acceptance
   * @param line an encoded {@code tideline.log.v1.PostLine}
   */
  record PostPublished(
      PostId post, String key, long contentHash, long at, Payload line, long announcedTo)
      implements UserEvent {}

  record PostEdited(PostId post, long at, Payload line, long announcedTo) implements UserEvent {}

  record PostDeleted(PostId post, long at, Payload line, long announcedTo) implements UserEvent {}

  /**
   * The user decided something: whom to follow, what to hide, how far it has read.
   *
   * @param line the encoded {@code tideline.log.v1.IntentLine} that says and announces it
   */
  record IntentAccepted(Payload line, long announcedTo) implements UserEvent {}

  /**
   * Somebody else decided something that concerns the user; nothing is announced.
   *
   * @param line an encoded {@code tideline.log.v1.IntentLine}
   * @param seenAt hybrid time at which this cell learned of it
   */
  record IntentApplied(Payload line, long seenAt) implements UserEvent {}

  /**
   * The timeline as it came to be since the checkpoint before.
   *
   * @param difference an encoded {@code tideline.log.v1.TimelineCheckpoint}
   */
  record EntriesArrived(Payload difference) implements UserEvent {}

  /**
   * The user is erased for ever. No event before it counts any more: they are deleted, and need not
   * be announced.
   *
   * @param at hybrid time
   * @param line an encoded {@code tideline.log.v1.PostLine}
   */
  record Erased(long at, Payload line, long announcedTo) implements UserEvent {}

  /**
   * What was stored of the erased user has been deleted.
   *
   * @param posts how many there were
   * @param events how many there were in the journal
   */
  record RemainsDeleted(long posts, long events, long atMillis, long announcedTo)
      implements UserEvent {}
}
