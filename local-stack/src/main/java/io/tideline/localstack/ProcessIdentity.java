package io.tideline.localstack;

import java.time.Instant;
import java.util.Optional;

/**
 * A process id together with its start, because the system gives the ids of the dead away again.
 */
record ProcessIdentity(long pid, long startedAtMillis) {
  static ProcessIdentity of(ProcessHandle process) {
    return new ProcessIdentity(
        process.pid(), process.info().startInstant().map(Instant::toEpochMilli).orElse(0L));
  }

  static ProcessIdentity parse(String text) {
    int at = text.indexOf('@');
    return new ProcessIdentity(
        Long.parseLong(text.substring(0, at)), Long.parseLong(text.substring(at + 1)));
  }

  /** The process, unless it has ended. */
  Optional<ProcessHandle> process() {
    return ProcessHandle.of(pid).filter(ProcessHandle::isAlive).filter(now -> of(now).equals(this));
  }

  @Override
  public String toString() {
    return pid + "@" + startedAtMillis;
  }
}
