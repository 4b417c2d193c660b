package io.tideline.persistence.posts;

import static java.util.Objects.requireNonNull;

import com.google.protobuf.InvalidProtocolBufferException;
import io.tideline.protocols.PostId;
import io.tideline.protocols.log.v1.PostLine;
import io.tideline.protocols.log.v1.PostLineKind;
import io.tideline.protocols.v1.Post;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableMap;
import org.jspecify.annotations.Nullable;

/**
 * Makes one post of several that cells have accepted under one idempotency key: the lowest id
 * stays, the others are aliases of it.
 *
 * <p>The ids say which belong together, so every cell finds the same, in any order. An alias is a
 * post that is deleted with the version of its own create, which no author can have done. What an
 * author says of an alias is said again of the lower id. All of it are ordinary lines, and harmless
 * when they are said twice.
 */
public final class OneKey {
  private OneKey() {}

  /** Whether a post deleted with this version is an alias. */
  public static boolean isAlias(PostId id, long deletedAt) {
    return deletedAt == id.hi();
  }

  /**
   * The lines that are to be appended after this one has been stored, in this order; none when all
   * has been said.
   *
   * @param known what is stored now of the post under all its ids, that of the line among them
   * @param cell which says so
   */
  static List<PostLine> linesAfter(
      PostLine line, NavigableMap<PostId, StoredPost> known, int cell) {
    PostId id = PostId.fromBytes(line.getPostId());
    StoredPost post = requireNonNull(known.get(id));
    List<PostLine> lines = new ArrayList<>();
    StoredPost lowest = known.values().iterator().next();
    if (!lowest.id().equals(id)) join(post, lowest, line, cell, lines);
    for (StoredPost higher : known.tailMap(id, false).values()) {
      join(higher, post, line, cell, lines);
    }
    return lines;
  }

  private static void join(
      StoredPost high, StoredPost low, PostLine line, int cell, List<PostLine> into) {
    if (deletedByAuthor(high)) {
      if (!low.deleted() || low.version() < high.version()) {
        into.add(deleted(low, high.version(), cell));
      }
      return;
    }
    PostLine edit = high.deleted() ? ifOf(high, line) : high.line();
    if (edit != null && edit.getKind() == PostLineKind.POST_LINE_KIND_EDITED) {
      PostLine saidNow = ifOf(low, line);
      boolean said = saidNow != null && saidNow.getVersion() >= edit.getVersion();
      boolean late = !low.deleted() && low.version() >= edit.getVersion();
      // The words go with the higher id, so they are said before that is given up.
      if (!said && !late && !deletedByAuthor(low)) into.add(edited(low, edit, cell));
    }
    if (!high.deleted()) into.add(deleted(high, high.id().hi(), cell));
  }

  private static boolean deletedByAuthor(StoredPost post) {
    return post.deleted() && !isAlias(post.id(), post.version());
  }

  private static @Nullable PostLine ifOf(StoredPost post, PostLine line) {
    return post.id().toByteString().equals(line.getPostId()) ? line : null;
  }

  private static PostLine deleted(StoredPost post, long at, int cell) {
    return PostStore.deleted(post.id(), post.author().value(), at).toBuilder()
        .setOriginCell(cell)
        .build();
  }

  private static PostLine edited(StoredPost low, PostLine edit, int cell) {
    try {
      Post post =
          Post.parseFrom(edit.getPost()).toBuilder()
              .setPostId(low.id().toString())
              .setCreatedAtMillis(low.id().millis())
              .build();
      return edit.toBuilder()
          .setPostId(low.id().toByteString())
          .setOriginCell(cell)
          .clearSequence()
          .clearWriterEpoch()
          .setPost(post.toByteString())
          .build();
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalArgumentException("a line whose post cannot be read", e);
    }
  }
}
