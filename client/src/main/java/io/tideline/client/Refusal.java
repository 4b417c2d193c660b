package io.tideline.client;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import java.time.Duration;
import java.util.List;
import java.util.Set;

/**
 * What a failed call says to a program.
 *
 * @param reason of {@code google.rpc.ErrorInfo}; empty when the failure did not come from a service
 * @param owner address of the node that has the user, where the failure names it; else empty
 * @param retryAfter what the server asks for; zero when it asks for nothing
 */
record Refusal(Status.Code code, String reason, String owner, Duration retryAfter) {
  private static final String NOT_APPLIED_YET = "LAGGING";
  private static final String BEHIND_THE_CURSOR = "CURSOR_AHEAD";
  private static final Set<String> NOT_ELSEWHERE_YET =
      Set.of("NOT_IN_TWO_CELLS", "NOT_IN_ALL_CELLS");

  static Refusal of(Throwable failure) {
    ErrorInfo info = ErrorInfo.getDefaultInstance();
    RetryInfo retry = RetryInfo.getDefaultInstance();
    com.google.rpc.Status details = StatusProto.fromThrowable(failure);
    try {
      for (Any detail : details == null ? List.<Any>of() : details.getDetailsList()) {
        if (detail.is(ErrorInfo.class)) info = detail.unpack(ErrorInfo.class);
        if (detail.is(RetryInfo.class)) retry = detail.unpack(RetryInfo.class);
      }
    } catch (InvalidProtocolBufferException e) {
      // An unreadable hint is no hint.
    }
    com.google.protobuf.Duration delay = retry.getRetryDelay();
    return new Refusal(
        Status.fromThrowable(failure).getCode(),
        info.getReason(),
        info.getMetadataOrDefault("owner", ""),
        Duration.ofSeconds(delay.getSeconds(), delay.getNanos()));
  }

  /** Whether the same call is to be made again, later or elsewhere. */
  boolean passes() {
    // The write is durable and the node has waited: that is an answer, and for the caller to judge.
    if (NOT_ELSEWHERE_YET.contains(reason)) return false;
    return switch (code) {
      // A node that stops at once resets its calls, which looks as if they had been cancelled.
      case UNAVAILABLE, DEADLINE_EXCEEDED, CANCELLED -> true;
      default -> false;
    };
  }

  /** Whether the node has not applied yet what a cursor knows, as just after a user has moved. */
  boolean isBehind() {
    return reason.equals(BEHIND_THE_CURSOR);
  }

  /** Whether another node may do better; one that lags is the owner all the same. */
  boolean isOfNode() {
    return passes() && !reason.equals(NOT_APPLIED_YET);
  }
}
