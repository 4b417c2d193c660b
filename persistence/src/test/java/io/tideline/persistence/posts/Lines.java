package io.tideline.persistence.posts;

import io.tideline.protocols.HybridClock;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.PostFacts;
import io.tideline.protocols.log.v1.PostLine;
import io.tideline.protocols.log.v1.PostLineKind;
import io.tideline.protocols.v1.Post;

/** Lines of the posts log, as an author's entity would write them. */
final class Lines {
  static final int CELL = 1;
  static final LogPartition PARTITION = new LogPartition(CELL, 0x9f3c01aa, 7);
  static final long START = HybridClock.ofMillis(1_750_000_000_000L);

  private Lines() {}

  /** The n-th post of an author; later ones have higher ids. */
  static PostId id(UserId author, int n) {
    return PostId.of(START + ((long) n << 16), CELL, author, "post " + n);
  }

  static PostLine published(PostId id, UserId author, String text, String... tags) {
    return live(PostLineKind.POST_LINE_KIND_PUBLISHED, id, author, id.hi(), text, tags);
  }

  static PostLine edited(PostId id, UserId author, long version, String text, String... tags) {
    return live(PostLineKind.POST_LINE_KIND_EDITED, id, author, version, text, tags);
  }

  static PostLine deleted(PostId id, UserId author, long version) {
    return line(PostLineKind.POST_LINE_KIND_DELETED, id, author, version).build();
  }

  static PostLine erased(UserId author, long version) {
    return PostLine.newBuilder()
        .setKind(PostLineKind.POST_LINE_KIND_ERASED)
        .setAuthorId(author.value())
        .setVersion(version)
        .setOriginCell(CELL)
        .build();
  }

  private static PostLine live(
      PostLineKind kind, PostId id, UserId author, long version, String text, String... tags) {
    PostFacts.Builder facts = PostFacts.newBuilder().setLanguage("en");
    for (String tag : tags) {
      facts.addTags(tag);
    }
    return line(kind, id, author, version)
        .setFacts(facts)
        .setPost(post(id, author, version, text).toByteString())
        .build();
  }

  static Post post(PostId id, UserId author, long version, String text) {
    return Post.newBuilder()
        .setPostId(id.toString())
        .setAuthorId(author.value())
        .setText(text)
        .setVersion(version)
        .build();
  }

  private static PostLine.Builder line(PostLineKind kind, PostId id, UserId author, long version) {
    return PostLine.newBuilder()
        .setKind(kind)
        .setPostId(id.toByteString())
        .setAuthorId(author.value())
        .setVersion(version)
        .setOriginCell(CELL);
  }
}
