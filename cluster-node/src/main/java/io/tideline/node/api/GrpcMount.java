package io.tideline.node.api;

import com.google.protobuf.Descriptors;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.actor.ClassicActorSystemProvider;
import org.apache.pekko.grpc.ServiceDescription;
import org.apache.pekko.grpc.Trailers;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.HttpResponse;

/**
 * A generated service, who answers it, and how Pekko gRPC would bind it: {@code
 * GrpcMount.of(FeedService.description, FeedServicePowerApi.class, service,
 * FeedServicePowerApiHandlerFactory::create)}.
 */
public record GrpcMount<S>(
    ServiceDescription description, Class<S> api, S service, HttpHandlerFactory<S> httpHandler) {

  /** The {@code create} of a generated {@code *PowerApiHandlerFactory}. */
  @FunctionalInterface
  @SuppressWarnings("deprecation") // Generated handlers still take japi.Function.
  public interface HttpHandlerFactory<S> {
    org.apache.pekko.japi.function.Function<HttpRequest, CompletionStage<HttpResponse>> create(
        S service,
        org.apache.pekko.japi.Function<
                ActorSystem, org.apache.pekko.japi.Function<Throwable, Trailers>>
            errors,
        ClassicActorSystemProvider system);
  }

  String name() {
    return description.name();
  }

  Descriptors.ServiceDescriptor serviceDescriptor() {
    return description.descriptor().getServices().stream()
        .filter(service -> service.getFullName().equals(description.name()))
        .findFirst()
        .orElseThrow(
            () -> new IllegalArgumentException("no proto file describes " + description.name()));
  }

  public static <S> GrpcMount<S> of(
      ServiceDescription description, Class<S> api, S service, HttpHandlerFactory<S> httpHandler) {
    return new GrpcMount<>(description, api, service, httpHandler);
  }
}
