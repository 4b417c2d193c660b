package io.tideline.node.api;

import com.google.protobuf.Descriptors;
import com.google.protobuf.Message;
import java.util.Map;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.actor.ClassicActorSystemProvider;
import org.apache.pekko.grpc.ServiceDescription;
import org.apache.pekko.grpc.Trailers;
import org.apache.pekko.grpc.javadsl.Metadata;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.HttpResponse;

/**
 * A generated service, who answers it, and how Pekko gRPC would bind it: {@code
 * GrpcMount.of(FeedService.description, FeedServicePowerApi.class, service,
 * FeedServicePowerApiHandlerFactory::create)}.
 *
 * @param encoded by the name of an rpc, what answers it on grpc-java instead of the service
 */
public record GrpcMount<S>(
    ServiceDescription description,
    Class<S> api,
    S service,
    HttpHandlerFactory<S> httpHandler,
    Map<String, Encoding> encoded) {

  /** Answers as a service does, with bytes. */
  @FunctionalInterface
  interface Encoding {
    CompletionStage<EncodedAnswer> answer(Message request, Metadata metadata);
  }

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
    return new GrpcMount<>(description, api, service, httpHandler, Map.of());
  }

  /** The same, with one rpc that grpc-java answers so. */
  GrpcMount<S> encoding(String rpc, Encoding answer) {
    return new GrpcMount<>(description, api, service, httpHandler, Map.of(rpc, answer));
  }
}
