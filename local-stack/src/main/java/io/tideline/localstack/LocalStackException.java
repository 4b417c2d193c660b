package io.tideline.localstack;

/** Says why a local server could not be started or stopped, and what would help. */
public final class LocalStackException extends RuntimeException {
  LocalStackException(String message) {
    super(message);
  }

  LocalStackException(String message, Throwable cause) {
    super(message, cause);
  }
}
