package io.tideline.node.api;

import io.grpc.Metadata;
import io.grpc.Status;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReferenceArray;
import kamon.Kamon;
import kamon.context.Context;
import kamon.context.Storage;
import kamon.metric.Counter;
import kamon.metric.RangeSampler;
import kamon.metric.Timer;
import kamon.tag.TagSet;
import kamon.trace.Span;

/** The metrics and spans of one rpc. */
final class RpcInstruments {
  private static final String RPC = "rpc";

  private final String rpc;
  private final Timer latency;
  private final RangeSampler inFlight;

  /** By status code, made when first needed: most codes are never seen. */
  private final AtomicReferenceArray<Counter> calls =
      new AtomicReferenceArray<>(Status.Code.values().length);

  RpcInstruments(String rpc) {
    this.rpc = rpc;
    this.latency =
        Kamon.timer("tideline.grpc.latency", "From a call's headers to its status")
            .withTag(RPC, rpc);
    this.inFlight =
        Kamon.rangeSampler("tideline.grpc.in-flight", "Calls that have no status yet")
            .withTag(RPC, rpc);
  }

  Started start(Metadata headers) {
    inFlight.increment();
    Context incoming = TraceContext.read(headers);
    Span span =
        Kamon.serverSpanBuilder(rpc, "tideline.grpc")
            .context(incoming)
            .tag("rpc.system", "grpc")
            .doNotTrackMetrics()
            .start();
    return new Started(span, span.isEmpty() ? incoming : incoming.withEntry(Span.Key(), span));
  }

  private void count(Status.Code outcome) {
    Counter counter = calls.get(outcome.value());
    if (counter == null) {
      counter =
          Kamon.counter("tideline.grpc.calls", "Calls that have ended, by status")
              .withTags(TagSet.of(RPC, rpc).withTag("status", outcome.name()));
      calls.set(outcome.value(), counter);
    }
    counter.increment();
  }

  /** One call under way. */
  final class Started {
    private final Span span;
    private final Context context;
    private final long startedAt = System.nanoTime();

    private Started(Span span, Context context) {
      this.span = span;
      this.context = context;
    }

    /** Makes the call's trace the current one of this thread until the scope is closed. */
    Storage.Scope enter() {
      return Kamon.storeContext(context);
    }

    void finish(Status.Code outcome) {
      inFlight.decrement();
      count(outcome);
      latency.record(System.nanoTime() - startedAt, TimeUnit.NANOSECONDS);
      if (!span.isEmpty()) {
        span.tag("rpc.grpc.status_code", outcome.value());
        if (isServersFault(outcome)) {
          span.fail(outcome.name());
        }
        span.finish();
      }
    }

    private static boolean isServersFault(Status.Code outcome) {
      return switch (outcome) {
        case UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS -> true;
        default -> false;
      };
    }
  }
}
