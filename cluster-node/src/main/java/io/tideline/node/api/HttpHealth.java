package io.tideline.node.api;

import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse;
import io.grpc.stub.StreamObserver;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.grpc.ProtobufSerializer;
import org.apache.pekko.grpc.javadsl.GoogleProtobufSerializer;
import org.apache.pekko.grpc.javadsl.GrpcExceptionHandler;
import org.apache.pekko.grpc.javadsl.GrpcMarshalling;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.javadsl.model.StatusCodes;
import org.apache.pekko.japi.function.Function;
import org.apache.pekko.stream.Materializer;
import org.apache.pekko.stream.SystemMaterializer;

/**
 * Answers {@code grpc.health.v1.Health/Check} on Pekko HTTP; {@code Watch} is optional, and not
 * here.
 */
final class HttpHealth implements Function<HttpRequest, CompletionStage<HttpResponse>> {
  private static final ProtobufSerializer<HealthCheckRequest> REQUEST =
      new GoogleProtobufSerializer<>(HealthCheckRequest.parser());
  private static final ProtobufSerializer<HealthCheckResponse> RESPONSE =
      new GoogleProtobufSerializer<>(HealthCheckResponse.parser());

  private final Health health;
  private final ActorSystem<?> system;
  private final Materializer materializer;

  HttpHealth(Health health, ActorSystem<?> system) {
    this.health = health;
    this.system = system;
    this.materializer = SystemMaterializer.get(system).materializer();
  }

  @Override
  public CompletionStage<HttpResponse> apply(HttpRequest request) {
    return GrpcMarshalling.negotiated(
            request,
            (reader, writer) ->
                GrpcMarshalling.unmarshal(request.entity(), REQUEST, materializer, reader)
                    .thenCompose(check -> answer(request, check))
                    .thenApply(
                        status ->
                            GrpcMarshalling.marshal(
                                status, RESPONSE, writer, system, PekkoHttpServer.ERRORS))
                    .exceptionally(
                        failure ->
                            GrpcExceptionHandler.standard(
                                failure, PekkoHttpServer.ERRORS, writer, system)))
        .orElseGet(
            () ->
                CompletableFuture.completedFuture(
                    HttpResponse.create().withStatus(StatusCodes.UNSUPPORTED_MEDIA_TYPE)));
  }

  private CompletionStage<HealthCheckResponse> answer(
      HttpRequest request, HealthCheckRequest check) {
    if (!request.getUri().path().endsWith("/Check")) {
      return CompletableFuture.failedStage(
          new UnsupportedOperationException("Not implemented: " + request.getUri().path()));
    }
    Answer answer = new Answer();
    health.asyncService().check(check, answer);
    return answer;
  }

  private static final class Answer extends CompletableFuture<HealthCheckResponse>
      implements StreamObserver<HealthCheckResponse> {
    @Override
    public void onNext(HealthCheckResponse status) {
      complete(status);
    }

    @Override
    public void onError(Throwable failure) {
      completeExceptionally(failure);
    }

    @Override
    public void onCompleted() {}
  }
}
