package io.tideline.node.cli;

import io.tideline.protocols.v1.FollowManyRequest;
import io.tideline.protocols.v1.FollowManyResponse;
import io.tideline.protocols.v1.FollowOptions;
import io.tideline.protocols.v1.FollowRequest;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Makes a user follow others. */
@Command(
    name = "follow",
    description = {
      "Make a user follow others.",
      "With an option, also for whom is followed already: then the options take the place of"
          + " earlier ones."
    })
final class FollowCommand extends CallCommand {
  @Parameters(index = "1..*", arity = "1..*", paramLabel = "FOLLOWEE", description = "whom")
  private List<String> followees = List.of();

  @Option(
      names = "--reposts",
      negatable = true,
      description = "with what they pass on (default), or without it")
  private @Nullable Boolean reposts;

  @Option(
      names = "--languages",
      paramLabel = "LANGUAGE",
      split = ",",
      description = "only posts in these languages, for example en,de; default: all")
  private List<String> languages = List.of();

  @Override
  public Integer call() {
    if (reposts == null && languages.isEmpty()) {
      return show(
          Methods.FOLLOW_MANY,
          FollowManyRequest.newBuilder().setUserId(user()).addAllFolloweeIds(followees).build(),
          this::text);
    }
    var options = FollowOptions.newBuilder().addAllLanguages(languages);
    if (reposts != null) options.setReposts(reposts);
    var request = FollowRequest.newBuilder().setUserId(user()).setOptions(options);
    for (String followee : followees) {
      show(
          Methods.FOLLOW,
          request.setFolloweeId(followee).build(),
          done -> user() + " follows " + followee);
    }
    return ExitCode.OK;
  }

  private String text(FollowManyResponse followed) {
    return followed.getAdded() == 0
        ? user() + " followed them already"
        : "%s follows %d more".formatted(user(), followed.getAdded());
  }
}
