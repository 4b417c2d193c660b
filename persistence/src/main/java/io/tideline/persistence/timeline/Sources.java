package io.tideline.persistence.timeline;

import io.tideline.protocols.UserId;
import java.util.HashSet;
import java.util.Set;

/**
 * Where the posts of a feed come from.
 *
 * @param authors whose posts
 * @param tags posts with one of these tags, case-folded, whoever wrote them
 */
public record Sources(Set<UserId> authors, Set<String> tags) {
  public static final Sources NONE = new Sources(Set.of(), Set.of());

  public boolean isEmpty() {
    return authors.isEmpty() && tags.isEmpty();
  }

  /** Whether the post comes from one of them. */
  public boolean contain(PostRef post) {
    if (authors.contains(post.author)) return true;
    if (tags.isEmpty()) return false;
    for (String tag : post.facts.tags()) {
      if (tags.contains(tag)) return true;
    }
    return false;
  }

  public Sources without(Sources others) {
    Set<UserId> restAuthors = new HashSet<>(authors);
    restAuthors.removeAll(others.authors);
    Set<String> restTags = new HashSet<>(tags);
    restTags.removeAll(others.tags);
    return new Sources(restAuthors, restTags);
  }

  public Sources and(Sources others) {
    if (isEmpty()) return others;
    Set<UserId> allAuthors = new HashSet<>(authors);
    allAuthors.addAll(others.authors);
    Set<String> allTags = new HashSet<>(tags);
    allTags.addAll(others.tags);
    return new Sources(allAuthors, allTags);
  }
}
