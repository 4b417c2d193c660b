package io.tideline.multidc.log;

/** Says why a line of a log cannot be read. */
public final class PoisonLineException extends Exception {
  public PoisonLineException(String reason) {
    super(reason);
  }
}
