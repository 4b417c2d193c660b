package io.tideline.persistence.posts;

import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.PostLine;
import org.jspecify.annotations.Nullable;

/**
 * A post as the store has it.
 *
 * @param version of the create or edit that won, or of the delete
 * @param line the create or edit that won, as logged; null when deleted
 */
public record StoredPost(
    PostId id, UserId author, long version, boolean deleted, @Nullable PostLine line) {}
