package io.tideline.localstack;

import java.util.List;

/** How far the JVM of a server compiles it. */
public enum Compiler {
  /** Starts fast and stays small, and takes more processor time for the same work for ever. */
  QUICK,

  /** As servers are run that are to last: slower in its first minutes, then at its best. */
  FULL;

  List<String> flags() {
    return this == QUICK ? List.of("-XX:TieredStopAtLevel=1") : List.of();
  }
}
