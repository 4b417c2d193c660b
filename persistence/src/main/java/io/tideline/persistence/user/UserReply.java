package io.tideline.persistence.user;

import io.tideline.protocols.CborSerializable;
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
   * @param postSequence the number of the user's last line on the posts log
   * @param at hybrid time of the write
   * @param changed how much the command changed; 0 when everything was so already
   */
  record Written(@Nullable PostId post, long postSequence, long at, int changed)
      implements UserReply {}

  /** The command was not carried out. */
  record Refused(Refusal why, String detail) implements UserReply {}

  /** Whom the user follows, by id, behind the one asked for. */
  record Following(List<UserId> followees, boolean more) implements UserReply {}

  /**
   * The timeline is awake.
   *
   * @param node where: the gRPC address of the node
   */
  record Awake(String node) implements UserReply {}

  /** Why a command was not carried out. */
  enum Refusal {
    /** What the entity needs to make it durable is away; the same command may be sent again. */
    UNAVAILABLE,
    /** This node may no longer own the user; the same command may be sent again. */
    FENCED,
    /** The command reached another user's entity; the same command may be sent again. */
    MISROUTED,
    /** The idempotency key was used for something else. */
    ALREADY_EXISTS,
    /** A limit of the user is reached. */
    LIMIT_REACHED
  }
}
