package io.tideline.persistence.user;

import io.tideline.persistence.timeline.Tags;
import io.tideline.protocols.log.v1.MuteRuleContent;
import java.util.List;
import java.util.function.BiPredicate;

/**
 * Something that a post may say and its reader does not want to see.
 *
 * @param name as the reader calls it; may be empty
 * @param words one or several whole words in a row; empty when it is about a tag
 * @param tag case-folded; empty when it is about words
 * @param warn whether posts are shown with a warning instead of hidden
 * @param untilMillis when the rule ends; 0 = never
 */
public record MuteRule(String name, String words, String tag, boolean warn, long untilMillis) {
  public MuteRule {
    if (words.isEmpty() == tag.isEmpty()) {
      throw new IllegalArgumentException("a rule is about either words or a tag");
    }
    tag = Tags.folded(tag);
  }

  public static MuteRule of(MuteRuleContent content) {
    return new MuteRule(
        content.getName(),
        content.getWords(),
        content.getTag(),
        content.getWarn(),
        content.getUntilMillis());
  }

  /** Whether there is a word in a text to look for. */
  public static boolean saysSomething(String text) {
    return !Words.of(text).isEmpty();
  }

  /** What readers are told when it warns. */
  String shownName() {
    if (!name.isEmpty()) return name;
    return tag.isEmpty() ? words : "#" + tag;
  }

  public boolean inForce(long nowMillis) {
    return untilMillis == 0 || nowMillis < untilMillis;
  }

  /** Tells by the words and the folded tags of a post whether it meets the rule. */
  BiPredicate<Words, List<String>> matcher() {
    if (!tag.isEmpty()) return (text, foldedTags) -> foldedTags.contains(tag);
    Words phrase = Words.of(words);
    return (text, foldedTags) -> text.contain(phrase);
  }
}
