package io.tideline.node.api;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Pattern;
import kamon.Kamon;
import kamon.context.Context;
import kamon.context.HttpPropagation;
import kamon.trace.SpanPropagation.W3CTraceContext;
import scala.Option;

/** Carries traces over gRPC in W3C form: {@code traceparent} and {@code tracestate}. */
public final class TraceContext {
  private static final Metadata.Key<String> PARENT = key("traceparent");
  private static final Pattern VALID_PARENT =
      Pattern.compile("00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}");
  private static final W3CTraceContext W3C = new W3CTraceContext();

  private TraceContext() {}

  /** Puts the current trace into the calls that a client makes; for its channel builder. */
  public static ClientInterceptor outgoing() {
    return new Outgoing();
  }

  /** The headers that carry the current trace on; none when there is no trace. */
  static Map<String, String> current() {
    Map<String, String> headers = new HashMap<>();
    W3C.write(
        Kamon.currentContext(),
        (name, value) -> {
          if (!value.isEmpty()) headers.put(name, value);
        });
    return headers;
  }

  static Context read(Metadata headers) {
    String parent = headers.get(PARENT);
    return parent != null && VALID_PARENT.matcher(parent).matches()
        ? W3C.read(new Incoming(headers), Context.Empty())
        : Context.Empty();
  }

  private record Incoming(Metadata headers) implements HttpPropagation.HeaderReader {
    @Override
    public Option<String> read(String name) {
      return Option.apply(headers.get(key(name)));
    }

    @Override
    public scala.collection.immutable.Map<String, String> readAll() {
      throw new UnsupportedOperationException("W3C reads two headers by name");
    }
  }

  private static void write(String name, String value, Metadata headers) {
    if (!value.isEmpty()) {
      headers.put(key(name), value);
    }
  }

  private static Metadata.Key<String> key(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }

  private static final class Outgoing implements ClientInterceptor {
    @Override
    public <I, O> ClientCall<I, O> interceptCall(
        MethodDescriptor<I, O> method, CallOptions options, Channel next) {
      Context context = Kamon.currentContext();
      return new SimpleForwardingClientCall<>(next.newCall(method, options)) {
        @Override
        public void start(Listener<O> listener, Metadata headers) {
          W3C.write(context, (name, value) -> write(name, value, headers));
          super.start(listener, headers);
        }
      };
    }
  }
}
