package io.tideline.persistence.user;

import io.tideline.persistence.timeline.Checkpoint;
import io.tideline.persistence.user.UserEvent.EntriesArrived;
import io.tideline.persistence.user.UserEvent.FollowsChanged;
import io.tideline.persistence.user.UserEvent.PostDeleted;
import io.tideline.persistence.user.UserEvent.PostEdited;
import io.tideline.persistence.user.UserEvent.PostPublished;
import io.tideline.persistence.user.UserEvent.ReadMarked;
import io.tideline.protocols.CborSerializable;
import org.jspecify.annotations.Nullable;

/**
 * What is remembered of one user; snapshot format: field names are for ever.
 *
 * @param checkpoint the encoded last checkpoint of the timeline; {@code null} when there is none,
 *     or when a follow since then asks for posts that it does not hold
 * @param intents how many lines the user has put on the intents log
 * @param lastAt the latest hybrid time of any event
 * @param announcedTo journal sequence number up to which the logs have acknowledged everything
 */
public record User(
    Graph graph,
    ReadState readState,
    Posting posting,
    @Nullable Payload checkpoint,
    long intents,
    long lastAt,
    long announcedTo)
    implements CborSerializable {
  public static final User EMPTY =
      new User(Graph.EMPTY, ReadState.EMPTY, Posting.EMPTY, null, 0, 0, 0);

  User after(UserEvent event) {
    if (event instanceof PostPublished e) {
      Posting.Accepted accepted = new Posting.Accepted(e.post(), e.contentHash(), e.at());
      return posted(
          e.key().isEmpty() ? posting.line() : posting.accepted(e.key(), accepted),
          e.at(),
          e.announcedTo());
    }
    if (event instanceof PostEdited e) return posted(posting.line(), e.at(), e.announcedTo());
    if (event instanceof PostDeleted e) return posted(posting.line(), e.at(), e.announcedTo());
    if (event instanceof FollowsChanged e) {
      FollowEdge edge = new FollowEdge(e.active(), e.at(), e.cell());
      return new User(
          graph.merge(e.targets(), edge),
          readState,
          posting,
          e.active() ? null : checkpoint,
          intents + 1,
          Math.max(lastAt, e.at()),
          e.announcedTo());
    }
    if (event instanceof ReadMarked e) {
      return new User(
          graph,
          readState.merge(e.post()),
          posting,
          checkpoint,
          intents + 1,
          Math.max(lastAt, e.at()),
          e.announcedTo());
    }
    if (event instanceof EntriesArrived e) {
      return new User(
          graph,
          readState,
          posting,
          new Payload(checkpointed().then(e.difference().bytes()).encode()),
          intents,
          lastAt,
          announcedTo);
    }
    throw new IllegalArgumentException("unknown event " + event);
  }

  /** The last checkpoint; empty when there is none. */
  Checkpoint checkpointed() {
    return checkpoint == null ? Checkpoint.EMPTY : Checkpoint.decode(checkpoint.bytes());
  }

  private User posted(Posting after, long at, long announced) {
    return new User(graph, readState, after, checkpoint, intents, Math.max(lastAt, at), announced);
  }
}
