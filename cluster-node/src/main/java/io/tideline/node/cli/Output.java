package io.tideline.node.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageOrBuilder;
import com.google.protobuf.util.JsonFormat;
import java.io.PrintWriter;
import java.util.Map;

/** Where a command writes its answer: text for people, or one JSON document per line. */
record Output(Format format, PrintWriter out) {
  enum Format {
    text,
    json
  }

  boolean json() {
    return format == Format.json;
  }

  void line(String text) {
    out.println(text);
    out.flush();
  }

  /** Whether nobody reads any more, as behind a pipe to {@code head}. */
  boolean isClosed() {
    return out.checkError() || System.out.checkError();
  }

  /** Says something that only people need. */
  void note(String text) {
    if (!json()) line(text);
  }

  /** Writes a message as one line of proto3 JSON, empty fields included: scripts look for them. */
  void message(MessageOrBuilder message) {
    try {
      line(
          JsonFormat.printer()
              .includingDefaultValueFields()
              .omittingInsignificantWhitespace()
              .print(message));
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException("the answer holds a message of unknown type", e);
    }
  }

  /** One line of JSON. */
  static String document(Map<String, Object> fields) {
    try {
      return new ObjectMapper().writeValueAsString(fields);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }
}
