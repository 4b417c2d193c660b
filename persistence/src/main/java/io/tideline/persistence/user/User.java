package io.tideline.persistence.user;

import com.google.protobuf.InvalidProtocolBufferException;
import io.tideline.persistence.timeline.Checkpoint;
import io.tideline.persistence.timeline.StoredCheckpoint;
import io.tideline.persistence.user.UserEvent.EntriesArrived;
import io.tideline.persistence.user.UserEvent.Erased;
import io.tideline.persistence.user.UserEvent.IntentAccepted;
import io.tideline.persistence.user.UserEvent.IntentApplied;
import io.tideline.persistence.user.UserEvent.PostDeleted;
import io.tideline.persistence.user.UserEvent.PostEdited;
import io.tideline.persistence.user.UserEvent.PostPublished;
import io.tideline.persistence.user.UserEvent.RemainsDeleted;
import io.tideline.protocols.CborSerializable;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.log.v1.IntentLine;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What is remembered of one user; snapshot format: field names are for ever.
 *
 * @param checkpoint the last checkpoint of the home timeline; {@code null} when there is none, or
 *     when the user follows more since then than it holds
 * @param intents how many lines the user has put on the intents log
 * @param lastAt the latest hybrid time of any event
 * @param announcedTo journal sequence number up to which the logs have acknowledged everything
 * @param erasure {@code null} = the user lives; else there is nothing more, and never will be
 */
public record User(
    Graph graph,
    Filters filters,
    ReadState readState,
    Posting posting,
    @Nullable StoredCheckpoint checkpoint,
    long intents,
    long lastAt,
    long announcedTo,
    @Nullable Erasure erasure)
    implements CborSerializable {
  public static final User EMPTY =
      new User(Graph.EMPTY, Filters.EMPTY, ReadState.EMPTY, Posting.EMPTY, null, 0, 0, 0, null);

  /**
   * The end of a user, and what became of the rest.
   *
   * @param at hybrid time
   * @param posts how many there were
   * @param events how many there were in the journal
   * @param doneAtMillis when all of it had been deleted; 0 = not yet
   */
  public record Erasure(long at, long posts, long events, long doneAtMillis) {
    boolean done() {
      return doneAtMillis > 0;
    }
  }

  User after(UserEvent event) {
    if (event instanceof RemainsDeleted e) return withoutRemains(e);
    if (erasure != null) return this;
    if (event instanceof Erased e) return erased(e);
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
          checkpointThen(e.difference()),
          intents,
          lastAt,
          announcedTo,
          null);
    }
    throw new IllegalArgumentException("unknown event " + event);
  }

  /** Of these lines those that say something new, as events. */
  List<UserEvent> learned(List<IntentLine> lines, long seenAt) {
    List<UserEvent> events = new ArrayList<>();
    User known = this;
    for (IntentLine line : lines) {
      IntentApplied applied = new IntentApplied(new Payload(line.toByteArray()), seenAt);
      User then = known.after(applied);
      if (then.decidedAs(known)) continue;
      events.add(applied);
      known = then;
    }
    return events;
  }

  /**
   * The hybrid time of a new decision: later than what it changes, though that may have been
   * decided in a cell whose clock is ahead.
   */
  long timeOf(IntentLine decision, HybridClock clock) {
    long before = Math.max(graph.lastAt(decision), filters.lastAt(decision));
    return clock.nextAfter(Math.max(lastAt, before));
  }

  /**
   * The hybrid time of a new post: later than the one before, though a clock that was ahead has
   * dated that. A decision that is ahead of the clock does not date posts.
   */
  long timeOfPost(HybridClock clock) {
    clock.observe(lastAt);
    long now = clock.next();
    return now > lastAt ? now : Math.max(now, posting.lastAt() + 1);
  }

  /** The hybrid time of a new version of a post; no other cell gives the same to another one. */
  long timeOfEdit(long baseVersion, int cell, HybridClock clock) {
    return HybridClock.ofCell(cell, clock.nextAfter(Math.max(lastAt, baseVersion)));
  }

  /** Whether the two know the same decisions, whenever they learned of the last one. */
  boolean decidedAs(User other) {
    return graph.timeless().equals(other.graph.timeless())
        && filters.timeless().equals(other.filters.timeless())
        && readState.equals(other.readState);
  }

  /** The last checkpoint; empty when there is none. */
  Checkpoint checkpointed() {
    return checkpoint == null ? Checkpoint.EMPTY : checkpoint.read();
  }

  /** The difference to nothing is a checkpoint itself. */
  private StoredCheckpoint checkpointThen(Payload difference) {
    return checkpoint == null
        ? new StoredCheckpoint(difference.bytes())
        : new StoredCheckpoint(checkpoint.read().then(difference.bytes()));
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
        announced,
        null);
  }

  private User posted(Posting after, long at, long announced) {
    return new User(
        graph,
        filters,
        readState,
        after,
        checkpoint,
        intents,
        Math.max(lastAt, at),
        announced,
        null);
  }

  /** A function of the event alone: it is the first one that recovery finds. */
  private static User erased(Erased e) {
    return new User(
        Graph.EMPTY,
        Filters.EMPTY,
        ReadState.EMPTY,
        new Posting(Lines.postLine(e.line()).getSequence(), Map.of()),
        null,
        0,
        e.at(),
        e.announcedTo(),
        new Erasure(e.at(), 0, 0, 0));
  }

  private User withoutRemains(RemainsDeleted e) {
    return new User(
        graph,
        filters,
        readState,
        posting,
        checkpoint,
        intents,
        lastAt,
        e.announcedTo(),
        new Erasure(lastAt, e.posts(), e.events(), e.atMillis()));
  }

  static IntentLine line(Payload line) {
    try {
      return IntentLine.parseFrom(line.bytes());
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalArgumentException("not an intent line: " + e.getMessage(), e);
    }
  }
}
