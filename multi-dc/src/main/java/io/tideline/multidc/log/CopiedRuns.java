package io.tideline.multidc.log;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Where the lines of a copy stand in the log that they were copied from. Neighbours mostly stay
 * neighbours, so it is a few runs of them.
 */
final class CopiedRuns {
  private final Deque<Run> runs = new ArrayDeque<>();

  private record Run(long copy, long origin, long length) {
    boolean goesOnAt(long nextCopy, long nextOrigin) {
      return nextCopy == copy + length && nextOrigin == origin + length;
    }
  }

  /** Both offsets are higher than those that were added before. */
  void add(long copy, long origin) {
    Run last = runs.peekLast();
    if (last != null && last.goesOnAt(copy, origin)) {
      runs.removeLast();
      runs.add(new Run(last.copy, last.origin, last.length + 1));
    } else {
      runs.add(new Run(copy, origin, 1));
    }
  }

  /**
   * The offset after the highest origin of those whose copies lie below an offset, and forgets what
   * lies before; 0 when none does.
   */
  long originBelow(long copy) {
    long below = 0;
    for (Run first = runs.peek(); first != null && first.copy < copy; first = runs.peek()) {
      long covered = Math.min(first.length, copy - first.copy);
      below = first.origin + covered;
      if (covered < first.length) {
        return below;
      }
      runs.remove();
    }
    return below;
  }

  void clear() {
    runs.clear();
  }
}
