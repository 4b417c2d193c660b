package io.tideline.node.ops;

import com.typesafe.config.ConfigFactory;
import io.tideline.persistence.posts.PostStore;
import io.tideline.persistence.user.UserEntity;
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

/** Deletes what Cassandra keeps of erased users, and looks again whether it has gone. */
public final class UserRemains implements UserEntity.Remains {
  private static final Duration BETWEEN_LOOKS = Duration.ofMillis(100);
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  private final PostStore store;
  private final UserEntity.JournalReader journal;
  private final Cleanup cleanup;

  public UserRemains(ActorSystem<?> system, PostStore store, UserEntity.JournalReader journal) {
    this.store = store;
    this.journal = journal;
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
                    // The tool takes a refusal of the journal for success.
                    .thenCompose(deleted -> journal.read(id, 1, lastEvent))
                    .thenCompose(left -> snapshots(id, left.size()))
                    .thenApply(deleted -> posts));
  }

  private CompletionStage<?> snapshots(PersistenceId id, int eventsLeft) {
    if (eventsLeft > 0) {
      throw new IllegalStateException("the journal still has " + eventsLeft + " events of " + id);
    }
    return FutureConverters.asJava(cleanup.deleteAllSnapshots(id.id()));
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
