package io.tideline.node.api;

import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.Status;
import io.tideline.persistence.posts.CardCache;
import io.tideline.persistence.posts.OneKey;
import io.tideline.persistence.posts.PostStore;
import io.tideline.protocols.PostId;
import io.tideline.protocols.v1.Card;
import io.tideline.protocols.v1.Post;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Looks posts up by id, from the card cache or behind it. */
final class Posts {
  /** A post this young may be on its way from its author's entity to this node. */
  private static final Duration YOUNG = Duration.ofSeconds(10);

  private static final Duration PATIENCE = Duration.ofSeconds(2);
  private static final Duration BETWEEN_LOOKS = Duration.ofMillis(25);

  private final CardCache cards;
  private final PostStore store;
  private final InstantSource clock;

  Posts(CardCache cards, PostStore store, InstantSource clock) {
    this.cards = cards;
    this.store = store;
    this.clock = clock;
  }

  /**
   * What is known of a post: absent when nobody has heard of it. By an alias it is the post that
   * has the lower id.
   */
  CompletionStage<Optional<CardCache.Card>> find(PostId id) {
    long now = clock.millis();
    boolean young = Math.abs(now - id.millis()) < YOUNG.toMillis();
    return find(id, young ? now + PATIENCE.toMillis() : now)
        .thenCompose(found -> byLowest(id, found));
  }

  private CompletionStage<Optional<CardCache.Card>> byLowest(
      PostId id, Optional<CardCache.Card> found) {
    if (found.isEmpty() || !isAlias(id, found.get())) {
      return CompletableFuture.completedStage(found);
    }
    return store
        .lowest(found.get().author(), id)
        .thenCompose(
            lowest ->
                lowest.equals(id)
                    ? CompletableFuture.completedStage(found)
                    : find(lowest, clock.millis()));
  }

  private static boolean isAlias(PostId id, CardCache.Card card) {
    return card.deleted() && OneKey.isAlias(id, card.version());
  }

  /** The post, or {@code NOT_FOUND} with the reason {@code DELETED} or {@code UNKNOWN_POST}. */
  CompletionStage<Post> get(PostId id) {
    return find(id).thenApply(found -> live(id, found.orElse(null)));
  }

  /** The posts that are there, in the order asked for. */
  CompletionStage<List<Post>> getAll(Collection<PostId> ids) {
    return cards.fetch(ids).thenApply(found -> inOrder(ids, found));
  }

  private CompletionStage<Optional<CardCache.Card>> find(PostId id, long deadline) {
    return cards
        .fetch(List.of(id))
        .thenCompose(
            found -> {
              CardCache.Card card = found.get(id);
              return card != null || clock.millis() >= deadline
                  ? CompletableFuture.completedStage(Optional.ofNullable(card))
                  : arrival(id, deadline).thenCompose(waited -> find(id, 0));
            });
  }

  /** Done when the log has brought the post to this node, or has not until then. */
  private CompletionStage<Void> arrival(PostId id, long deadline) {
    if (cards.getIfPresent(id) != null || clock.millis() >= deadline) {
      return CompletableFuture.completedStage(null);
    }
    return CompletableFuture.runAsync(
            () -> {},
            CompletableFuture.delayedExecutor(BETWEEN_LOOKS.toMillis(), TimeUnit.MILLISECONDS))
        .thenCompose(waited -> arrival(id, deadline));
  }

  static Post live(PostId id, CardCache.@Nullable Card card) {
    if (card == null) {
      throw StatusMapping.failure(
          Status.Code.NOT_FOUND,
          "UNKNOWN_POST",
          "there is no post " + id,
          Map.of("post_id", id.toString()));
    }
    if (card.deleted()) {
      throw StatusMapping.failure(
          Status.Code.NOT_FOUND,
          "DELETED",
          "the post " + id + " was deleted",
          Map.of("post_id", id.toString()));
    }
    return decode(card);
  }

  static Post decode(CardCache.Card card) {
    try {
      return Card.parseFrom(card.bytes()).getPost();
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException("the cache holds a card that is none", e);
    }
  }

  private static List<Post> inOrder(Collection<PostId> ids, Map<PostId, CardCache.Card> found) {
    List<Post> posts = new ArrayList<>(ids.size());
    for (PostId id : ids) {
      CardCache.Card card = found.get(id);
      if (card != null && !card.deleted()) posts.add(decode(card));
    }
    return posts;
  }
}
