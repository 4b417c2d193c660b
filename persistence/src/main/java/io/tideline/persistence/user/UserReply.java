package io.tideline.persistence.user;

import io.tideline.persistence.timeline.Verdict;
import io.tideline.protocols.CborSerializable;
import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a {@link UserEntity} answers. */
public sealed interface UserReply extends CborSerializable {

  /**
   * The command is durable.
   *
   * @param post the post written, if one was
   * @param postSequence the number of the user's last line on the posts log; 0 when the command was
   *     not about a post
   * @param at hybrid time of the write; of a post, the version that was written
   * @param changed how much the command changed; 0 when everything was so already
   */
  record Written(@Nullable PostId post, long postSequence, long at, int changed)
      implements UserReply {}

  /** The command was not carried out. */
  record Refused(Refusal why, String detail) implements UserReply {}

  /** Whom the user follows, by id, behind the one asked for. */
  record Following(List<UserId> followees, boolean more) implements UserReply {}

  /** Everything else that the user has decided; each sorted by id. */
  record Decided(
      List<String> tags,
      List<ListOf> lists,
      List<Mute> mutes,
      List<UserId> blocked,
      List<Rule> rules)
      implements UserReply {
    /** A list and who is in it. */
    public record ListOf(String id, UserList list, List<UserId> members) {}

    /** When it ends, in milliseconds; 0 = never. */
    public record Mute(UserId user, long untilMillis) {}

    /** A rule about what posts say. */
    public record Rule(String id, MuteRule rule) {}
  }

  /**
   * Why a post is in a feed, or why not.
   *
   * @param verdict {@code null} = nothing is known of the post
   * @param newer how many entries are newer, when it is shown; else -1
   * @param user the followee, or who is blocked, muted, answered, ...
   * @param rule the id of a rule or of an exclusive list
   * @param duplicateOf the entry that stands for it
   * @param deletedAt hybrid time; 0 = it is not deleted
   * @param applied false when the node has not applied it yet
   */
  record Explained(
      @Nullable Verdict verdict,
      int newer,
      @Nullable UserId user,
      @Nullable String tag,
      @Nullable String rule,
      @Nullable PostId duplicateOf,
      long deletedAt,
      boolean applied)
      implements UserReply {}

  /** What is known of a home timeline. */
  record Described(
      String node,
      int entries,
      int duplicates,
      PostId floor,
      Positions checkpoint,
      Positions timeline,
      Positions applied,
      int follows,
      int tags,
      int watchers,
      boolean cold,
      long activationMicros)
      implements UserReply {}

  /**
   * The timeline is awake.
   *
   * @param node where: the gRPC address of the node
   */
  record Awake(String node) implements UserReply {}

  /**
   * The user is erased, and everything that was stored of it has been deleted.
   *
   * @param at hybrid time
   * @param postSequence the number of the user's last line on the posts log
   * @param posts how many there were
   * @param events how many there were in the journal
   */
  record Receipt(long at, long postSequence, long posts, long events, long doneAtMillis)
      implements UserReply {}

  /** Why a command was not carried out. */
  enum Refusal {
    /** What the entity needs to make it durable is away; the same command may be sent again. */
    UNAVAILABLE,
    /** This node may no longer own the user; the same command may be sent again. */
    FENCED,
    /** The command did not reach the user's entity; the same command may be sent again. */
    MISROUTED,
    /** The idempotency key was used for something else. */
    ALREADY_EXISTS,
    /** A limit of the user is reached. */
    LIMIT_REACHED,
    /** The user has no such list. */
    UNKNOWN_LIST,
    /** Only who is followed can be in a list. */
    NOT_FOLLOWED,
    /** The read position is not where the caller expected it. */
    READ_POSITION_MOVED,
    /** The user is erased for ever. */
    ERASED,
    /** The user is erased, but not everything of it is deleted yet; to be asked again. */
    ERASING
  }
}
