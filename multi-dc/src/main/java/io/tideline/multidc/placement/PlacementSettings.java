package io.tideline.multidc.placement;

import com.typesafe.config.Config;
import java.time.Duration;

/**
 * How shards move: {@code tideline.multi-dc.placement}.
 *
 * @param movesAtOnce how many shards may be on their way
 * @param departuresAtOnce the same while a node that is about to leave gives up its own
 * @param settleAfter how long a node must be unchanged before it gives and takes shards
 * @param tolerance the part of a share by which a node or zone may be off before shards move
 */
public record PlacementSettings(
    int movesAtOnce, int departuresAtOnce, Duration settleAfter, double tolerance) {
  public PlacementSettings {
    check(movesAtOnce >= 1, "moves-at-once", movesAtOnce, "a number from 1");
    check(departuresAtOnce >= 1, "departures-at-once", departuresAtOnce, "a number from 1");
    check(!settleAfter.isNegative(), "settle-after", settleAfter, "a duration such as 20s");
    check(tolerance >= 0 && tolerance < 1, "tolerance", tolerance, "a number from 0 to below 1");
  }

  public static PlacementSettings from(Config root) {
    Config placement = root.getConfig("tideline.multi-dc.placement");
    return new PlacementSettings(
        placement.getInt("moves-at-once"),
        placement.getInt("departures-at-once"),
        placement.getDuration("settle-after"),
        placement.getDouble("tolerance"));
  }

  private static void check(boolean fits, String key, Object value, String expected) {
    if (!fits)
      throw new IllegalArgumentException(
          "tideline.multi-dc.placement.%s is \"%s\", expected %s".formatted(key, value, expected));
  }
}
