package io.tideline.node.cli;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/** What went wrong, in words for a person and in fields for a script. */
record Complaint(String code, String reason, String message, List<String> fields, int exitCode) {
  private static final Pattern SYSTEM_CALL =
      Pattern.compile("^\\w+\\(\\.\\.\\) failed with error\\(-?\\d+\\): ");

  static Complaint about(Throwable failure) {
    if (failure instanceof CommandFailure told) {
      return new Complaint(
          "FAILED", "", String.valueOf(told.getMessage()), List.of(), told.exitCode());
    }
    if (failure instanceof StatusRuntimeException || failure instanceof StatusException) {
      return aboutCall(failure);
    }
    String message = failure.getMessage() == null ? failure.toString() : failure.getMessage();
    return new Complaint("FAILED", "", message, List.of(), ExitCode.FAILED);
  }

  private static Complaint aboutCall(Throwable failure) {
    Status status = Status.fromThrowable(failure);
    String reason = "";
    List<String> fields = new ArrayList<>();
    com.google.rpc.Status details = StatusProto.fromThrowable(failure);
    for (Any detail : details == null ? List.<Any>of() : details.getDetailsList()) {
      try {
        if (detail.is(ErrorInfo.class)) reason = detail.unpack(ErrorInfo.class).getReason();
        if (detail.is(BadRequest.class)) {
          for (var violation : detail.unpack(BadRequest.class).getFieldViolationsList()) {
            fields.add(violation.getField() + ": " + violation.getDescription());
          }
        }
      } catch (InvalidProtocolBufferException e) {
        fields.add("(a detail of type " + detail.getTypeUrl() + " is unreadable)");
      }
    }
    String message = status.getDescription() == null ? "" : status.getDescription();
    // What comes from a node has details; without them nobody could be reached.
    boolean answered = details != null && details.getDetailsCount() > 0;
    if (status.getCode() == Status.Code.UNAVAILABLE && !answered && status.getCause() != null) {
      message =
          "no node answers: %s; `tideline up` starts a cluster here"
              .formatted(
                  SYSTEM_CALL
                      .matcher(String.valueOf(status.getCause().getMessage()))
                      .replaceFirst(""));
    }
    if (!answered && message.startsWith("HTTP status code")) {
      // Headers and body of whatever is there would follow.
      message = message.lines().findFirst().orElse("") + "; is that the gRPC port of a node?";
    }
    return new Complaint(
        status.getCode().name(), reason, message, fields, ExitCode.of(status.getCode()));
  }

  /** One line, and one more for each field that is not right. */
  String text() {
    StringBuilder text = new StringBuilder("tideline: ");
    if (!code.equals("FAILED")) text.append(code).append(": ");
    text.append(message);
    if (!reason.isEmpty()) text.append(" [").append(reason).append(']');
    for (String field : fields) {
      if (!message.contains(field)) text.append("\n  ").append(field);
    }
    return text.toString();
  }

  /** One line of JSON. */
  String json() {
    Map<String, Object> error = new LinkedHashMap<>();
    error.put("code", code);
    error.put("message", message);
    if (!reason.isEmpty()) error.put("reason", reason);
    if (!fields.isEmpty()) error.put("fields", fields);
    return Output.document(Map.of("error", error));
  }
}
