package io.tideline.persistence.timeline;

import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * What has arrived lately, and the way to hear of what arrives next.
 *
 * <p>A waking timeline registers first and reads {@link #recent(UserId, Positions)} second; since a
 * line is remembered before it is delivered, and {@link #applied} moves only after that, nothing
 * falls between.
 */
public interface Arrivals {
  /** Every line below these positions is in the inbox of every timeline registered for it. */
  Positions applied();

  /** Every line below these positions is in the store of all posts. */
  Positions stored();

  /** From now on the author's lines are offered to the inbox, per partition in log order. */
  void register(UserId author, Inbox inbox);

  /** The same for many at once. */
  default void register(Set<UserId> authors, Inbox inbox) {
    authors.forEach(author -> register(author, inbox));
  }

  /** Undoes {@link #register(UserId, Inbox)}. */
  void unregister(UserId author, Inbox inbox);

  /**
   * From now on lines that publish or edit a post with this tag are offered to the inbox, once also
   * where it is registered for the author; what later becomes of the post, only its author's lines
   * tell.
   */
  void registerTag(String tag, Inbox inbox);

  /** Undoes {@link #registerTag}. */
  void unregisterTag(String tag, Inbox inbox);

  /**
   * True when everything from these positions on is still remembered; false when one of them lies
   * below what has been forgotten, or when they lack a partition that is remembered. Ask after
   * reading {@link #recent(UserId, Positions)}: a floor rises before anything below it is
   * forgotten.
   */
  boolean reachesBack(Positions from);

  /**
   * True when nothing has been forgotten of what has come since these positions were {@link
   * #applied}. Says nothing of what came before, and so does not wait for a log of which no line
   * has come yet.
   */
  default boolean remembersSince(Positions applied) {
    return reachesBack(applied);
  }

  /**
   * Up to where a timeline that has applied so much may say that it has: not beyond posts of long
   * ago that it may have to look for in the store and has not been told of yet.
   */
  default Positions settled(Positions reached) {
    return reached;
  }

  /** The author's remembered lines at or above the positions, deletes too, in log order. */
  List<PostRef> recent(UserId author, Positions after);

  /** The same of many authors, one after the other. */
  default List<PostRef> recent(Set<UserId> authors, Positions after) {
    List<PostRef> lines = new ArrayList<>();
    for (UserId author : authors) {
      lines.addAll(recent(author, after));
    }
    return lines;
  }

  /** The remembered line that says the same; the reference itself when there is none. */
  PostRef remembered(PostRef ref);

  /**
   * The remembered lines, of whatever author, that carry the tag; else as {@link #recent(UserId,
   * Positions)}.
   */
  List<PostRef> recentWithTag(String tag, Positions after);

  /**
   * The remembered lines of all these sources together, in no order; of authors of posts with a tag
   * those about such posts.
   */
  default List<PostRef> recent(Sources sources, Positions after) {
    List<PostRef> lines = recent(sources.authors(), after);
    Set<UserId> others = new HashSet<>();
    Set<PostId> tagged = new HashSet<>();
    for (String tag : sources.tags()) {
      for (PostRef line : recentWithTag(tag, after)) {
        lines.add(line);
        if (!sources.authors().contains(line.author) && tagged.add(line.id())) {
          others.add(line.author);
        }
      }
    }
    // What has become of a post with a tag, only the lines of its author tell.
    if (!others.isEmpty()) {
      for (PostRef line : recent(others, after)) {
        if (line.erased() || tagged.contains(line.id())) lines.add(line);
      }
    }
    return lines;
  }
}
