package io.tideline.persistence.timeline;

/** Why a post may be in a feed, or why it may not. */
public enum Verdict {
  /** The reader's own. */
  OWN(true),
  /** By a followee who mentions the reader. */
  MENTION(true),
  /** Passed on by a followee. */
  REPOST(true),
  /** By a followee. */
  FOLLOW(true),
  /** With a tag that the reader follows. */
  TAG(true),

  /** The reader blocks its author, the author of what it passes on, or somebody it mentions. */
  BLOCKED(false),
  /** One of those blocks the reader. */
  BLOCKED_BY(false),
  /** The reader mutes one of those. */
  MUTED(false),
  /** From nobody and about nothing that the reader follows. */
  NOT_FOLLOWED(false),
  /** Its author is in an exclusive list. */
  EXCLUSIVE_LIST(false),
  /** It passes something on, and the reader does not want that of its author. */
  REPOSTS_OFF(false),
  /** It is in a language that the reader does not want of its author. */
  LANGUAGE(false),
  /** It answers a post that was unknown when it was published. */
  REPLY_TO_UNKNOWN(false),
  /** It answers neither the reader nor whom the reader follows, in somebody else's thread. */
  REPLY(false),
  /** It says what the reader does not want to read of. */
  MUTE_RULE(false);

  private static final Verdict[] ALL = values();

  private final boolean present;

  Verdict(boolean present) {
    this.present = present;
  }

  public boolean present() {
    return present;
  }

  /** A number that means it in this process only. */
  @SuppressWarnings("EnumOrdinal")
  byte code() {
    return (byte) ordinal();
  }

  static Verdict of(byte code) {
    return ALL[code];
  }
}
