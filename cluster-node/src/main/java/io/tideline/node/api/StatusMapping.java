package io.tideline.node.api;

import com.datastax.oss.driver.api.core.DriverException;
import com.datastax.oss.driver.api.core.RequestThrottlingException;
import com.datastax.oss.driver.api.core.servererrors.QueryValidationException;
import com.google.protobuf.Any;
import com.google.protobuf.Duration;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.rpc.BadRequest;
import com.google.rpc.BadRequest.FieldViolation;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.tideline.protocols.TokenCodec;
import io.tideline.protocols.TokenException;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import org.apache.kafka.common.errors.RetriableException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The one place where failures become gRPC statuses with {@code google.rpc} details. */
public final class StatusMapping {
  /** The domain of every {@link ErrorInfo} of this project. */
  public static final String DOMAIN = "tideline.io";

  static final String INVALID_FIELDS = "INVALID_FIELDS";
  private static final java.time.Duration RETRY_SOON = java.time.Duration.ofSeconds(1);
  private static final Logger log = LoggerFactory.getLogger(StatusMapping.class);

  private StatusMapping() {}

  /** A failure whose reason is a stable upper-case name that programs may switch on. */
  public static ApiException failure(Status.Code code, String reason, String message) {
    return failure(code, reason, message, Map.of());
  }

  /** As above, with facts that programs may read. */
  public static ApiException failure(
      Status.Code code, String reason, String message, Map<String, String> metadata) {
    return exception(code, message, errorInfo(reason, metadata));
  }

  /** {@code UNAVAILABLE}: the same call may succeed after a while. */
  public static ApiException unavailable(
      String reason, String message, Map<String, String> metadata, java.time.Duration retryAfter) {
    return exception(
        Status.Code.UNAVAILABLE, message, errorInfo(reason, metadata), retryInfo(retryAfter));
  }

  /** {@code INVALID_ARGUMENT} for one field. */
  public static ApiException invalidField(String reason, String field, String description) {
    return invalidFields(
        reason,
        List.of(FieldViolation.newBuilder().setField(field).setDescription(description).build()));
  }

  static ApiException invalidFields(String reason, List<FieldViolation> violations) {
    String message =
        violations.stream()
            .map(violation -> violation.getField() + ": " + violation.getDescription())
            .collect(Collectors.joining("; "));
    return exception(
        Status.Code.INVALID_ARGUMENT,
        message,
        errorInfo(reason, Map.of()),
        BadRequest.newBuilder().addAllFieldViolations(violations).build());
  }

  /** Turns any failure of a call into the status that its client gets. */
  public static StatusRuntimeException translate(Throwable failure) {
    Throwable cause = unwrapped(failure);
    if (cause instanceof StatusRuntimeException status) {
      return status;
    } else if (cause instanceof StatusException status) {
      Metadata trailers = status.getTrailers();
      return new StatusRuntimeException(
          status.getStatus(), trailers == null ? new Metadata() : trailers);
    } else if (cause instanceof TokenException token) {
      return invalidField(token.reason().name(), "cursor", messageOf(token));
    } else if (cause instanceof TimeoutException) {
      return unavailable("TIMED_OUT", "the work took too long; try again", Map.of(), RETRY_SOON);
    } else if (cause instanceof RequestThrottlingException) {
      return fenced();
    } else if (cause instanceof DriverException && !(cause instanceof QueryValidationException)) {
      log.warn("A call failed because Cassandra did not answer", cause);
      return unavailable(
          "STORAGE_AWAY", "storage does not answer; try again", Map.of(), RETRY_SOON);
    } else if (cause instanceof RetriableException) {
      log.warn("A call failed because Kafka did not answer", cause);
      return unavailable("LOG_AWAY", "the log does not answer; try again", Map.of(), RETRY_SOON);
    } else if (cause instanceof CancellationException) {
      return failure(Status.Code.CANCELLED, "CANCELLED", "the call was cancelled");
    }
    return internal(cause);
  }

  /** What a page of a list ended with; a field violation when it is no token of that list. */
  static String pageEnd(TokenCodec tokens, String pageToken, String scope) {
    try {
      return tokens.decodePage(pageToken, scope);
    } catch (TokenException e) {
      throw invalidField(e.reason().name(), "page_token", messageOf(e));
    }
  }

  static StatusRuntimeException fenced() {
    return unavailable(
        "FENCED", "this node is cut off from its cell; try again", Map.of(), RETRY_SOON);
  }

  /** The reason that another node gave for its refusal; empty when it gave none. */
  static String reasonOf(Throwable refusal) {
    com.google.rpc.Status status = StatusProto.fromThrowable(refusal);
    if (status == null) return "";
    try {
      for (Any detail : status.getDetailsList()) {
        if (detail.is(ErrorInfo.class)) return detail.unpack(ErrorInfo.class).getReason();
      }
      return "";
    } catch (InvalidProtocolBufferException e) {
      return "";
    }
  }

  private static ApiException internal(Throwable cause) {
    String errorId = UUID.randomUUID().toString();
    log.error("Internal error {}", errorId, cause);
    return failure(
        Status.Code.INTERNAL,
        "INTERNAL",
        "internal error " + errorId + "; the node's log says more under this id",
        Map.of("error_id", errorId));
  }

  private static Throwable unwrapped(Throwable failure) {
    Throwable cause = failure;
    while (cause instanceof CompletionException || cause instanceof ExecutionException) {
      Throwable inner = cause.getCause();
      if (inner == null) {
        break;
      }
      cause = inner;
    }
    return cause;
  }

  private static String messageOf(Throwable failure) {
    String message = failure.getMessage();
    return message == null ? failure.getClass().getSimpleName() : message;
  }

  private static ErrorInfo errorInfo(String reason, Map<String, String> metadata) {
    return ErrorInfo.newBuilder()
        .setDomain(DOMAIN)
        .setReason(reason)
        .putAllMetadata(metadata)
        .build();
  }

  private static RetryInfo retryInfo(java.time.Duration after) {
    return RetryInfo.newBuilder()
        .setRetryDelay(
            Duration.newBuilder().setSeconds(after.getSeconds()).setNanos(after.getNano()))
        .build();
  }

  private static ApiException exception(Status.Code code, String message, Message... details) {
    com.google.rpc.Status.Builder status =
        com.google.rpc.Status.newBuilder().setCode(code.value()).setMessage(message);
    for (Message detail : details) {
      status.addDetails(Any.pack(detail));
    }
    return new ApiException(StatusProto.toStatusRuntimeException(status.build()));
  }
}
