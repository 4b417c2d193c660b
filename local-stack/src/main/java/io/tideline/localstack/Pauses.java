package io.tideline.localstack;

/** The wait between two looks at a process that has nobody to call back. */
final class Pauses {
  private Pauses() {}

  static void pause() {
    try {
      Thread.sleep(20);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LocalStackException("Interrupted while a server was starting", e);
    }
  }
}
