package io.tideline.localstack;

/** A server of the shared stack: to be used by everybody and ended by nobody. */
record BorrowedServer(long pid) implements RunningServer {
  @Override
  public boolean isAlive() {
    return ProcessHandle.of(pid).map(ProcessHandle::isAlive).orElse(false);
  }

  @Override
  public void stop() {
    // It stays for the other tests.
  }

  @Override
  public void kill() {
    throw new LocalStackException(
        "Other tests use this server too. Start one of your own before you kill it.");
  }
}
