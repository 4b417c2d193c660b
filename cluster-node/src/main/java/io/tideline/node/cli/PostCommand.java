package io.tideline.node.cli;

import io.tideline.protocols.v1.PostContent;
import io.tideline.protocols.v1.PublishRequest;
import io.tideline.protocols.v1.PublishResponse;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Publishes a post. */
@Command(
    name = "post",
    description = "Publish a post; prints its id.",
    footer = {"", "Example: tideline post ann 'High tide at noon' --link https://example.org/"})
final class PostCommand implements Callable<Integer> {
  @Mixin private ClientOptions client = new ClientOptions();
  @Mixin private OutputOptions output = new OutputOptions();

  @Parameters(index = "0", paramLabel = "AUTHOR", description = "who posts")
  private String author = "";

  @Parameters(
      index = "1..*",
      paramLabel = "TEXT",
      description = "what is said; several words are joined")
  private List<String> words = List.of();

  @Option(
      names = "--title",
      paramLabel = "TITLE",
      description = "a title of at most 300 characters")
  private String title = "";

  @Option(names = "--link", paramLabel = "URL", description = "where it leads; may be repeated")
  private List<String> links = List.of();

  @Option(
      names = "--tag",
      paramLabel = "TAG",
      converter = TagText.class,
      description = "a tag, with or without its #; may be repeated")
  private List<String> tags = List.of();

  @Option(names = "--reply-to", paramLabel = "POST", description = "the post that this one answers")
  private String replyTo = "";

  @Option(names = "--repost", paramLabel = "POST", description = "the post that this one passes on")
  private String repostOf = "";

  @Option(
      names = "--key",
      paramLabel = "KEY",
      description = "idempotency key: the same key posts only once; default: a new one")
  private @Nullable String key;

  @Override
  public Integer call() {
    try (FeedClient feed = client.connect()) {
      PublishResponse published = feed.call(Methods.PUBLISH, request());
      if (output.output().json()) {
        output.output().message(published);
      } else {
        output.output().line(published.getPostId());
      }
    }
    return ExitCode.OK;
  }

  private PublishRequest request() {
    return PublishRequest.newBuilder()
        .setAuthorId(author)
        .setIdempotencyKey(key == null ? UUID.randomUUID().toString() : key)
        .setReplyTo(replyTo)
        .setRepostOf(repostOf)
        .setContent(
            PostContent.newBuilder()
                .setText(String.join(" ", words))
                .setTitle(title)
                .addAllLinks(links)
                .addAllTags(tags))
        .build();
  }
}
