package io.tideline.protocols;

/** Refuses a token that a client handed in. */
public final class TokenException extends RuntimeException {
  /** Why; the names are part of the public API. */
  public enum Reason {
    CURSOR_MALFORMED,
    CURSOR_FORGED,
    CURSOR_OF_ANOTHER_READER,
    CURSOR_OF_ANOTHER_SURFACE
  }

  private final Reason reason;

  TokenException(Reason reason, String message) {
    // No stack trace: clients cause this at will, and it says nothing that the reason does not.
    super(message, null, false, false);
    this.reason = reason;
  }

  public Reason reason() {
    return reason;
  }
}
