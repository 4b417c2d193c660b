package io.tideline.node.cli;

import io.tideline.protocols.v1.FollowManyRequest;
import io.tideline.protocols.v1.FollowManyResponse;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** Makes a user follow others. */
@Command(name = "follow", description = "Make a user follow others.")
final class FollowCommand implements Callable<Integer> {
  @Mixin private ClientOptions client = new ClientOptions();
  @Mixin private OutputOptions output = new OutputOptions();

  @Parameters(index = "0", paramLabel = "USER", description = "who follows")
  private String user = "";

  @Parameters(index = "1..*", arity = "1..*", paramLabel = "FOLLOWEE", description = "whom")
  private List<String> followees = List.of();

  @Override
  public Integer call() {
    var request =
        FollowManyRequest.newBuilder().setUserId(user).addAllFolloweeIds(followees).build();
    try (FeedClient feed = client.connect()) {
      FollowManyResponse followed = feed.call(Methods.FOLLOW_MANY, request);
      if (output.output().json()) {
        output.output().message(followed);
      } else if (followed.getAdded() == 0) {
        output.output().line(user + " followed them already");
      } else {
        output.output().line("%s follows %d more".formatted(user, followed.getAdded()));
      }
    }
    return ExitCode.OK;
  }
}
