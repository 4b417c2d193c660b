package io.tideline.localstack;

/** A server's process, whoever started it. */
interface RunningServer {
  long pid();

  boolean isAlive();

  /** Ends it in good order. */
  void stop();

  /** Ends it as a crash would. */
  void kill();
}
