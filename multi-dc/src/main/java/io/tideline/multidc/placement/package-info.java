/**
 * Where the shards of a cell are.
 *
 * <p>{@link io.tideline.multidc.placement.PlacementPlan} is plain arithmetic: who should have how
 * many shards, and which of them move. The coordinator of the shards asks it through {@link
 * io.tideline.multidc.placement.PlanAllocationStrategy}. What operators say about nodes and zones
 * is kept by {@link io.tideline.multidc.placement.PlacementWeights}.
 */
@NullMarked
package io.tideline.multidc.placement;

import org.jspecify.annotations.NullMarked;
