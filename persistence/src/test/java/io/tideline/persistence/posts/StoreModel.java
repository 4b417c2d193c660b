package io.tideline.persistence.posts;

import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.PostLine;
import io.tideline.protocols.log.v1.PostLineKind;
import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;

/** What the store has of posts, in memory. */
public final class StoreModel {
  private final NavigableMap<PostId, StoredPost> posts = new TreeMap<>();

  /** Applies a line about a post. */
  public void write(PostLine line) {
    PostId id = PostId.fromBytes(line.getPostId());
    boolean deleted = line.getKind() == PostLineKind.POST_LINE_KIND_DELETED;
    posts.merge(
        id,
        new StoredPost(
            id, new UserId(line.getAuthorId()), line.getVersion(), deleted, deleted ? null : line),
        (known, said) -> {
          if (known.deleted() != said.deleted()) return known.deleted() ? known : said;
          return said.version() > known.version() ? said : known;
        });
  }

  /** See {@link PostStore#linesAfter}. */
  public List<PostLine> linesAfter(PostLine line, int cell) {
    PostId id = PostId.fromBytes(line.getPostId());
    NavigableMap<PostId, StoredPost> same = new TreeMap<>(posts);
    same.keySet().removeIf(other -> !other.equals(id) && !same(id, other));
    return same.size() < 2 ? List.of() : OneKey.linesAfter(line, same, cell);
  }

  /** Whether two ids are of one post. */
  public static boolean same(PostId one, PostId other) {
    return one.keyBits() == other.keyBits()
        && Math.abs(one.millis() - other.millis()) < PostId.KEY_LIFETIME.toMillis();
  }
}
