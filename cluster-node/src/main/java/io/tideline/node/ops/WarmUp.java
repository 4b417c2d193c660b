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
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
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
 * Wakes timelines of users that nobody is and reads them through the node's own socket, before
 * there are others: the first ones on a node take seconds, for which the readers of the first
 * shards that move to it would wait.
 */
public final class WarmUp {
  private static final EntityTypeKey<NotUsed> NOBODY =
      EntityTypeKey.create(NotUsed.class, "Nobody");
  // Nobody reads yet in a cell that starts. Where others serve, readers come as soon as a shard
  // does, and a method is compiled after some 200 calls.
  private static final int FIRST = 32;
  private static final int AMONG_OTHERS = 64;
  private static final int AT_ONCE = 8;
  private static final Duration LIMIT = Duration.ofSeconds(10);
  private static final Logger LOG = LoggerFactory.getLogger(WarmUp.class);

  private final ActorSystem<?> system;
  private final UserEntity.Surroundings entities;
  private final Function<UserId, CompletionStage<?>> page;
  private final long startedAt = System.nanoTime();
  private final AtomicInteger woken = new AtomicInteger();
  private final AtomicInteger read = new AtomicInteger();
  private final AtomicInteger failed = new AtomicInteger();

  private WarmUp(
      ActorSystem<?> system,
      UserEntity.Surroundings entities,
      Function<UserId, CompletionStage<?>> page) {
    this.system = system;
    this.entities = entities;
    this.page = page;
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

  /**
   * Done after 10 s at the latest; writes nothing.
   *
   * @param othersServe whether other nodes of the cell have users, some of whom will move here
   * @param page asks for the page of a user who is awake here, as a client would
   */
  public static CompletionStage<Void> run(
      ActorSystem<?> system,
      UserEntity.Surroundings entities,
      boolean othersServe,
      Function<UserId, CompletionStage<?>> page) {
    int users = othersServe ? AMONG_OTHERS : FIRST;
    return new WarmUp(system, entities, page)
        .rounds(users / AT_ONCE)
        .toCompletableFuture()
        .completeOnTimeout(null, LIMIT.toMillis(), TimeUnit.MILLISECONDS);
  }

  private CompletionStage<Void> rounds(int left) {
    long taken = System.nanoTime() - startedAt;
    if (left == 0 || taken > LIMIT.toNanos()) {
      LOG.info(
          "Woke {} users that nobody is and read {} of their pages in {} ms; {} could not be read",
          woken.get(),
          read.get(),
          TimeUnit.NANOSECONDS.toMillis(taken),
          failed.get());
      return CompletableFuture.completedStage(null);
    }
    return CompletableFuture.allOf(
            IntStream.range(0, AT_ONCE).mapToObj(i -> one()).toArray(CompletableFuture[]::new))
        .thenCompose(done -> rounds(left - 1));
  }

  private CompletableFuture<Void> one() {
    UserId nobody = nobody();
    ActorRef<UserEntity.Command> entity =
        system.systemActorOf(
            UserEntity.create(nobody, entities, system.ignoreRef()), nobody.value(), Props.empty());
    return AskPattern.<UserEntity.Command, UserReply>ask(
            entity,
            replyTo -> new UserEntity.Wake(nobody, ResidentTimelines.HOME, replyTo),
            LIMIT,
            system.scheduler())
        .thenAccept(awake -> woken.incrementAndGet())
        .thenCompose(counted -> readPage(nobody))
        .thenCompose(counted -> readPage(nobody))
        .<Void>handle(
            (done, failure) -> {
              entity.tell(new UserEntity.Stop());
              return null;
            })
        .toCompletableFuture();
  }

  private CompletionStage<Void> readPage(UserId nobody) {
    return page.apply(nobody)
        .handle(
            (answer, failure) -> {
              if (failure == null) {
                read.incrementAndGet();
              } else if (failed.getAndIncrement() == 0) {
                LOG.warn("A page of the warm-up failed; so may others, which are counted", failure);
              }
              return null;
            });
  }
}
