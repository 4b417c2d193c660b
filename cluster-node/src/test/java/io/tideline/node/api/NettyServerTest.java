package io.tideline.node.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.google.protobuf.Message;
import io.grpc.CallOptions;
import io.grpc.ConnectivityState;
import io.grpc.Context;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.reflection.v1.ServerReflectionGrpc;
import io.grpc.reflection.v1.ServerReflectionRequest;
import io.grpc.reflection.v1.ServerReflectionResponse;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import io.tideline.protocols.v1.FollowResponse;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import kamon.Kamon;
import kamon.metric.Instrument;
import kamon.metric.Metric;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

class NettyServerTest extends GrpcServerContract {
  private static final ActorTestKit KIT = TestServer.kit("NettyServerTest");
  private static final String FOLLOW = "tideline.v1.GraphService/Follow";

  NettyServerTest() {
    super(KIT, "netty");
  }

  @AfterAll
  static void stopKit() {
    KIT.shutdownTestKit();
  }

  @Test
  void a_service_is_called_on_the_transport_thread() {
    server.graph.onFollow =
        (request, metadata) -> StubGraph.followed(Thread.currentThread().getName());
    assertThat(follow("ann").getConsistencyToken()).startsWith("grpc-default-worker");
  }

  @Test
  void the_calls_deadline_and_cancellation_are_in_the_current_context() throws Exception {
    CompletableFuture<Context> context = new CompletableFuture<>();
    server.graph.onFollow =
        (request, metadata) -> {
          context.complete(Context.current());
          return new CompletableFuture<>();
        };
    Future<Message> call =
        ClientCalls.futureUnaryCall(
            channel.newCall(
                server.rpc("Follow"), CallOptions.DEFAULT.withDeadlineAfter(1, TimeUnit.MINUTES)),
            request("ann"));
    Context seen = context.get(10, TimeUnit.SECONDS);
    assertThat(seen.getDeadline()).isNotNull();
    assertThat(seen.isCancelled()).isFalse();
    call.cancel(true);
    await().until(seen::isCancelled);
  }

  @Test
  void an_answer_that_comes_after_the_caller_has_gone_harms_nobody() throws Exception {
    CompletableFuture<FollowResponse> late = new CompletableFuture<>();
    server.graph.onFollow = (request, metadata) -> late;
    assertThat(
            statusOf(
                () ->
                    ClientCalls.blockingUnaryCall(
                        channel,
                        server.rpc("Follow"),
                        CallOptions.DEFAULT.withDeadlineAfter(100, TimeUnit.MILLISECONDS),
                        request("ann"))))
        .isEqualTo(Status.Code.DEADLINE_EXCEEDED);
    late.complete(FollowResponse.getDefaultInstance());
    server.graph.onFollow = (request, metadata) -> StubGraph.followed("next");
    assertThat(follow("ann").getConsistencyToken()).isEqualTo("next");
  }

  @Test
  void a_client_whose_calls_run_out_of_time_keeps_its_connection() throws Exception {
    CompletableFuture<FollowResponse> late = new CompletableFuture<>();
    server.graph.onFollow = (request, metadata) -> late;
    Future<Message> patient =
        ClientCalls.futureUnaryCall(
            channel.newCall(server.rpc("Follow"), CallOptions.DEFAULT), request("ann"));
    for (int second = 0; second < 3; second++) {
      List<Future<Message>> hasty =
          IntStream.range(0, 900)
              .<Future<Message>>mapToObj(
                  i ->
                      ClientCalls.futureUnaryCall(
                          channel.newCall(
                              server.rpc("Follow"),
                              CallOptions.DEFAULT.withDeadlineAfter(1, TimeUnit.SECONDS)),
                          request("ann")))
              .toList();
      await().atMost(Duration.ofSeconds(10)).until(() -> hasty.stream().allMatch(Future::isDone));
    }
    late.complete(StubGraph.followed("at last").toCompletableFuture().get());
    assertThat(patient.get(10, TimeUnit.SECONDS))
        .isEqualTo(FollowResponse.newBuilder().setConsistencyToken("at last").build());
  }

  @Test
  void answering_with_nothing_is_a_bug_that_is_told() {
    server.graph.onFollow = (request, metadata) -> CompletableFuture.completedFuture(null);
    assertThat(statusOf(() -> follow("ann"))).isEqualTo(Status.Code.INTERNAL);
  }

  @Test
  void connections_are_replaced_when_they_are_old() throws Exception {
    try (TestServer ageing =
        startWith("max-connection-age = 500ms, max-connection-age-grace = 5s")) {
      ManagedChannel aged = ageing.channel();
      call(aged, "Follow", request("ann"));
      await()
          .atMost(Duration.ofSeconds(10))
          .until(() -> aged.getState(false) == ConnectivityState.IDLE);
      call(aged, "Follow", request("ann"));
    }
  }

  @Test
  void reflection_speaks_v1() throws Exception {
    CompletableFuture<List<String>> names = new CompletableFuture<>();
    StreamObserver<ServerReflectionRequest> ask =
        ServerReflectionGrpc.newStub(channel)
            .serverReflectionInfo(
                new StreamObserver<>() {
                  @Override
                  public void onNext(ServerReflectionResponse answer) {
                    names.complete(
                        answer.getFileDescriptorResponse().getFileDescriptorProtoList().stream()
                            .map(file -> file.toStringUtf8())
                            .toList());
                  }

                  @Override
                  public void onError(Throwable failure) {
                    names.completeExceptionally(failure);
                  }

                  @Override
                  public void onCompleted() {}
                });
    ask.onNext(
        ServerReflectionRequest.newBuilder()
            .setFileContainingSymbol("tideline.v1.GraphService.Follow")
            .build());
    assertThat(names.get(10, TimeUnit.SECONDS))
        .anySatisfy(file -> assertThat(file).contains("tideline/v1/graph_service.proto"));
    ask.onCompleted();
  }

  @Test
  void calls_are_counted_by_rpc_and_status_and_timed() {
    long ok = counted("OK");
    long internal = counted("INTERNAL");
    long cancelled = counted("DEADLINE_EXCEEDED") + counted("CANCELLED");
    follow("ann");
    server.graph.onFollow =
        (request, metadata) -> CompletableFuture.failedFuture(new IllegalStateException("a bug"));
    assertThat(statusOf(() -> follow("ann"))).isEqualTo(Status.Code.INTERNAL);
    server.graph.onFollow = (request, metadata) -> new CompletableFuture<>();
    assertThat(
            statusOf(
                () ->
                    ClientCalls.blockingUnaryCall(
                        channel,
                        server.rpc("Follow"),
                        CallOptions.DEFAULT.withDeadlineAfter(100, TimeUnit.MILLISECONDS),
                        request("ann"))))
        .isEqualTo(Status.Code.DEADLINE_EXCEEDED);
    await()
        .untilAsserted(
            () -> {
              assertThat(counted("OK")).isEqualTo(ok + 1);
              assertThat(counted("INTERNAL")).isEqualTo(internal + 1);
              assertThat(counted("DEADLINE_EXCEEDED") + counted("CANCELLED"))
                  .isEqualTo(cancelled + 1);
            });
  }

  private static long counted(String status) {
    Metric.Counter calls = Kamon.counter("tideline.grpc.calls", "Calls that have ended, by status");
    Object counter = calls.withTag("rpc", FOLLOW).withTag("status", status);
    return (Long) ((Instrument.Snapshotting<?>) counter).snapshot(false);
  }
}
