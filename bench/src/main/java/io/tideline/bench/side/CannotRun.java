package io.tideline.bench.side;

/** Why a side cannot be measured here, in a sentence for the report. */
public final class CannotRun extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public CannotRun(String message) {
    super(message);
  }
}
