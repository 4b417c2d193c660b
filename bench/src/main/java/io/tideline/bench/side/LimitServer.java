package io.tideline.bench.side;

import io.grpc.Status;
import io.tideline.protocols.v1.ReadFeedRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** The least that a gRPC server in Java can do: finds the whole answer in a map. */
final class LimitServer {
  private final Map<String, byte[]> answers;

  private LimitServer(Map<String, byte[]> answers) {
    this.answers = answers;
  }

  /** Takes the port and the file with the answers. */
  public static void main(String[] arguments) throws IOException {
    var server = new LimitServer(AnswerFile.read(Path.of(arguments[1])));
    new FeedServer().reads(server::read).serveUntilParentLeaves(Integer.parseInt(arguments[0]));
  }

  private CompletionStage<byte[]> read(ReadFeedRequest request) {
    byte[] answer = answers.get(AnswerFile.key(request.getUserId(), request.getCursor()));
    return answer == null
        ? CompletableFuture.failedFuture(Status.NOT_FOUND.asRuntimeException())
        : CompletableFuture.completedFuture(answer);
  }
}
