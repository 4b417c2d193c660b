package io.tideline.localstack;

import java.time.Instant;
import java.util.Optional;

/**
 * A process id together with its start, because the system gives the ids of the dead away again.
 */
record ProcessIdentity(long pid, long startedAtMillis) {
  private static final long CLOCK_SET_BY_MILLIS = 10_000;

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
    return ProcessHandle.of(pid).filter(ProcessHandle::isAlive).filter(this::startedThen);
  }

  /** The system computes the start from the clock, which may have been set since. */
  private boolean startedThen(ProcessHandle now) {
    return Math.abs(of(now).startedAtMillis - startedAtMillis) < CLOCK_SET_BY_MILLIS;
  }

  @Override
  public String toString() {
    return pid + "@" + startedAtMillis;
  }
}
