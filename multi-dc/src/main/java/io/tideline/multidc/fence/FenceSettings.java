package io.tideline.multidc.fence;

import com.typesafe.config.Config;
import java.time.Duration;

/** How often a node asks to be counted in, and when it no longer acts without an answer. */
record FenceSettings(Duration heartbeatInterval, Duration closesAfter, Duration maxClockOffset) {
  static FenceSettings from(Config root) {
    Config fence = root.getConfig("tideline.multi-dc.fence");
    return new FenceSettings(
        fence.getDuration("heartbeat-interval"),
        root.getDuration(takeoverMargin(root)),
        fence.getDuration("max-clock-offset"));
  }

  /**
   * How long whoever takes over waits after it has removed a node: what the resolver reads, too.
   */
  private static String takeoverMargin(Config root) {
    String margin = "pekko.cluster.down-removal-margin";
    boolean isSet = !root.getString(margin).equals("off");
    return isSet ? margin : "pekko.cluster.split-brain-resolver.stable-after";
  }
}
