package io.tideline.node.ops;

import io.tideline.multidc.placement.PlacementWeights;

/** What operators change of where shards are, and where they see it. */
public record PlacementControl(PlacementWeights weights, TopologyFollower topology) {}
