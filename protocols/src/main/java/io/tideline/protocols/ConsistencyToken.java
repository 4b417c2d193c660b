package io.tideline.protocols;

import org.jspecify.annotations.Nullable;

/**
 * What a read must have applied to see a write.
 *
 * @param postSequence the user's post lines up to this number; 0 = none
 * @param at hybrid time of the write; of a post, the version that was written
 * @param post the post written, if one was
 */
public record ConsistencyToken(
    int cell, UserId user, long postSequence, long at, @Nullable PostId post) {}
