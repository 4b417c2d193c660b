package io.tideline.bench.side;

import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import io.grpc.Drainable;
import io.grpc.KnownLength;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.Marshaller;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.Server;
import io.grpc.ServerCallHandler;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.netty.shaded.io.netty.util.ResourceLeakDetector;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.stub.ServerCalls;
import io.tideline.protocols.v1.PublishRequest;
import io.tideline.protocols.v1.PublishResponse;
import io.tideline.protocols.v1.ReadFeedRequest;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;

/**
 * The gRPC server that all sides but Tideline have in front: on Netty, without a thread of its own
 * for the calls. Answers to reads are handed over as bytes, so that nobody has to make messages of
 * cards that are stored as bytes.
 */
final class FeedServer {
  private final ServerServiceDefinition.Builder feeds =
      ServerServiceDefinition.builder("tideline.v1.FeedService");
  private final ServerServiceDefinition.Builder posts =
      ServerServiceDefinition.builder("tideline.v1.PostService");

  /** Answers reads with a {@code ReadFeedResponse} as protobuf. */
  FeedServer reads(Function<ReadFeedRequest, CompletionStage<byte[]>> read) {
    feeds.addMethod(
        method("tideline.v1.FeedService/ReadFeed", ReadFeedRequest.parser(), new BytesMarshaller()),
        answeredBy(read));
    return this;
  }

  FeedServer publishes(Function<PublishRequest, CompletionStage<PublishResponse>> publish) {
    posts.addMethod(
        method(
            "tideline.v1.PostService/Publish",
            PublishRequest.parser(),
            ProtoUtils.marshaller(PublishResponse.getDefaultInstance())),
        answeredBy(publish));
    return this;
  }

  private static <Q extends MessageLite, R> MethodDescriptor<Q, R> method(
      String name, Parser<Q> requests, Marshaller<R> answers) {
    return MethodDescriptor.newBuilder(new RequestMarshaller<>(requests), answers)
        .setFullMethodName(name)
        .setType(MethodType.UNARY)
        .build();
  }

  private static <Q, R> ServerCallHandler<Q, R> answeredBy(Function<Q, CompletionStage<R>> answer) {
    return ServerCalls.asyncUnaryCall(
        (request, observer) -> {
          var unused =
              answer
                  .apply(request)
                  .whenComplete(
                      (value, failure) -> {
                        if (failure != null) {
                          observer.onError(statusOf(failure).asRuntimeException());
                        } else {
                          observer.onNext(value);
                          observer.onCompleted();
                        }
                      });
        });
  }

  /** With what went wrong in it, for the report. */
  private static Status statusOf(Throwable failure) {
    Status status = Status.fromThrowable(failure);
    Throwable cause = status.getCause();
    if (cause == null || status.getDescription() != null) return status;
    Throwable root = cause instanceof CompletionException ? cause.getCause() : cause;
    return status.withDescription(String.valueOf(root));
  }

  Server start(int port) throws IOException {
    ResourceLeakDetector.setLevel(ResourceLeakDetector.Level.DISABLED);
    return NettyServerBuilder.forAddress(ServerProcess.loopback(port))
        .directExecutor()
        .addService(feeds.build())
        .addService(posts.build())
        .build()
        .start();
  }

  /** Serves until standard input ends, as it does when the parent is gone. */
  void serveUntilParentLeaves(int port) throws IOException {
    Server server = start(port);
    while (System.in.read() >= 0) {
      // The parent sends nothing; only the end matters.
    }
    server.shutdownNow();
    Runtime.getRuntime().halt(0);
  }

  private static final class RequestMarshaller<T extends MessageLite> implements Marshaller<T> {
    private final Parser<T> parser;

    private RequestMarshaller(Parser<T> parser) {
      this.parser = parser;
    }

    @Override
    public InputStream stream(T value) {
      return new ByteArrayInputStream(value.toByteArray());
    }

    @Override
    public T parse(InputStream stream) {
      try {
        return parser.parseFrom(stream);
      } catch (IOException e) {
        throw Status.INTERNAL.withCause(e).asRuntimeException();
      }
    }
  }

  private static final class BytesMarshaller implements Marshaller<byte[]> {
    @Override
    public InputStream stream(byte[] value) {
      return new Bytes(value);
    }

    @Override
    public byte[] parse(InputStream stream) {
      try {
        return stream.readAllBytes();
      } catch (IOException e) {
        throw Status.INTERNAL.withCause(e).asRuntimeException();
      }
    }
  }

  /** Copied into the transport's buffer in one go. */
  private static final class Bytes extends ByteArrayInputStream implements Drainable, KnownLength {
    private Bytes(byte[] bytes) {
      super(bytes);
    }

    @Override
    public synchronized int drainTo(OutputStream target) throws IOException {
      int length = available();
      target.write(buf, pos, length);
      pos = count;
      return length;
    }
  }
}
