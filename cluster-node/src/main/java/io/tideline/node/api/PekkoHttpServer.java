package io.tideline.node.api;

import com.google.protobuf.InvalidProtocolBufferException;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthGrpc;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.Done;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.grpc.ServiceDescription;
import org.apache.pekko.grpc.Trailers;
import org.apache.pekko.grpc.internal.GrpcMetadataImpl;
import org.apache.pekko.grpc.javadsl.GrpcExceptionHandler;
import org.apache.pekko.grpc.javadsl.GrpcMarshalling;
import org.apache.pekko.grpc.javadsl.ServerReflection;
import org.apache.pekko.http.javadsl.Http;
import org.apache.pekko.http.javadsl.ServerBinding;
import org.apache.pekko.http.javadsl.ServerBuilder;
import org.apache.pekko.http.javadsl.model.HttpHeader;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.javadsl.model.RequestEntity;
import org.apache.pekko.http.javadsl.model.StatusCodes;
import org.apache.pekko.http.javadsl.settings.ServerSettings;
import org.apache.pekko.http.scaladsl.model.EntityStreamSizeException;
import org.apache.pekko.http.scaladsl.model.http2.PeerClosedStreamException;
import org.apache.pekko.japi.function.Function;
import org.jspecify.annotations.Nullable;

/** The services as Pekko gRPC binds them, on Pekko HTTP; speaks gRPC-Web, too. */
@SuppressWarnings("deprecation") // Generated handlers still take japi.Function.
final class PekkoHttpServer implements BoundSocket {
  /** What precedes each message: a flag and its length. */
  private static final int FRAME_HEADER_BYTES = 5;

  /** What HTTP/2 adds to the length of each header's name and value. */
  private static final int HEADER_OVERHEAD_BYTES = 32;

  static final org.apache.pekko.japi.Function<
          org.apache.pekko.actor.ActorSystem, org.apache.pekko.japi.Function<Throwable, Trailers>>
      ERRORS = system -> PekkoHttpServer::trailersOf;

  /** Pekko HTTP wants more than nothing. */
  private static final Duration AT_ONCE = Duration.ofMillis(1);

  private final ServerBinding binding;
  private final @Nullable TlsFiles tls;

  private PekkoHttpServer(ServerBinding binding, @Nullable TlsFiles tls) {
    this.binding = binding;
    this.tls = tls;
  }

  static CompletionStage<BoundSocket> bind(
      ActorSystem<?> system, GrpcSettings settings, List<GrpcMount<?>> services, Health health) {
    TlsFiles tls = settings.tls().enabled() ? new TlsFiles(system, settings.tls()) : null;
    ServerBuilder builder =
        Http.get(system)
            .newServerAt(settings.host(), settings.port())
            .withSettings(
                ServerSettings.create(http2(settings).withFallback(system.settings().config())));
    if (tls != null) {
      builder = builder.enableHttps(tls.forPekkoHttp());
    }
    return builder
        .bind(new Limits(settings, new Routes(system, settings, services, health), system))
        .thenApply(binding -> new PekkoHttpServer(binding, tls));
  }

  private static Config http2(GrpcSettings settings) {
    return ConfigFactory.parseMap(
        Map.of(
            "pekko.http.server.enable-http2",
            true,
            "pekko.http.server.http2.frame-type-throttle.frame-types",
            List.of("reset"),
            // Beyond this the whole connection breaks, so what is a little too large gets an
            // answer.
            "pekko.http.server.parsing.max-header-value-length",
            2 * settings.maxMetadataBytes()));
  }

  @Override
  public InetSocketAddress address() {
    return binding.localAddress();
  }

  @Override
  public CompletionStage<Done> drain(Duration grace) {
    return binding
        .terminate(grace.isZero() ? AT_ONCE : grace)
        .thenApply(
            terminated -> {
              if (tls != null) {
                tls.close();
              }
              return Done.getInstance();
            });
  }

  private static Trailers trailersOf(Throwable failure) {
    StatusRuntimeException status = StatusMapping.translate(transportFailure(failure));
    Metadata trailers = status.getTrailers();
    return new Trailers(
        status.getStatus(), new GrpcMetadataImpl(trailers == null ? new Metadata() : trailers));
  }

  /** What grpc-java answers by itself before a service sees a call. */
  private static Throwable transportFailure(Throwable failure) {
    Throwable cause =
        failure instanceof CompletionException && failure.getCause() != null
            ? failure.getCause()
            : failure;
    if (cause instanceof EntityStreamSizeException) {
      return Status.RESOURCE_EXHAUSTED
          .withDescription("the request is larger than tideline.node.grpc.max-message-size")
          .asRuntimeException();
    } else if (cause instanceof InvalidProtocolBufferException) {
      return Status.INTERNAL.withDescription("Invalid protobuf byte sequence").asRuntimeException();
    } else if (cause instanceof UnsupportedOperationException) {
      return Status.UNIMPLEMENTED.withDescription(cause.getMessage()).asRuntimeException();
    } else if (cause instanceof PeerClosedStreamException) {
      return Status.CANCELLED.asRuntimeException();
    }
    return cause;
  }

  /** The limits of {@link GrpcSettings}, as far as they can be kept behind Pekko HTTP's parser. */
  private record Limits(
      GrpcSettings settings,
      Function<HttpRequest, CompletionStage<HttpResponse>> next,
      ActorSystem<?> system)
      implements Function<HttpRequest, CompletionStage<HttpResponse>> {

    @Override
    public CompletionStage<HttpResponse> apply(HttpRequest request) throws Exception {
      int headerBytes = 0;
      for (HttpHeader header : request.getHeaders()) {
        headerBytes += header.name().length() + header.value().length() + HEADER_OVERHEAD_BYTES;
      }
      return headerBytes > settings.maxMetadataBytes()
          ? tooMuchMetadata(request)
          : next.apply(
              request.withEntity(
                  (RequestEntity)
                      request
                          .entity()
                          .withSizeLimit(settings.maxMessageBytes() + FRAME_HEADER_BYTES)));
    }

    private CompletionStage<HttpResponse> tooMuchMetadata(HttpRequest request) {
      StatusRuntimeException failure =
          Status.RESOURCE_EXHAUSTED
              .withDescription("the headers are larger than tideline.node.grpc.max-metadata-size")
              .asRuntimeException();
      request.discardEntityBytes(system);
      return GrpcMarshalling.negotiated(
              request,
              (reader, writer) ->
                  CompletableFuture.completedStage(
                      GrpcExceptionHandler.standard(failure, ERRORS, writer, system)))
          .orElseGet(() -> answer(StatusCodes.REQUEST_HEADER_FIELDS_TOO_LARGE));
    }
  }

  /** Finds the handler of a service by the first segment of the path. */
  private static final class Routes
      implements Function<HttpRequest, CompletionStage<HttpResponse>> {
    private final Map<String, Function<HttpRequest, CompletionStage<HttpResponse>>> handlers =
        new HashMap<>();

    Routes(
        ActorSystem<?> system, GrpcSettings settings, List<GrpcMount<?>> services, Health health) {
      services.forEach(service -> handlers.put(service.name(), handlerOf(service, system)));
      handlers.put(HealthGrpc.SERVICE_NAME, new HttpHealth(health, system));
      if (settings.reflection()) {
        List<ServiceDescription> descriptions =
            services.stream().<ServiceDescription>map(GrpcMount::description).toList();
        handlers.put(
            grpc.reflection.v1alpha.reflection.ServerReflection.name(),
            ServerReflection.create(descriptions, system));
      }
    }

    private static <S> Function<HttpRequest, CompletionStage<HttpResponse>> handlerOf(
        GrpcMount<S> mount, ActorSystem<?> system) {
      return mount.httpHandler().create(mount.service(), ERRORS, system);
    }

    @Override
    public CompletionStage<HttpResponse> apply(HttpRequest request) throws Exception {
      String path = request.getUri().path();
      int end = path.indexOf('/', 1);
      Function<HttpRequest, CompletionStage<HttpResponse>> handler =
          end < 0 ? null : handlers.get(path.substring(1, end));
      return handler == null ? answer(StatusCodes.NOT_FOUND) : handler.apply(request);
    }
  }

  private static CompletionStage<HttpResponse> answer(
      org.apache.pekko.http.javadsl.model.StatusCode status) {
    return CompletableFuture.completedStage(HttpResponse.create().withStatus(status));
  }
}
