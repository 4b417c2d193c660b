package io.tideline.node.api;

import io.tideline.persistence.timeline.Verdict;
import io.tideline.persistence.user.UserReply.Explained;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.v1.AbsenceReason;
import io.tideline.protocols.v1.ExplainEntryResponse;
import java.time.Instant;

/** Puts into words why a post is in a feed, or why not. */
final class Sentences {
  private Sentences() {}

  static ExplainEntryResponse explain(UserId reader, PostId post, Explained why) {
    ExplainEntryResponse.Builder answer = ExplainEntryResponse.newBuilder();
    if (why.user() != null) answer.setSubjectUserId(why.user().value());
    if (why.tag() != null) answer.setTag(why.tag());
    if (why.rule() != null) answer.setRuleId(why.rule());
    if (why.duplicateOf() != null) answer.setDuplicateOfPostId(why.duplicateOf().toString());
    Verdict verdict = why.verdict();
    if (verdict != null && why.newer() >= 0) {
      return answer
          .setPresent(true)
          .setPosition(why.newer())
          .setReason(FeedPages.reason(verdict))
          .setSentence(presence(reader, verdict, why))
          .build();
    }
    if (why.deletedAt() != 0) {
      long millis = HybridClock.millisOf(why.deletedAt());
      return answer
          .setAbsence(AbsenceReason.ABSENCE_REASON_DELETED)
          .setDeletedAtMillis(millis)
          .setSentence("It was deleted at " + Instant.ofEpochMilli(millis) + ".")
          .build();
    }
    AbsenceReason reason =
        verdict == null ? AbsenceReason.ABSENCE_REASON_NEVER_SEEN : absence(verdict, why);
    return answer.setAbsence(reason).setSentence(absence(reader, post, reason, why)).build();
  }

  private static String presence(UserId reader, Verdict verdict, Explained why) {
    String what =
        switch (verdict) {
          case OWN -> "%s wrote it".formatted(reader);
          case MENTION -> "%s follows %s, who mentions %s".formatted(reader, why.user(), reader);
          case REPOST -> "%s follows %s, who passes it on".formatted(reader, why.user());
          case TAG -> "%s follows the tag #%s".formatted(reader, why.tag());
          default -> "%s follows %s".formatted(reader, why.user());
        };
    return what + "; %d entries are newer.".formatted(why.newer());
  }

  private static AbsenceReason absence(Verdict verdict, Explained why) {
    if (why.duplicateOf() != null) return AbsenceReason.ABSENCE_REASON_DUPLICATE;
    return switch (verdict) {
      case NOT_FOLLOWED -> AbsenceReason.ABSENCE_REASON_NOT_FOLLOWED;
      case EXCLUSIVE_LIST -> AbsenceReason.ABSENCE_REASON_EXCLUSIVE_LIST;
      case BLOCKED -> AbsenceReason.ABSENCE_REASON_BLOCKED;
      case BLOCKED_BY -> AbsenceReason.ABSENCE_REASON_BLOCKED_BY;
      case MUTED -> AbsenceReason.ABSENCE_REASON_MUTED;
      case REPLY -> AbsenceReason.ABSENCE_REASON_REPLY;
      case REPLY_TO_UNKNOWN -> AbsenceReason.ABSENCE_REASON_REPLY_TO_UNKNOWN;
      case REPOSTS_OFF -> AbsenceReason.ABSENCE_REASON_REPOSTS_OFF;
      case LANGUAGE -> AbsenceReason.ABSENCE_REASON_LANGUAGE;
      case MUTE_RULE -> AbsenceReason.ABSENCE_REASON_MUTE_RULE;
      default -> AbsenceReason.ABSENCE_REASON_ON_ITS_WAY;
    };
  }

  private static String absence(UserId reader, PostId post, AbsenceReason reason, Explained why) {
    return switch (reason) {
      case ABSENCE_REASON_NEVER_SEEN -> "This cell has never heard of %s.".formatted(post);
      case ABSENCE_REASON_DUPLICATE ->
          "%s, within a day before it, is about the same original.".formatted(why.duplicateOf());
      case ABSENCE_REASON_NOT_FOLLOWED ->
          "%s follows neither %s nor a tag of it, or not in this list."
              .formatted(reader, why.user());
      case ABSENCE_REASON_EXCLUSIVE_LIST ->
          "%s is in the list %s, which is exclusive.".formatted(why.user(), why.rule());
      case ABSENCE_REASON_BLOCKED -> "%s blocks %s.".formatted(reader, why.user());
      case ABSENCE_REASON_BLOCKED_BY -> "%s blocks %s.".formatted(why.user(), reader);
      case ABSENCE_REASON_MUTED -> "%s mutes %s.".formatted(reader, why.user());
      case ABSENCE_REASON_REPLY ->
          "It answers %s, whom %s does not follow.".formatted(why.user(), reader);
      case ABSENCE_REASON_REPLY_TO_UNKNOWN ->
          "It answers a post that was unknown when it was published.";
      case ABSENCE_REASON_REPOSTS_OFF ->
          "%s does not want what %s passes on.".formatted(reader, why.user());
      case ABSENCE_REASON_LANGUAGE ->
          "%s wants other languages of %s.".formatted(reader, why.user());
      case ABSENCE_REASON_MUTE_RULE -> "The rule %s of %s hides it.".formatted(why.rule(), reader);
      default -> "It is on its way: this node has not applied it yet.";
    };
  }
}
