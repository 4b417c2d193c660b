package io.tideline.node;

/** A setting that the node cannot start with; the message names the key and what is expected. */
public final class BadConfiguration extends RuntimeException {
  BadConfiguration(String message) {
    super(message);
  }

  static BadConfiguration of(String key, Object found, String expected) {
    return new BadConfiguration(
        "tideline.node.%s is \"%s\", expected %s".formatted(key, found, expected));
  }
}
