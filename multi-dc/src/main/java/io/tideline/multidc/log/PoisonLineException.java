package io.tideline.multidc.log;

/** Says why a line of the posts log cannot be read. */
public final class PoisonLineException extends Exception {
  PoisonLineException(String reason) {
    super(reason);
  }
}
