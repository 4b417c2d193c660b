package io.tideline.localstack;

import java.util.ArrayList;
import java.util.List;

/** How the signals of a terminal reach, or do not reach, the processes started from it. */
final class Terminal {
  private Terminal() {}

  /**
   * The command, deaf to Ctrl-C and to the terminal's end. Both reach every process of a terminal
   * at once, but a server must outlive those it serves and is told to end in another way.
   */
  static List<String> outliving(List<String> command) {
    List<String> deaf =
        new ArrayList<>(List.of("/bin/sh", "-c", "trap '' INT HUP; exec \"$@\"", "sh"));
    deaf.addAll(command);
    return deaf;
  }
}
