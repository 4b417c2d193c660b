package io.tideline.node.cli;

import io.tideline.protocols.v1.UnfollowRequest;
import io.tideline.protocols.v1.UnfollowResponse;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** Makes a user follow somebody no longer. */
@Command(name = "unfollow", description = "Make a user follow somebody no longer.")
final class UnfollowCommand implements Callable<Integer> {
  @Mixin private ClientOptions client = new ClientOptions();
  @Mixin private OutputOptions output = new OutputOptions();

  @Parameters(index = "0", paramLabel = "USER", description = "who followed")
  private String user = "";

  @Parameters(index = "1", paramLabel = "FOLLOWEE", description = "whom")
  private String followee = "";

  @Override
  public Integer call() {
    var request = UnfollowRequest.newBuilder().setUserId(user).setFolloweeId(followee).build();
    try (FeedClient feed = client.connect()) {
      UnfollowResponse unfollowed = feed.call(Methods.UNFOLLOW, request);
      if (output.output().json()) {
        output.output().message(unfollowed);
      } else {
        output.output().line("%s does not follow %s".formatted(user, followee));
      }
    }
    return ExitCode.OK;
  }
}
