package io.tideline.node.api;

import io.grpc.Status;
import io.tideline.multidc.apply.Reached;
import io.tideline.persistence.user.UserEntity;
import io.tideline.persistence.user.UserReply;
import io.tideline.protocols.Positions;
import io.tideline.protocols.UserId;
import io.tideline.protocols.v1.Durability;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;

/** Holds the answer to a write back until other cells have applied it. */
public final class Replication {
  private static final Duration BETWEEN_LOOKS = Duration.ofMillis(10);
  private static final Duration RETRY_SOON = Duration.ofSeconds(1);

  /** Finds where the lines of a user end by now. */
  @FunctionalInterface
  public interface Ends {
    /**
     * Asks the broker.
     *
     * @param posts of the posts log; else of the intents log
     */
    CompletionStage<Positions> of(UserId user, boolean posts);
  }

  private final Users users;
  private final Ends ends;
  private final Reached reached;
  private final Duration patience;

  public Replication(Users users, Ends ends, Reached reached, Duration patience) {
    this.users = users;
    this.ends = ends;
    this.reached = reached;
    this.patience = patience;
  }

  /** To be asked before anything is written; fails for what cannot be had here. */
  void require(Durability wanted) {
    if (wanted == Durability.UNRECOGNIZED) {
      throw StatusMapping.invalidField(
          "DURABILITY_UNKNOWN", "durability", "expected CELL, TWO_CELLS or ALL_REACHABLE_CELLS");
    }
    if (wanted == Durability.DURABILITY_TWO_CELLS && reached.cells().isEmpty()) {
      throw StatusMapping.failure(
          Status.Code.FAILED_PRECONDITION,
          "ONLY_CELL",
          "this cell knows no other one; nothing was written");
    }
  }

  /** The same answer, once as many cells have the write as are wanted. */
  <T> CompletionStage<T> once(Durability wanted, UserId user, boolean posts, T answer) {
    if (wanted != Durability.DURABILITY_TWO_CELLS
        && wanted != Durability.DURABILITY_ALL_REACHABLE_CELLS) {
      return CompletableFuture.completedStage(answer);
    }
    long deadline = System.nanoTime() + patience.toNanos();
    return users
        .ask(user, UserReply.Written.class, replyTo -> new UserEntity.Settle(user, replyTo))
        .thenCompose(announced -> ends.of(user, posts))
        .thenCompose(end -> applied(wanted, end, deadline))
        .thenApply(applied -> answer);
  }

  private CompletionStage<Void> applied(Durability wanted, Positions end, long deadline) {
    boolean two = wanted == Durability.DURABILITY_TWO_CELLS;
    var cells = reached.by(end);
    if (two ? !cells.isEmpty() : cells.containsAll(reached.lately())) {
      return CompletableFuture.completedStage(null);
    }
    if (System.nanoTime() < deadline) {
      return CompletableFuture.runAsync(
              () -> {},
              CompletableFuture.delayedExecutor(BETWEEN_LOOKS.toMillis(), TimeUnit.MILLISECONDS))
          .thenCompose(later -> applied(wanted, end, deadline));
    }
    throw StatusMapping.unavailable(
        two ? "NOT_IN_TWO_CELLS" : "NOT_IN_ALL_CELLS",
        "the write is durable in this cell and on its way, but not yet applied in "
            + (two ? "another one" : "all others"),
        Map.of("cells_that_have_it", Integer.toString(1 + cells.size())),
        RETRY_SOON);
  }
}
