package io.tideline.persistence.timeline;

import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.PostFacts;
import io.tideline.protocols.log.v1.RelatedPost;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What of a post decides in whose feed it belongs, apart from its author; most posts have none.
 *
 * @param tags case-folded
 * @param language BCP 47, or empty
 * @param reply whether it answers another post
 * @param parentAuthor of the post that it answers; {@code null} when that was unknown
 * @param rootAuthor of the first post of its thread; {@code null} when there is none or unknown
 * @param original the post that it passes on
 * @param originalAuthor {@code null} when unknown
 */
public record Facts(
    List<String> tags,
    String language,
    List<UserId> mentions,
    boolean reply,
    @Nullable UserId parentAuthor,
    @Nullable UserId rootAuthor,
    @Nullable PostId original,
    @Nullable UserId originalAuthor) {
  public static final Facts NONE =
      new Facts(List.of(), "", List.of(), false, null, null, null, null);

  public Facts {
    tags = List.copyOf(tags);
    mentions = List.copyOf(mentions);
  }

  public static Facts of(PostFacts facts) {
    if (facts.equals(PostFacts.getDefaultInstance())) return NONE;
    return new Facts(
        facts.getTagsList().stream().map(Tags::folded).distinct().toList(),
        facts.getLanguage(),
        facts.getMentionsList().stream().map(UserId::new).toList(),
        facts.hasParent(),
        facts.hasParent() ? author(facts.getParent()) : null,
        facts.hasRoot() ? author(facts.getRoot()) : null,
        facts.hasOriginal() ? PostId.fromBytes(facts.getOriginal().getPostId()) : null,
        facts.hasOriginal() ? author(facts.getOriginal()) : null);
  }

  private static @Nullable UserId author(RelatedPost post) {
    return post.getAuthorId().isEmpty() ? null : new UserId(post.getAuthorId());
  }
}
