package io.tideline.node.cli;

import io.tideline.protocols.v1.FollowTagRequest;
import io.tideline.protocols.v1.ListFollowedTagsRequest;
import io.tideline.protocols.v1.ListFollowedTagsResponse;
import io.tideline.protocols.v1.UnfollowTagRequest;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Follows tags. */
@Command(
    name = "tag",
    description = "Follow tags: their posts are in the feed, whoever wrote them.",
    subcommands = {TagCommand.Follow.class, TagCommand.Unfollow.class, TagCommand.Show.class})
final class TagCommand implements Runnable {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "follow, unfollow or show?");
  }

  /** Makes a user follow a tag. */
  @Command(name = "follow", description = "Make a user follow a tag.")
  static final class Follow extends CallCommand {
    @Parameters(
        index = "1",
        paramLabel = "TAG",
        converter = TagText.class,
        description = "the tag, with or without its #; case does not matter")
    private String tag = "";

    @Override
    public Integer call() {
      return show(
          Methods.FOLLOW_TAG,
          FollowTagRequest.newBuilder().setUserId(user()).setTag(tag).build(),
          done -> user() + " follows #" + tag);
    }
  }

  /** Makes a user follow a tag no longer. */
  @Command(name = "unfollow", description = "Make a user follow a tag no longer.")
  static final class Unfollow extends CallCommand {
    @Parameters(
        index = "1",
        paramLabel = "TAG",
        converter = TagText.class,
        description = "the tag, with or without its #; case does not matter")
    private String tag = "";

    @Override
    public Integer call() {
      return show(
          Methods.UNFOLLOW_TAG,
          UnfollowTagRequest.newBuilder().setUserId(user()).setTag(tag).build(),
          done -> user() + " does not follow #" + tag);
    }
  }

  /** Shows the tags that a user follows. */
  @Command(name = "show", description = "Show the tags that a user follows.")
  static final class Show extends CallCommand {
    @Override
    public Integer call() {
      return show(
          Methods.LIST_FOLLOWED_TAGS,
          ListFollowedTagsRequest.newBuilder().setUserId(user()).build(),
          this::text);
    }

    private String text(ListFollowedTagsResponse followed) {
      return followed.getTagsCount() == 0
          ? user() + " follows no tag"
          : followed.getTagsList().stream().map(tag -> "#" + tag).collect(Collectors.joining("\n"));
    }
  }
}
