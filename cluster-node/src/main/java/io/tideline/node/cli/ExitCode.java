package io.tideline.node.cli;

import io.grpc.Status;

/** What the command line tells the shell. */
final class ExitCode {
  static final int OK = 0;
  static final int FAILED = 1;
  static final int USAGE = 2;
  static final int UNAVAILABLE = 3;
  static final int NOT_FOUND = 4;
  static final int DENIED = 5;
  static final int ROLLED_BACK = 6;

  private ExitCode() {}

  static int of(Status.Code code) {
    return switch (code) {
      case OK -> OK;
      case INVALID_ARGUMENT, OUT_OF_RANGE -> USAGE;
      case UNAVAILABLE, DEADLINE_EXCEEDED -> UNAVAILABLE;
      case NOT_FOUND -> NOT_FOUND;
      case PERMISSION_DENIED, UNAUTHENTICATED -> DENIED;
      default -> FAILED;
    };
  }
}
