package io.tideline.persistence.timeline;

import io.tideline.protocols.KnownRules;
import io.tideline.protocols.v1.Post;
import java.util.List;

/**
 * One reader's rules for one feed, with as much of their past as cursors ask for. Immutable; what
 * is in a feed depends on these, on the post's own line, and on nothing else.
 */
public interface Eligibility {
  /** The hybrid time of the latest change, of which the present rules are the outcome. */
  long at();

  /** Which decisions those are. */
  KnownRules known();

  /** The number of the cell that knows them; as {@link #known} says, but for nothing. */
  int cell();

  /** Whether what is known here of a moment tells for certain which rules those were. */
  boolean recalls(KnownRules known, Moment then);

  /** Whether the present rules are those of a moment elsewhere. */
  boolean areThoseOf(Moment elsewhere);

  /** Outside of these nothing is eligible. */
  Sources sources();

  /** The present, as {@link #at} dates it. */
  Moment now();

  /**
   * Whether and why a post is eligible by the rules of a moment.
   *
   * @param met what {@link #met} says of the post
   */
  Verdict judge(PostRef post, List<String> met, Moment then);

  /** True when {@link #met} must be asked. */
  boolean readsTexts();

  /** True when {@link #met} says the same of every post as the other's does. */
  boolean readsTextsAs(Eligibility other);

  /** The ids of all rules, also those of the past and those that only warn, that a post meets. */
  List<String> met(Post post);

  /** The names of the rules in force that only warn of a post that meets them. */
  List<String> warnings(List<String> met);

  /**
   * When the rules change without anybody's doing, in milliseconds; {@link Long#MAX_VALUE} = never.
   */
  long expiresAtMillis();
}
