package io.tideline.persistence.user;

import com.google.protobuf.InvalidProtocolBufferException;
import io.tideline.persistence.timeline.LiveTimeline;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.persistence.timeline.TimelineView;
import io.tideline.persistence.user.UserReply.Explained;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.PostLine;
import io.tideline.protocols.v1.Post;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Says why posts are in one feed, or why not. */
final class Explanations {
  private static final LogPartition NOWHERE = new LogPartition(0, 0, 0);

  private final Rules rules;
  private final TimelineView view;
  private final LiveTimeline timeline;

  Explanations(Rules rules, TimelineView view, LiveTimeline timeline) {
    this.rules = rules;
    this.view = view;
    this.timeline = timeline;
  }

  /**
   * About any post.
   *
   * @param stored what the store has of it; {@code null} = nothing
   * @param deletedAt hybrid time; 0 = it is not deleted
   */
  Explained of(PostId post, @Nullable Payload stored, long deletedAt) {
    if (view.contains(post)) return present(post);
    if (deletedAt != 0) {
      return new Explained(null, -1, null, null, null, null, deletedAt, true);
    }
    PostRef candidate = timeline.candidate(post);
    PostLine line = stored == null ? null : parse(stored);
    if (candidate == null && line == null) {
      return new Explained(null, -1, null, null, null, null, 0, true);
    }
    PostRef ref = candidate != null ? candidate : reference(line);
    Rules.Explanation why = rules.explain(ref, met(ref, line));
    PostId duplicateOf = why.verdict().present() ? timeline.duplicateOf(ref) : null;
    boolean below = post.compareTo(view.floor()) <= 0;
    boolean applied = !why.verdict().present() || duplicateOf != null || below;
    return new Explained(
        why.verdict(),
        why.verdict().present() && duplicateOf == null && below ? view.size() : -1,
        why.user(),
        why.tag(),
        why.rule(),
        duplicateOf,
        0,
        applied);
  }

  private Explained present(PostId post) {
    PostRef ref = view.newest(view.countNewerThan(post));
    Rules.Explanation why = rules.explain(ref, view.met(ref));
    return new Explained(
        why.verdict(), view.countNewerThan(post), why.user(), why.tag(), why.rule(), null, 0, true);
  }

  private List<String> met(PostRef ref, @Nullable PostLine line) {
    if (line == null || !rules.readsTexts()) return view.met(ref);
    try {
      return rules.met(Post.parseFrom(line.getPost()));
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalArgumentException("not an encoded post", e);
    }
  }

  private static PostRef reference(@Nullable PostLine line) {
    if (line == null) throw new IllegalArgumentException("nothing is known of the post");
    return PostRef.of(line, new UserId(line.getAuthorId()), NOWHERE, 0);
  }

  private static PostLine parse(Payload line) {
    try {
      return PostLine.parseFrom(line.bytes());
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalArgumentException("not an encoded line", e);
    }
  }
}
