package io.tideline.node.cli;

import io.tideline.protocols.v1.Card;
import io.tideline.protocols.v1.Post;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;

/** How a post looks on a terminal. */
final class FeedText {
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm", Locale.ROOT).withZone(ZoneOffset.UTC);

  private FeedText() {}

  /** Some lines: who and when, what is said, where it leads, and the id. */
  static String card(Card card) {
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
