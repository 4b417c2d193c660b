package io.tideline.node.cli;

import com.google.protobuf.Message;
import io.grpc.MethodDescriptor;
import java.util.concurrent.Callable;
import java.util.function.Function;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** A command about one user that makes a call and shows the answer. */
abstract class CallCommand implements Callable<Integer> {
  @Mixin private ClientOptions client = new ClientOptions();
  @Mixin private OutputOptions output = new OutputOptions();

  @Parameters(index = "0", paramLabel = "USER", description = "whose feed it is about")
  private String user = "";

  String user() {
    return user;
  }

  /** Calls and shows the answer, to people in these words. */
  <Q, R extends Message> int show(
      MethodDescriptor<Q, R> method, Q request, Function<R, String> words) {
    try (FeedClient feed = client.connect()) {
      R answer = feed.call(method, request);
      if (output.output().json()) {
        output.output().message(answer);
      } else {
        output.output().line(FeedText.printable(words.apply(answer)));
      }
    }
    return ExitCode.OK;
  }
}
