package io.tideline.node.ops;

import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.persistence.timeline.ResidentTimelines;
import io.tideline.persistence.user.UserEntity;
import io.tideline.persistence.user.UserReply;
import io.tideline.protocols.UserId;
import java.time.Duration;
import java.util.function.Consumer;
import org.apache.pekko.actor.Actor;
import org.apache.pekko.actor.ActorRef;
import org.apache.pekko.actor.Dropped;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.sharding.typed.ShardingEnvelope;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class UndeliveredTest {
  private static final UserId USER = new UserId("ann");

  private final ActorTestKit kit = ActorTestKit.create();
  private final TestProbe<UserReply> asking = kit.createTestProbe(UserReply.class);

  @BeforeEach
  void start() {
    Undelivered.answer(kit.system());
  }

  @AfterEach
  void stop() {
    kit.shutdownTestKit();
  }

  /** A shard that hands off waits for its entities and takes nothing more. */
  private ActorRef shard() {
    return Adapter.toClassic(kit.spawn(Behaviors.receiveMessage(message -> Behaviors.unhandled())));
  }

  private ActorRef deadLetters() {
    return kit.system().classicSystem().deadLetters();
  }

  private Object question() {
    return new UserEntity.Wake(USER, ResidentTimelines.HOME, asking.ref());
  }

  private void isAnswered(Consumer<Object> way, Object message) {
    // Whether it listens already is not known.
    for (int i = 0; i < 50; i++) {
      way.accept(message);
      try {
        UserReply.Refused refused =
            asking.expectMessageClass(UserReply.Refused.class, Duration.ofMillis(200));
        assertThat(refused.why()).isEqualTo(UserReply.Refusal.MISROUTED);
        return;
      } catch (AssertionError notYet) {
        if (i == 49) throw notYet;
      }
    }
  }

  @Test
  void what_a_shard_that_leaves_does_not_take_is_answered() {
    ActorRef shard = shard();
    isAnswered(
        message -> shard.tell(message, Actor.noSender()),
        new ShardingEnvelope<>(USER.value(), question()));
  }

  @Test
  void what_was_waiting_for_a_shard_that_leaves_is_answered() {
    ActorRef shard = shard();
    isAnswered(
        message ->
            deadLetters()
                .tell(
                    new Dropped(message, "the shard moves", Actor.noSender(), shard),
                    Actor.noSender()),
        new ShardingEnvelope<>(USER.value(), question()));
  }

  @Test
  void what_an_entity_has_not_read_when_it_stops_is_answered() {
    isAnswered(message -> deadLetters().tell(message, Actor.noSender()), question());
  }

  @Test
  void what_asks_for_nothing_disturbs_nothing() {
    isAnswered(message -> deadLetters().tell(message, Actor.noSender()), question());
    deadLetters().tell(new UserEntity.Announce(USER, 1), Actor.noSender());
    isAnswered(message -> deadLetters().tell(message, Actor.noSender()), question());
  }
}
