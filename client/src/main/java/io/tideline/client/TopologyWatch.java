package io.tideline.client;

import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Status;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import io.tideline.protocols.v1.Topology;
import io.tideline.protocols.v1.WatchTopologyRequest;
import io.tideline.protocols.v1.WatchTopologyResponse;
import java.time.Duration;
import java.util.function.Consumer;

/** One stream of topologies from one node; all that it tells is told on the client's thread. */
final class TopologyWatch implements StreamObserver<WatchTopologyResponse> {
  /** A node that takes the connection and says nothing for so long is left. */
  private static final Duration FIRST_ANSWER = Duration.ofSeconds(3);

  private final ClientThread thread;
  private final Consumer<Topology> onTopology;
  private final Consumer<Status> onEnd;
  private boolean answered;
  private boolean ended;

  private TopologyWatch(
      ClientThread thread, Consumer<Topology> onTopology, Consumer<Status> onEnd) {
    this.thread = thread;
    this.onTopology = onTopology;
    this.onEnd = onEnd;
  }

  /**
   * Opens a stream.
   *
   * @param onEnd is told once, with {@code OK} when the node has ended the stream
   */
  static void open(
      Channels channels,
      String address,
      CallOptions options,
      ClientThread thread,
      Consumer<Topology> onTopology,
      Consumer<Status> onEnd) {
    TopologyWatch watch = new TopologyWatch(thread, onTopology, onEnd);
    try {
      ClientCall<WatchTopologyRequest, WatchTopologyResponse> call =
          channels.to(address).newCall(Rpc.WATCH_TOPOLOGY.descriptor(), options);
      ClientCalls.asyncServerStreamingCall(call, WatchTopologyRequest.getDefaultInstance(), watch);
      thread.later(
          FIRST_ANSWER,
          () -> {
            if (!watch.answered) call.cancel("no topology within " + FIRST_ANSWER, null);
          });
    } catch (RuntimeException e) {
      watch.end(Status.UNAVAILABLE.withDescription("cannot call " + address).withCause(e));
    }
  }

  @Override
  public void onNext(WatchTopologyResponse message) {
    // A node that has just started knows no node yet, not even itself.
    if (message.getTopology().getNodesCount() == 0) return;
    thread.execute(
        () -> {
          answered = true;
          onTopology.accept(message.getTopology());
        });
  }

  @Override
  public void onError(Throwable failure) {
    Status status = Status.fromThrowable(failure);
    // By this class when a node says nothing, or by a node that stops at once.
    boolean cancelled = status.getCode() == Status.Code.CANCELLED;
    end(cancelled ? Status.UNAVAILABLE.withDescription(status.getDescription()) : status);
  }

  @Override
  public void onCompleted() {
    end(Status.OK);
  }

  private void end(Status status) {
    thread.execute(
        () -> {
          // What could not be started may say so as well.
          if (ended) return;
          ended = true;
          answered = true;
          onEnd.accept(status);
        });
  }
}
