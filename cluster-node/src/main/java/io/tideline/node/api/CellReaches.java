package io.tideline.node.api;

import io.tideline.protocols.v1.CellReach;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How far what other cells have written can be seen on this node. Found out by {@link #look} now
 * and then, so that a read costs nothing.
 */
public final class CellReaches {
  private static final Logger LOG = LoggerFactory.getLogger(CellReaches.class);

  private final List<Cell> cells;
  private volatile List<CellReach> now;

  /**
   * What is known of another cell.
   *
   * @param copiedToMillis everything that it had on its logs by then has been copied; 0 = unknown
   * @param reachable whether its lines are being copied
   * @param appliedToTheEnd whether this node has applied what has been copied by now
   */
  public record Source(
      int number,
      LongSupplier copiedToMillis,
      BooleanSupplier reachable,
      Supplier<CompletionStage<BooleanSupplier>> appliedToTheEnd) {}

  public CellReaches(List<Source> sources) {
    this.cells = sources.stream().map(Cell::new).toList();
    this.now = cells.stream().map(Cell::reach).toList();
  }

  /** One for each other cell. */
  List<CellReach> now() {
    return now;
  }

  /** Asks the broker where the copies end, at most once at a time for each. */
  public void look() {
    cells.forEach(Cell::look);
    now = cells.stream().map(Cell::reach).toList();
  }

  /**
   * What will be visible once that has been applied.
   *
   * @param applied {@code null} = not known yet where the copy ended
   */
  private record Pending(long toMillis, @Nullable BooleanSupplier applied) {}

  private static final class Cell {
    private final Source source;
    private long visibleToMillis;
    private @Nullable Pending pending;

    Cell(Source source) {
      this.source = source;
    }

    synchronized void look() {
      Pending known = pending;
      if (known != null) {
        BooleanSupplier applied = known.applied();
        if (applied == null || !applied.getAsBoolean()) return;
        visibleToMillis = known.toMillis();
        pending = null;
      }
      // Before it is asked where the copy ends: what was copied by then is below.
      long copied = source.copiedToMillis().getAsLong();
      if (copied <= visibleToMillis) return;
      pending = new Pending(copied, null);
      source.appliedToTheEnd().get().whenComplete((end, failure) -> ends(copied, end, failure));
    }

    private synchronized void ends(
        long copied, @Nullable BooleanSupplier applied, @Nullable Throwable failure) {
      if (failure != null) {
        LOG.debug("Where the copy of cell {} ends is unknown for now", source.number(), failure);
      }
      pending = applied == null ? null : new Pending(copied, applied);
    }

    synchronized CellReach reach() {
      return CellReach.newBuilder()
          .setCell(source.number())
          .setVisibleToMillis(visibleToMillis)
          .setReachable(source.reachable().getAsBoolean())
          .build();
    }
  }
}
