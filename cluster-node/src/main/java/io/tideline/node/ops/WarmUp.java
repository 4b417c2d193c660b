package io.tideline.node.ops;

import io.tideline.persistence.timeline.ResidentTimelines;
import io.tideline.persistence.user.UserEntity;
import io.tideline.persistence.user.UserReply;
import io.tideline.protocols.UserId;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.apache.pekko.NotUsed;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.javadsl.AskPattern;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;
import org.apache.pekko.cluster.sharding.typed.javadsl.Entity;
import org.apache.pekko.cluster.sharding.typed.javadsl.EntityTypeKey;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Wakes timelines of users that nobody is, before there are others: the first ones on a node take
 * seconds, for which the readers of the first shards that move to it would wait.
 */
public final class WarmUp {
  private static final EntityTypeKey<NotUsed> NOBODY =
      EntityTypeKey.create(NotUsed.class, "Nobody");
  private static final int ROUNDS = 8;
  private static final int AT_ONCE = 4;
  private static final Duration LIMIT = Duration.ofSeconds(10);
  private static final Logger LOG = LoggerFactory.getLogger(WarmUp.class);

  private final ActorSystem<?> system;
  private final UserEntity.Surroundings entities;

  private WarmUp(ActorSystem<?> system, UserEntity.Surroundings entities) {
    this.system = system;
    this.entities = entities;
  }

  /**
   * To be called as soon as the node may be a member. Where shards are is written to all members,
   * and those answer that have started some kind of entity: without one, a node that is not ready
   * for users would hold up the shards of the others.
   */
  public static void takePartInSharding(ActorSystem<?> system) {
    ClusterSharding.get(system).init(Entity.of(NOBODY, context -> Behaviors.empty()));
  }

  /** Somebody who has never been heard of. */
  public static UserId nobody() {
    return new UserId("warm-up." + UUID.randomUUID());
  }

  /** Done after 10 s at the latest; writes nothing. */
  public static CompletionStage<Void> run(ActorSystem<?> system, UserEntity.Surroundings entities) {
    long startedAt = System.nanoTime();
    return new WarmUp(system, entities)
        .rounds(ROUNDS)
        .toCompletableFuture()
        .completeOnTimeout(null, LIMIT.toMillis(), TimeUnit.MILLISECONDS)
        .thenRun(
            () ->
                LOG.info(
                    "Warm after {} ms",
                    TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startedAt)));
  }

  private CompletionStage<Void> rounds(int left) {
    if (left == 0) return CompletableFuture.completedStage(null);
    return CompletableFuture.allOf(
            IntStream.range(0, AT_ONCE).mapToObj(i -> wake()).toArray(CompletableFuture[]::new))
        .thenCompose(done -> rounds(left - 1));
  }

  private CompletableFuture<Void> wake() {
    UserId nobody = nobody();
    ActorRef<UserEntity.Command> entity =
        system.systemActorOf(
            UserEntity.create(nobody, entities, system.ignoreRef()), nobody.value(), Props.empty());
    return AskPattern.<UserEntity.Command, UserReply>ask(
            entity,
            replyTo -> new UserEntity.Wake(nobody, ResidentTimelines.HOME, replyTo),
            LIMIT,
            system.scheduler())
        .<Void>handle(
            (reply, failure) -> {
              entity.tell(new UserEntity.Stop());
              return null;
            })
        .toCompletableFuture();
  }
}
