package io.tideline.persistence.user;

import io.tideline.protocols.log.v1.BlockedBy;
import io.tideline.protocols.log.v1.IntentLine;
import java.util.ArrayList;
import java.util.List;

/** What a line of an intents log means in one cell, and for whom. */
public final class IntentEffects {
  private IntentEffects() {}

  /**
   * What is to be applied, each to the user that it names: to its own user what another cell has
   * accepted, and to whoever is blocked by whom, as of the same time.
   *
   * @param cell the one that applies it
   * @throws IllegalArgumentException when no user could take it
   */
  public static List<IntentLine> of(IntentLine line, int cell) {
    return of(line, line.getOriginCell() != cell);
  }

  /** The same of a line that the cell itself may have accepted, but has lost. */
  public static List<IntentLine> ofSaidAgain(IntentLine line) {
    return of(line, true);
  }

  private static List<IntentLine> of(IntentLine line, boolean toItsUser) {
    List<IntentLine> effects = new ArrayList<>();
    if (toItsUser) effects.add(line);
    for (String target : line.getBlocksChanged().getTargetIdsList()) {
      effects.add(blockedBy(line, target));
    }
    User.EMPTY.learned(effects, line.getAt());
    return effects;
  }

  private static IntentLine blockedBy(IntentLine block, String blocked) {
    return IntentLine.newBuilder()
        .setUserId(blocked)
        .setOriginCell(block.getOriginCell())
        .setAt(block.getAt())
        .setBlockedBy(
            BlockedBy.newBuilder()
                .setBlockerId(block.getUserId())
                .setActive(block.getBlocksChanged().getActive()))
        .build();
  }
}
