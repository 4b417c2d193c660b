package io.tideline.persistence.user;

import io.tideline.persistence.timeline.LiveTimeline;
import io.tideline.protocols.PostId;
import io.tideline.protocols.v1.Post;
import java.util.Collection;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/** Nothing is known of what posts say. */
public final class NoTexts implements LiveTimeline.Texts {
  @Override
  public @Nullable Post postIfPresent(PostId id) {
    return null;
  }

  @Override
  public CompletionStage<Map<PostId, Post>> posts(Collection<PostId> ids) {
    return CompletableFuture.completedFuture(Map.of());
  }
}
