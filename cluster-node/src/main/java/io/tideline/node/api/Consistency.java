package io.tideline.node.api;

import io.tideline.persistence.posts.PostStore;
import io.tideline.persistence.timeline.Arrivals;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.persistence.timeline.TimelineView;
import io.tideline.protocols.ConsistencyToken;
import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.TokenCodec;
import io.tideline.protocols.TokenException;
import io.tideline.protocols.UserId;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.IntFunction;
import java.util.function.ToLongBiFunction;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Holds a read back until this node has applied what its consistency token asks for. */
final class Consistency {
  static final String LAGGING = "LAGGING";
  private static final Logger log = LoggerFactory.getLogger(Consistency.class);
  private static final Duration BETWEEN_LOOKS = Duration.ofMillis(5);

  private final TokenCodec tokens;
  private final ToLongBiFunction<UserId, Integer> lastSequence;
  private final Arrivals arrivals;
  private final IntFunction<CompletionStage<BooleanSupplier>> appliedToTheEnd;
  private final PostStore store;
  private final Duration patience;

  /**
   * @param lastSequence the number of an author's last line in a cell that this node has read; at
   *     most 0 when it remembers none
   * @param appliedToTheEnd whether this node has applied what the log of a cell holds by now
   */
  Consistency(
      TokenCodec tokens,
      ToLongBiFunction<UserId, Integer> lastSequence,
      Arrivals arrivals,
      IntFunction<CompletionStage<BooleanSupplier>> appliedToTheEnd,
      PostStore store,
      Duration patience) {
    this.tokens = tokens;
    this.lastSequence = lastSequence;
    this.arrivals = arrivals;
    this.appliedToTheEnd = appliedToTheEnd;
    this.store = store;
    this.patience = patience;
  }

  /** {@code null} for an empty text; a field violation for what is no token. */
  @Nullable ConsistencyToken read(String text) {
    if (text.isEmpty()) return null;
    try {
      return tokens.decodeConsistencyToken(text);
    } catch (TokenException e) {
      throw StatusMapping.invalidField(
          "CONSISTENCY_TOKEN_MALFORMED",
          "consistency_token",
          "expected the consistency_token of an earlier answer");
    }
  }

  /** Done once the log has brought the write here; else {@code UNAVAILABLE}, {@code LAGGING}. */
  CompletionStage<Void> applied(@Nullable ConsistencyToken token) {
    if (token == null || token.postSequence() == 0) return CompletableFuture.completedStage(null);
    return applied(token, System.nanoTime() + patience.toNanos());
  }

  /** Done once the store has the post; the store trails the log by a moment. */
  CompletionStage<Void> stored(@Nullable ConsistencyToken token) {
    if (token == null || token.post() == null || token.postSequence() == 0) {
      return CompletableFuture.completedStage(null);
    }
    return stored(token, System.nanoTime() + patience.toNanos());
  }

  private CompletionStage<Void> applied(ConsistencyToken token, long deadline) {
    long read = Math.max(0, lastSequence.applyAsLong(token.user(), token.cell()));
    long behind = token.postSequence() - read;
    if (behind <= 0) {
      return delivered(arrivals.recent(token.user(), arrivals.applied()), deadline);
    }
    if (System.nanoTime() < deadline) {
      return later().thenCompose(again -> applied(token, deadline));
    }
    // Lines are forgotten in log order: where one is remembered, newer ones are still to come.
    CompletionStage<Boolean> forgotten =
        read > 0 ? CompletableFuture.completedStage(false) : forgotten(token);
    return forgotten.thenAccept(there -> failUnless(there, behind));
  }

  /** Whether the log has brought the write here and has been forgotten; then the store has it. */
  private CompletionStage<Boolean> forgotten(ConsistencyToken token) {
    if (arrivals.applied().partitions().isEmpty()) return CompletableFuture.completedStage(false);
    return inStore(token)
        .thenCompose(
            there -> {
              if (!there) return CompletableFuture.completedStage(false);
              PostId post = token.post();
              return post != null && post.hi() == token.at()
                  ? hasArrived(token.user(), post)
                  : appliedToTheEnd(token.cell());
            });
  }

  /** The store keeps where a post has arrived, and nothing of where its later lines have. */
  private CompletionStage<Boolean> hasArrived(UserId author, PostId post) {
    Positions applied = arrivals.applied();
    return store
        .newestOf(author, post.next(), 1)
        .thenApply(
            refs ->
                refs.stream()
                    .anyMatch(
                        ref -> ref.id().equals(post) && TimelineView.arrivedBy(applied, ref)));
  }

  /** What is in the store has come by the log, so it is somewhere below the end of that. */
  private CompletionStage<Boolean> appliedToTheEnd(int cell) {
    long deadline = System.nanoTime() + patience.toNanos();
    return appliedToTheEnd
        .apply(cell)
        .thenCompose(reached -> reached(reached, deadline))
        .exceptionally(
            failure -> {
              log.debug("Where the posts log of cell {} ends is unknown for now", cell, failure);
              return false;
            });
  }

  private CompletionStage<Boolean> reached(BooleanSupplier end, long deadline) {
    boolean reached = end.getAsBoolean();
    if (reached || System.nanoTime() >= deadline) return CompletableFuture.completedStage(reached);
    return later().thenCompose(again -> reached(end, deadline));
  }

  /** A line is read before it is delivered; the timelines have it once it counts as applied. */
  private CompletionStage<Void> delivered(List<PostRef> lines, long deadline) {
    Positions applied = arrivals.applied();
    long missing = lines.stream().filter(line -> !TimelineView.arrivedBy(applied, line)).count();
    if (missing > 0 && System.nanoTime() < deadline) {
      return later().thenCompose(again -> delivered(lines, deadline));
    }
    failUnless(missing == 0, missing);
    return CompletableFuture.completedStage(null);
  }

  private CompletionStage<Void> stored(ConsistencyToken token, long deadline) {
    return inStore(token)
        .thenCompose(
            there -> {
              if (!there && System.nanoTime() < deadline) {
                return later().thenCompose(again -> stored(token, deadline));
              }
              failUnless(there, 1);
              return CompletableFuture.completedStage(null);
            });
  }

  private CompletionStage<Boolean> inStore(ConsistencyToken token) {
    // Of an erased author there is nothing to wait for.
    if (store.erased().contains(token.user())) return CompletableFuture.completedStage(true);
    PostId post = token.post();
    if (post == null) return CompletableFuture.completedStage(false);
    // What a post says and what its author has are two rows, and neither waits for the other.
    return store
        .find(post)
        .thenCombine(
            store.newestOf(token.user(), post.next(), 1),
            (found, refs) ->
                found.filter(said -> said.deleted() || said.version() >= token.at()).isPresent()
                    && refs.stream()
                        .filter(ref -> ref.id().equals(post))
                        .anyMatch(ref -> ref.deleted() || ref.version >= token.at()));
  }

  private static void failUnless(boolean there, long linesBehind) {
    if (!there) {
      throw StatusMapping.unavailable(
          LAGGING,
          "this node has not applied the write yet; it is %d lines of its author behind"
              .formatted(linesBehind),
          Map.of("lines_behind", Long.toString(linesBehind)),
          Duration.ofMillis(200));
    }
  }

  private static CompletionStage<Void> later() {
    return CompletableFuture.runAsync(
        () -> {},
        CompletableFuture.delayedExecutor(BETWEEN_LOOKS.toMillis(), TimeUnit.MILLISECONDS));
  }
}
