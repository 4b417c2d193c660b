package io.tideline.persistence.user;

import com.google.protobuf.InvalidProtocolBufferException;
import io.tideline.persistence.timeline.Checkpoint;
import io.tideline.persistence.user.UserEvent.EntriesArrived;
import io.tideline.persistence.user.UserEvent.IntentAccepted;
import io.tideline.persistence.user.UserEvent.IntentApplied;
import io.tideline.persistence.user.UserEvent.PostDeleted;
import io.tideline.persistence.user.UserEvent.PostEdited;
import io.tideline.persistence.user.UserEvent.PostPublished;
import io.tideline.protocols.CborSerializable;
import io.tideline.protocols.log.v1.IntentLine;
import org.jspecify.annotations.Nullable;

/**
 * What is remembered of one user; snapshot format: field names are for ever.
 *
 * @param checkpoint the encoded last checkpoint of the home timeline; {@code null} when there is
 *     none, or when the user follows more since then than it holds
 * @param intents how many lines the user has put on the intents log
 * @param lastAt the latest hybrid time of any event
 * @param announcedTo journal sequence number up to which the logs have acknowledged everything
 */
public record User(
    Graph graph,
    Filters filters,
    ReadState readState,
    Posting posting,
    @Nullable Payload checkpoint,
    long intents,
    long lastAt,
    long announcedTo)
    implements CborSerializable {
  public static final User EMPTY =
      new User(Graph.EMPTY, Filters.EMPTY, ReadState.EMPTY, Posting.EMPTY, null, 0, 0, 0);

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
    if (event instanceof IntentAccepted e) {
      IntentLine line = line(e.line());
      return intended(line, line.getAt(), intents + 1, e.announcedTo());
    }
    if (event instanceof IntentApplied e) {
      return intended(line(e.line()), e.seenAt(), intents, announcedTo);
    }
    if (event instanceof EntriesArrived e) {
      return new User(
          graph,
          filters,
          readState,
          posting,
          new Payload(checkpointed().then(e.difference().bytes()).encode()),
          intents,
          lastAt,
          announcedTo);
    }
    throw new IllegalArgumentException("unknown event " + event);
  }

  /** Whether the two know the same decisions, whenever they learned of the last one. */
  boolean decidedAs(User other) {
    return graph.timeless().equals(other.graph.timeless())
        && filters.timeless().equals(other.filters.timeless())
        && readState.equals(other.readState);
  }

  /** The last checkpoint; empty when there is none. */
  Checkpoint checkpointed() {
    return checkpoint == null ? Checkpoint.EMPTY : Checkpoint.decode(checkpoint.bytes());
  }

  private User intended(IntentLine line, long seenAt, long intentsThen, long announced) {
    boolean moreSources = line.getFollowsChanged().getActive() || line.getTagsChanged().getActive();
    return new User(
        graph.merge(line, seenAt),
        filters.merge(line, seenAt),
        readState.merge(line),
        posting,
        moreSources ? null : checkpoint,
        intentsThen,
        Math.max(lastAt, seenAt),
        announced);
  }

  private User posted(Posting after, long at, long announced) {
    return new User(
        graph, filters, readState, after, checkpoint, intents, Math.max(lastAt, at), announced);
  }

  static IntentLine line(Payload line) {
    try {
      return IntentLine.parseFrom(line.bytes());
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalArgumentException("not an intent line: " + e.getMessage(), e);
    }
  }
}
