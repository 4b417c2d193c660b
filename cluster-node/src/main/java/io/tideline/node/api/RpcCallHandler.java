package io.tideline.node.api;

import com.google.protobuf.Message;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import kamon.context.Storage;
import org.apache.pekko.grpc.internal.GrpcMetadataImpl;
import org.apache.pekko.grpc.internal.JavaMetadataImpl;
import org.apache.pekko.stream.Materializer;
import org.apache.pekko.stream.javadsl.Sink;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscriber;
import org.reactivestreams.Subscription;

/**
 * Answers the calls of one rpc on grpc-java.
 *
 * <p>The service is called on the transport thread, with the call's {@link Context} (deadline,
 * cancellation) and trace as the current ones; outgoing calls that it makes there inherit both.
 */
final class RpcCallHandler implements ServerCallHandler<Message, Object> {
  private final RpcMethod method;
  private final RpcInstruments instruments;
  private final Materializer materializer;

  RpcCallHandler(RpcMethod method, Materializer materializer) {
    this.method = method;
    this.instruments = new RpcInstruments(method.descriptor().getFullMethodName());
    this.materializer = materializer;
  }

  @Override
  public ServerCall.Listener<Message> startCall(
      ServerCall<Message, Object> call, Metadata headers) {
    // One more than there may be, so that a second one is noticed.
    call.request(2);
    RpcInstruments.Started started = instruments.start(headers);
    return method.isUnary()
        ? new UnaryCall(call, headers, started)
        : new StreamCall(call, headers, started);
  }

  /** What unary and streaming answers share: one request comes in, one status goes out. */
  private abstract static class Call extends ServerCall.Listener<Message> {
    final ServerCall<Message, Object> call;
    private final Metadata headers;
    private final RpcInstruments.Started started;
    private @Nullable Message request;
    private volatile Status.Code outcome = Status.Code.OK;

    Call(ServerCall<Message, Object> call, Metadata headers, RpcInstruments.Started started) {
      this.call = call;
      this.headers = headers;
      this.started = started;
    }

    abstract void answer(Message request, org.apache.pekko.grpc.javadsl.Metadata metadata)
        throws Throwable;

    @Override
    public void onMessage(Message message) {
      if (request == null) {
        request = message;
      } else {
        close(
            Status.INTERNAL.withDescription("expected one request, but there are more"),
            new Metadata());
      }
    }

    @Override
    public void onHalfClose() {
      if (outcome != Status.Code.OK) {
        return;
      }
      Message message = request;
      if (message == null) {
        close(
            Status.INTERNAL.withDescription("expected one request, but there is none"),
            new Metadata());
        return;
      }
      Storage.Scope trace = started.enter();
      try {
        answer(message, new JavaMetadataImpl(new GrpcMetadataImpl(headers)));
      } catch (Throwable failure) {
        fail(failure);
      } finally {
        trace.close();
      }
    }

    @Override
    public void onComplete() {
      started.finish(outcome);
    }

    @Override
    public void onCancel() {
      started.finish(
          Context.current().cancellationCause() instanceof TimeoutException
              ? Status.Code.DEADLINE_EXCEEDED
              : Status.Code.CANCELLED);
    }

    final void fail(Throwable failure) {
      if (!call.isCancelled()) {
        StatusRuntimeException status = translate(failure);
        // A failure may be that of several calls, each of which writes into its trailers.
        Metadata trailers = new Metadata();
        if (status.getTrailers() != null) trailers.merge(status.getTrailers());
        close(status.getStatus(), trailers);
      }
    }

    /** On whatever thread the failure comes, what is logged about it names the call's trace. */
    private StatusRuntimeException translate(Throwable failure) {
      Storage.Scope trace = started.enter();
      try {
        return StatusMapping.translate(failure);
      } finally {
        trace.close();
      }
    }

    final void close(Status status, Metadata trailers) {
      outcome = status.getCode();
      if (!call.isCancelled()) {
        call.close(status, trailers);
      }
    }
  }

  private final class UnaryCall extends Call {
    UnaryCall(ServerCall<Message, Object> call, Metadata headers, RpcInstruments.Started started) {
      super(call, headers, started);
    }

    @Override
    void answer(Message request, org.apache.pekko.grpc.javadsl.Metadata metadata) throws Throwable {
      CompletionStage<?> answer = method.answerOnce(request, metadata);
      // A minimal stage is a CompletableFuture too, but only its copy tells whether it is done.
      CompletableFuture<?> future = answer.toCompletableFuture();
      if (future.isDone() && !future.isCompletedExceptionally()) {
        send(future.getNow(null));
      } else {
        answer.whenComplete(this::finish);
      }
    }

    private void finish(@Nullable Object response, @Nullable Throwable failure) {
      try {
        if (failure == null) {
          send(response);
        } else {
          fail(failure);
        }
      } catch (RuntimeException unexpected) {
        fail(unexpected);
      }
    }

    private void send(@Nullable Object response) {
      if (response == null) {
        throw new IllegalStateException(
            method.descriptor().getFullMethodName() + " answered with null");
      }
      if (!call.isCancelled()) {
        call.sendHeaders(new Metadata());
        call.sendMessage(response);
        close(Status.OK, new Metadata());
      }
    }
  }

  private final class StreamCall extends Call {
    private final Pump pump = new Pump();

    StreamCall(ServerCall<Message, Object> call, Metadata headers, RpcInstruments.Started started) {
      super(call, headers, started);
    }

    @Override
    void answer(Message request, org.apache.pekko.grpc.javadsl.Metadata metadata) throws Throwable {
      method.answerStream(request, metadata).runWith(Sink.fromSubscriber(pump), materializer);
    }

    @Override
    public void onReady() {
      pump.pull();
    }

    @Override
    public void onCancel() {
      pump.cancel();
      super.onCancel();
    }

    /** Pulls from the stream only while the client takes what is sent. */
    private final class Pump implements Subscriber<Message> {
      /** So many messages may be asked for while the transport still takes more. */
      private static final int WINDOW = 16;

      private final AtomicInteger notAskedFor = new AtomicInteger(WINDOW);
      private volatile @Nullable Subscription subscription;

      @Override
      public void onSubscribe(Subscription running) {
        subscription = running;
        if (call.isCancelled()) {
          running.cancel();
        } else {
          call.sendHeaders(new Metadata());
          pull();
        }
      }

      @Override
      public void onNext(Message message) {
        if (!call.isCancelled()) {
          call.sendMessage(message);
          notAskedFor.incrementAndGet();
          pull();
        }
      }

      @Override
      public void onError(Throwable failure) {
        fail(failure);
      }

      @Override
      public void onComplete() {
        close(Status.OK, new Metadata());
      }

      /** Looks at the transport after counting, so that no readiness is missed in between. */
      void pull() {
        Subscription running = subscription;
        if (running != null && call.isReady()) {
          int demand = notAskedFor.getAndSet(0);
          if (demand > 0) {
            running.request(demand);
          }
        }
      }

      void cancel() {
        Subscription running = subscription;
        if (running != null) {
          running.cancel();
        }
      }
    }
  }
}
