package io.tideline.persistence.user;

import io.tideline.persistence.timeline.Checkpoint;
import io.tideline.persistence.timeline.LiveTimeline;
import io.tideline.persistence.timeline.ResidentTimelines;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.FollowsChanged;
import io.tideline.protocols.log.v1.IntentLine;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What an entity holds of a user whose timeline is awake; without the actor. */
public final class ResidentUser {
  private static final long THEN = 1L << 56;

  private final User state;
  private final LiveTimeline timeline;

  /**
   * Wakes the user's timeline, on the calling thread.
   *
   * @param woken the timeline as it was when it fell asleep; {@code null} = it never was awake
   */
  public ResidentUser(
      String name,
      List<String> followees,
      LiveTimeline.Surroundings around,
      @Nullable ResidentUser woken) {
    var user = new UserId(name);
    byte[] checkpoint = woken == null ? null : woken.checkpoint().encode();
    state = followed(name, followees, checkpoint);
    var self = new LiveTimeline[1];
    timeline =
        new LiveTimeline(
            user,
            ResidentTimelines.HOME,
            around,
            Runnable::run,
            () -> self[0].drain(),
            () -> true,
            new Rules(user, ResidentTimelines.HOME, state.graph(), state.filters(), 1, 1));
    self[0] = timeline;
    timeline.wake(state.checkpoint());
    if (!timeline.settled()) throw new IllegalStateException("the timeline is not awake");
  }

  /** As recovery makes it of an event. */
  private static User followed(String name, List<String> followees, byte @Nullable [] checkpoint) {
    IntentLine line =
        IntentLine.newBuilder()
            .setUserId(name)
            .setOriginCell(1)
            .setSequence(1)
            .setAt(THEN)
            .setFollowsChanged(
                FollowsChanged.newBuilder().addAllTargetIds(followees).setActive(true))
            .build();
    User user = User.EMPTY.after(new UserEvent.IntentAccepted(new Payload(line.toByteArray()), 0));
    return checkpoint == null
        ? user
        : user.after(
            new UserEvent.EntriesArrived(
                new Payload(Checkpoint.EMPTY.differenceTo(Checkpoint.decode(checkpoint)))));
  }

  private Checkpoint checkpoint() {
    Checkpoint checkpoint = timeline.checkpoint();
    if (checkpoint == null) throw new IllegalStateException("the timeline is not complete");
    return checkpoint;
  }

  public int entries() {
    return timeline.describe().entries();
  }

  /** Takes the timeline out of memory. */
  public void stop() {
    timeline.stop("it falls asleep");
  }
}
