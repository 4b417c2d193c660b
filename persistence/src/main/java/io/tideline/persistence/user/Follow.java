package io.tideline.persistence.user;

import java.util.List;
import java.util.Locale;

/**
 * What of a followee's posts a user wants.
 *
 * @param reposts also what they pass on
 * @param languages only posts in these, lower-case BCP 47; empty = all
 */
public record Follow(boolean reposts, List<String> languages) {
  static final Follow EVERYTHING = new Follow(true, List.of());

  public Follow {
    languages = languages.stream().map(tag -> tag.toLowerCase(Locale.ROOT)).distinct().toList();
  }

  /** Basic filtering of RFC 4647: {@code en} matches {@code en-US}. Nothing matches everything. */
  boolean wants(String language) {
    if (languages.isEmpty() || language.isEmpty()) return true;
    String tag = language.toLowerCase(Locale.ROOT);
    return languages.stream().anyMatch(range -> tag.equals(range) || tag.startsWith(range + "-"));
  }
}
