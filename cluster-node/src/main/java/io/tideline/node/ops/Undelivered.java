package io.tideline.node.ops;

import io.tideline.persistence.user.UserEntity;
import io.tideline.persistence.user.UserReply;
import org.apache.pekko.actor.AllDeadLetters;
import org.apache.pekko.actor.WrappedMessage;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.eventstream.EventStream;
import org.apache.pekko.actor.typed.javadsl.Behaviors;

/**
 * Answers what did not reach the entity it was for: while a shard moves the toolkit drops what is
 * on its way to it. Who asked may ask again at once, since nothing was done, and need not wait
 * until the time is up.
 */
public final class Undelivered {
  private static final UserReply ASK_AGAIN =
      new UserReply.Refused(UserReply.Refusal.MISROUTED, "the user moves to another node");

  private Undelivered() {}

  /** Answers in place of the entities of this node from now on. */
  public static void answer(ActorSystem<?> system) {
    Behavior<AllDeadLetters> answers =
        Behaviors.receiveMessage(
            lost -> {
              if (WrappedMessage.unwrap(lost) instanceof UserEntity.Request request) {
                request.replyTo().tell(ASK_AGAIN);
              }
              return Behaviors.same();
            });
    system
        .eventStream()
        .tell(
            new EventStream.Subscribe<>(
                AllDeadLetters.class,
                system.systemActorOf(answers, "tideline-undelivered", Props.empty())));
  }
}
