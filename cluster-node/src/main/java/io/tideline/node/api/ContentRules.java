package io.tideline.node.api;

import io.tideline.protocols.v1.Media;
import io.tideline.protocols.v1.Post;
import io.tideline.protocols.v1.PostContent;
import java.util.regex.Pattern;

/** What an author may write: the limits that {@code PostContent} states. */
final class ContentRules {
  private static final Pattern ATTRIBUTE_KEY = Pattern.compile("[A-Za-z0-9._-]{1,64}");

  private ContentRules() {}

  /**
   * Notes what is wrong with the content.
   *
   * @param substance whether the content must say or show something
   */
  static void check(FieldViolations fields, PostContent content, boolean substance) {
    fields.text("content.text", content.getText(), 0, 5_000);
    fields.text("content.title", content.getTitle(), 0, 300);
    int links = fields.size("content.links", content.getLinksCount(), 0, 16);
    for (int i = 0; i < links; i++) {
      fields.url("content.links[" + i + "]", content.getLinks(i));
    }
    int media = fields.size("content.media", content.getMediaCount(), 0, 16);
    for (int i = 0; i < media; i++) check(fields, i, content.getMedia(i));
    if (!content.getLanguage().isEmpty()) {
      fields.language("content.language", content.getLanguage());
    }
    int tags = fields.size("content.tags", content.getTagsCount(), 0, 32);
    for (int i = 0; i < tags; i++) {
      fields.tag("content.tags[" + i + "]", content.getTags(i));
    }
    int mentions = fields.size("content.mentions", content.getMentionsCount(), 0, 50);
    for (int i = 0; i < mentions; i++) {
      fields.userId("content.mentions[" + i + "]", content.getMentions(i));
    }
    fields.size("content.attributes", content.getAttributesCount(), 0, 16);
    content
        .getAttributesMap()
        .forEach(
            (key, value) -> {
              if (!ATTRIBUTE_KEY.matcher(key).matches()) {
                fields.reject(
                    "content.attributes", "expected keys of 1-64 characters of [A-Za-z0-9._-]");
              }
              fields.text("content.attributes", value, 0, 1_000);
            });
    if (substance && isEmpty(content)) {
      fields.reject("content", "expected text, a title, a link or media");
    }
  }

  private static void check(FieldViolations fields, int index, Media media) {
    String field = "content.media[" + index + "]";
    fields.url(field + ".url", media.getUrl());
    fields.text(field + ".mime_type", media.getMimeType(), 0, 127);
    fields.text(field + ".description", media.getDescription(), 0, 1_000);
  }

  /** Fails when an edit would leave nothing of a post. */
  static void requireSubstance(PostContent content, boolean substance) {
    FieldViolations fields = new FieldViolations();
    if (substance && isEmpty(content)) {
      fields.reject("content", "expected text, a title, a link or media");
    }
    fields.check();
  }

  private static boolean isEmpty(PostContent content) {
    return content.getText().isEmpty()
        && content.getTitle().isEmpty()
        && content.getLinksCount() == 0
        && content.getMediaCount() == 0;
  }

  /** Puts the content in the place of the post's. */
  static Post.Builder apply(PostContent content, Post.Builder post) {
    return post.setText(content.getText())
        .setTitle(content.getTitle())
        .clearLinks()
        .addAllLinks(content.getLinksList())
        .clearMedia()
        .addAllMedia(content.getMediaList())
        .setLanguage(content.getLanguage())
        .clearTags()
        .addAllTags(content.getTagsList())
        .clearMentions()
        .addAllMentions(content.getMentionsList())
        .clearAttributes()
        .putAllAttributes(content.getAttributesMap());
  }
}
