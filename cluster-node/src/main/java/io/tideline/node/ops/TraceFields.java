package io.tideline.node.ops;

import ch.qos.logback.classic.spi.ILoggingEvent;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import kamon.Kamon;
import kamon.trace.Span;
import net.logstash.logback.composite.AbstractJsonProvider;

/** Adds the ids of the current trace to a log line, so that a line and a call find each other. */
public final class TraceFields extends AbstractJsonProvider<ILoggingEvent> {
  @Override
  public void writeTo(JsonGenerator generator, ILoggingEvent event) throws IOException {
    Span span = Kamon.currentSpan();
    if (span.isEmpty()) return;
    generator.writeStringField("trace_id", span.trace().id().string());
    generator.writeStringField("span_id", span.id().string());
  }
}
