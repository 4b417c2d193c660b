package io.tideline.localstack;

import java.nio.file.Path;
import java.time.Instant;

/** A stack that runs detached in a directory. */
public record StackStatus(Path directory, long pid, Instant since, Server cassandra, Server kafka) {

  /** Whether both servers run. */
  public boolean serves() {
    return cassandra.alive() && kafka.alive();
  }

  /** One server of the stack, and whether it still runs. */
  public record Server(int port, long pid, boolean alive) {
    /** The address for a client. */
    public String address() {
      return Ports.LOOPBACK + ":" + port;
    }
  }
}
