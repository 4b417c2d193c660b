package io.tideline.node.ops;

import com.typesafe.config.ConfigFactory;
import io.tideline.persistence.posts.PostStore;
import io.tideline.persistence.user.UserEntity;
import io.tideline.persistence.user.UserJournal;
import io.tideline.protocols.UserId;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.persistence.cassandra.cleanup.Cleanup;
import org.apache.pekko.persistence.cassandra.cleanup.CleanupSettings;
import org.apache.pekko.persistence.typed.PersistenceId;
import scala.jdk.javaapi.FutureConverters;

/** Deletes what Cassandra keeps of erased users; fails when anything of it may still be there. */
public final class UserRemains implements UserEntity.Remains {
  private static final Duration BETWEEN_LOOKS = Duration.ofMillis(100);
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  private final ActorSystem<?> system;
  private final PostStore store;
  private final Cleanup cleanup;

  public UserRemains(ActorSystem<?> system, PostStore store) {
    this.system = system;
    this.store = store;
    this.cleanup =
        new Cleanup(
            system,
            new CleanupSettings(
                ConfigFactory.parseString("dry-run = off")
                    .withFallback(
                        system
                            .settings()
                            .config()
                            .getConfig("pekko.persistence.cassandra.cleanup"))));
  }

  @Override
  public CompletionStage<Integer> delete(UserId user, long lastEvent) {
    PersistenceId id = UserEntity.persistenceId(user);
    return posts(user, Instant.now().plus(PATIENCE))
        .thenCompose(
            posts ->
                FutureConverters.asJava(cleanup.deleteEventsTo(id.id(), lastEvent))
                    // The tool takes a failure of the journal for success.
                    .thenCompose(marked -> UserJournal.deleteRows(system, id, lastEvent))
                    .thenCompose(
                        deleted -> FutureConverters.asJava(cleanup.deleteAllSnapshots(id.id())))
                    .thenApply(deleted -> posts));
  }

  /** How many posts there were, once the store has read in the log that they are no more. */
  private CompletionStage<Integer> posts(UserId user, Instant giveUpAt) {
    return store
        .erasure(user)
        .thenCompose(
            erasure -> {
              if (erasure.isPresent()) {
                return CompletableFuture.completedStage(erasure.get().posts());
              }
              if (Instant.now().isAfter(giveUpAt)) {
                throw new IllegalStateException("the post store has not erased " + user + " yet");
              }
              return CompletableFuture.supplyAsync(
                      () -> user,
                      CompletableFuture.delayedExecutor(
                          BETWEEN_LOOKS.toMillis(), TimeUnit.MILLISECONDS))
                  .thenCompose(again -> posts(again, giveUpAt));
            });
  }
}
