package io.tideline.node.cli;

import io.tideline.protocols.v1.Card;
import io.tideline.protocols.v1.CellReach;
import io.tideline.protocols.v1.EntryGroup;
import io.tideline.protocols.v1.EntryReason;
import io.tideline.protocols.v1.Post;
import io.tideline.protocols.v1.PostReference;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** How a post looks on a terminal. */
final class FeedText {
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm", Locale.ROOT).withZone(ZoneOffset.UTC);

  private static final DateTimeFormatter SECOND =
      DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss", Locale.ROOT).withZone(ZoneOffset.UTC);

  private FeedText() {}

  /** Some lines: who and when, what is said, where it leads, and the id. */
  static String card(Card card) {
    return card(card, EntryReason.ENTRY_REASON_UNSPECIFIED, List.of());
  }

  /** The same with why it is there and what its reader is warned of. */
  static String card(Card card, EntryReason reason, List<String> warnings) {
    Post post = card.getPost();
    StringBuilder text = new StringBuilder();
    text.append(TIME.format(Instant.ofEpochMilli(post.getCreatedAtMillis())))
        .append("  ")
        .append(post.getAuthorId());
    if (post.hasReplyTo()) text.append(" answers ").append(other(post.getReplyTo().getAuthorId()));
    if (post.hasRepostOf())
      text.append(" passes on ").append(other(post.getRepostOf().getAuthorId()));
    if (post.getEditedAtMillis() != 0) text.append(" (edited)");
    text.append("  ").append(post.getPostId());
    if (reason != EntryReason.ENTRY_REASON_UNSPECIFIED) {
      text.append("  (").append(name(reason)).append(')');
    }
    warnings.forEach(warning -> indented(text, "warning: " + warning));
    if (!post.getTitle().isEmpty()) indented(text, post.getTitle());
    if (!post.getText().isEmpty()) indented(text, post.getText());
    post.getLinksList().forEach(link -> indented(text, link));
    post.getMediaList().forEach(media -> indented(text, media.getUrl()));
    return text.toString();
  }

  /** One line, cut to {@code width}. */
  static String line(Post post, int width) {
    String said = post.getTitle().isEmpty() ? post.getText() : post.getTitle();
    String line =
        "%s  %-8s %s"
            .formatted(
                TIME.format(Instant.ofEpochMilli(post.getCreatedAtMillis())),
                printable(post.getAuthorId()),
                printable(said).replace('\n', ' '));
    return line.length() <= width ? line : line.substring(0, width - 1) + "…";
  }

  /** Which entries a row stands for, apart from the one that it shows. */
  static String group(EntryGroup group, String shownPostId) {
    List<String> lines = new ArrayList<>();
    for (PostReference member : group.getMembersList()) {
      if (member.getPostId().equals(shownPostId)) continue;
      lines.add("    with %s  %s".formatted(member.getAuthorId(), member.getPostId()));
    }
    int others = group.getTotal() - group.getMembersCount();
    if (others > 0) lines.add("    with %,d more".formatted(others));
    return String.join("\n", lines);
  }

  /** When something ends; empty when it never does. */
  static String until(long millis) {
    return millis == 0 ? "" : " until " + TIME.format(Instant.ofEpochMilli(millis));
  }

  static String count(int count, boolean atLeast) {
    return (atLeast ? "at least " : "") + count;
  }

  /** How far what another cell has written can be seen. */
  static String reach(CellReach cell) {
    long millis = cell.getVisibleToMillis();
    String to =
        millis == 0
            ? "nothing known yet"
            : "here up to " + SECOND.format(Instant.ofEpochMilli(millis));
    return "posts of cell %d: %s%s"
        .formatted(cell.getCell(), to, cell.getReachable() ? "" : "; it cannot be reached");
  }

  static String readUpTo(String postId) {
    return postId.isEmpty() ? "nothing is marked as read" : "read up to " + postId;
  }

  private static String name(EntryReason reason) {
    return reason.name().replace("ENTRY_REASON_", "").toLowerCase(Locale.ROOT);
  }

  private static String other(String author) {
    return author.isEmpty() ? "somebody" : author;
  }

  private static void indented(StringBuilder text, String content) {
    printable(content).lines().forEach(line -> text.append("\n    ").append(line));
  }

  /** Without the control characters with which a post could rewrite the reader's terminal. */
  static String printable(String text) {
    StringBuilder printable = new StringBuilder(text.length());
    text.codePoints()
        .filter(c -> c == '\n' || c == '\t' || Character.getType(c) != Character.CONTROL)
        .forEach(printable::appendCodePoint);
    return printable.toString();
  }
}
