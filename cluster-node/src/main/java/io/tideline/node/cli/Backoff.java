package io.tideline.node.cli;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.RetryInfo;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/** When a failed call may be made again, and how long to wait before. */
final class Backoff {
  private static final long FIRST_MILLIS = 50;
  private static final long LONGEST_MILLIS = 2_000;

  private Backoff() {}

  /** Whether the same call may succeed later. */
  static boolean worthRepeating(Throwable failure) {
    return switch (Status.fromThrowable(failure).getCode()) {
      // A node that stops at once resets its calls, which looks as if they had been cancelled.
      case UNAVAILABLE, DEADLINE_EXCEEDED, CANCELLED -> true;
      default -> false;
    };
  }

  /** Whether the node has not applied yet what a cursor knows, as just after a user has moved. */
  static boolean isBehindTheCursor(Throwable failure) {
    return Complaint.about(failure).reason().equals("CURSOR_AHEAD");
  }

  /**
   * The wait before the {@code attempt}-th repetition (from 1): doubling with jitter, and never
   * shorter than what the server asks for.
   */
  static Duration before(int attempt, Throwable failure) {
    long ceiling = Math.min(LONGEST_MILLIS, FIRST_MILLIS << Math.min(attempt - 1, 10));
    long jittered = ThreadLocalRandom.current().nextLong(ceiling / 2, ceiling + 1);
    return Duration.ofMillis(Math.max(jittered, askedFor(failure).toMillis()));
  }

  private static Duration askedFor(Throwable failure) {
    com.google.rpc.Status details = StatusProto.fromThrowable(failure);
    if (details == null) return Duration.ZERO;
    for (Any detail : details.getDetailsList()) {
      if (!detail.is(RetryInfo.class)) continue;
      try {
        var delay = detail.unpack(RetryInfo.class).getRetryDelay();
        return Duration.ofSeconds(delay.getSeconds(), delay.getNanos());
      } catch (InvalidProtocolBufferException e) {
        return Duration.ZERO; // an unreadable hint is no hint
      }
    }
    return Duration.ZERO;
  }
}
