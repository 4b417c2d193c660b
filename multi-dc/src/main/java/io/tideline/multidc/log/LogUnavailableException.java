package io.tideline.multidc.log;

/** Says that a line was not appended because the log cannot take it now; try again later. */
public final class LogUnavailableException extends RuntimeException {
  LogUnavailableException(String message) {
    super(message);
  }
}
