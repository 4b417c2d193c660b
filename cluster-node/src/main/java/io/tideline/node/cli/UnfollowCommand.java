package io.tideline.node.cli;

import io.tideline.protocols.v1.UnfollowRequest;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Makes a user follow somebody no longer. */
@Command(name = "unfollow", description = "Make a user follow somebody no longer.")
final class UnfollowCommand extends CallCommand {
  @Parameters(index = "1", paramLabel = "FOLLOWEE", description = "whom")
  private String followee = "";

  @Override
  public Integer call() {
    return show(
        Methods.UNFOLLOW,
        UnfollowRequest.newBuilder().setUserId(user()).setFolloweeId(followee).build(),
        done -> "%s does not follow %s".formatted(user(), followee));
  }
}
