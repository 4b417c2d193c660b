package io.tideline.persistence.timeline;

import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.PostFacts;
import io.tideline.protocols.log.v1.RelatedPost;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
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

  private static final int MOST_LANGUAGES = 1_000;
  private static final Map<String, Facts> OF_LANGUAGE = new ConcurrentHashMap<>();

  public Facts {
    tags = List.copyOf(tags);
    mentions = List.copyOf(mentions);
  }

  public static Facts of(PostFacts facts) {
    boolean plain =
        facts.getTagsCount() == 0
            && facts.getMentionsCount() == 0
            && !facts.hasParent()
            && !facts.hasRoot()
            && !facts.hasOriginal();
    return plain ? ofLanguage(facts.getLanguage()) : whole(facts);
  }

  /** Shared, because most posts have no other facts. */
  private static Facts ofLanguage(String language) {
    if (language.isEmpty()) return NONE;
    Facts shared = OF_LANGUAGE.get(language);
    if (shared != null) return shared;
    Facts made = new Facts(List.of(), language, List.of(), false, null, null, null, null);
    if (OF_LANGUAGE.size() < MOST_LANGUAGES) OF_LANGUAGE.put(language, made);
    return made;
  }

  private static Facts whole(PostFacts facts) {
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
