package io.tideline.node.ops;

import ch.qos.logback.classic.spi.ILoggingEvent;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import kamon.Kamon;
import kamon.trace.Span;
import net.logstash.logback.composite.AbstractJsonProvider;

/** Adds to a log line which node of which cell speaks, and in which trace. */
public final class LogFields extends AbstractJsonProvider<ILoggingEvent> {
  /** Of this process; an agent may have made the log before there were any settings. */
  private static volatile String cell = "";

  private static volatile String node = "";

  /** From now on lines say so. */
  public static void speakAs(String cell, String node) {
    LogFields.cell = cell;
    LogFields.node = node;
  }

  @Override
  public void writeTo(JsonGenerator generator, ILoggingEvent event) throws IOException {
    generator.writeStringField("cell", cell);
    generator.writeStringField("node", node);
    Span span = Kamon.currentSpan();
    if (span.isEmpty()) return;
    generator.writeStringField("trace_id", span.trace().id().string());
    generator.writeStringField("span_id", span.id().string());
  }
}
