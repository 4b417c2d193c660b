package io.tideline.multidc.backfill;

import com.typesafe.config.Config;

/**
 * How fast a cell says again what another one lacks: {@code tideline.multi-dc.backfill}.
 *
 * @param linesPerSecond at most
 */
public record BackfillSettings(int linesPerSecond) {
  public BackfillSettings {
    if (linesPerSecond < 1) {
      throw new IllegalArgumentException(
          "tideline.multi-dc.backfill.lines-per-second is \"%d\", expected a number from 1"
              .formatted(linesPerSecond));
    }
  }

  public static BackfillSettings from(Config root) {
    return new BackfillSettings(root.getInt("tideline.multi-dc.backfill.lines-per-second"));
  }
}
