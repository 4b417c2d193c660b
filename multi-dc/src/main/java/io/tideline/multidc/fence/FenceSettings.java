package io.tideline.multidc.fence;

import com.typesafe.config.Config;
import java.time.Duration;

/** How often a node asks to be counted in, and when it no longer acts without an answer. */
record FenceSettings(Duration heartbeatInterval, Duration stableAfter, Duration maxClockOffset) {
  static FenceSettings from(Config root) {
    Config fence = root.getConfig("tideline.multi-dc.fence");
    return new FenceSettings(
        fence.getDuration("heartbeat-interval"),
        root.getDuration("pekko.cluster.split-brain-resolver.stable-after"),
        fence.getDuration("max-clock-offset"));
  }
}
