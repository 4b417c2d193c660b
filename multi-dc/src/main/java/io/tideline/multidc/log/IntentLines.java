package io.tideline.multidc.log;

import com.google.protobuf.InvalidProtocolBufferException;
import io.tideline.protocols.Positions;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.IntentLine;
import io.tideline.protocols.log.v1.IntentLine.IntentCase;
import org.jspecify.annotations.Nullable;

/** Reads lines of the intents log, and refuses those that no node could apply. */
public final class IntentLines {
  private static final String UNKNOWN =
      "no intent that is known here; replay it when all nodes have the version that wrote it";

  /** Hybrid time; about the year 4200. */
  private static final long LATEST = 1L << 62;

  private IntentLines() {}

  public static IntentLine parse(byte @Nullable [] value) throws PoisonLineException {
    if (value == null) {
      throw new PoisonLineException("no line, only a key");
    }
    try {
      IntentLine line = IntentLine.parseFrom(value);
      if (line.getIntentCase() == IntentCase.INTENT_NOT_SET) {
        throw new PoisonLineException(UNKNOWN);
      }
      if (line.getAt() <= 0 || line.getAt() >= LATEST) {
        throw new PoisonLineException(
            "a time is positive and below " + LATEST + ", but this is " + line.getAt());
      }
      if (line.hasAppliedPositions()) {
        Positions.fromProto(line.getAppliedPositions().getPositionsList());
        return line;
      }
      new UserId(line.getUserId());
      line.getBlocksChanged().getTargetIdsList().forEach(UserId::new);
      return line;
    } catch (InvalidProtocolBufferException e) {
      throw new PoisonLineException("not an intent line: " + e.getMessage());
    } catch (IllegalArgumentException e) {
      throw new PoisonLineException(String.valueOf(e.getMessage()));
    }
  }
}
