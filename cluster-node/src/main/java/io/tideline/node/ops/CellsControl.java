package io.tideline.node.ops;

import io.tideline.multidc.backfill.Backfills;
import io.tideline.multidc.log.OtherCell;
import io.tideline.multidc.mirror.SourceCell;
import java.util.List;
import java.util.function.Function;
import java.util.function.ToLongFunction;

/**
 * What operators see and change of other cells.
 *
 * @param notApplied how many copied lines of a cell have not been applied here
 */
public record CellsControl(
    List<OtherCell> others,
    Function<OtherCell, SourceCell> sources,
    ToLongFunction<OtherCell> notApplied,
    Backfills backfills) {}
