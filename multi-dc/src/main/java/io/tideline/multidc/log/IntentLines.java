package io.tideline.multidc.log;

import com.google.protobuf.InvalidProtocolBufferException;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.IntentLine;
import io.tideline.protocols.log.v1.IntentLine.IntentCase;
import org.jspecify.annotations.Nullable;

/** Reads lines of the intents log, and refuses those that no node could apply. */
public final class IntentLines {
  private IntentLines() {}

  public static IntentLine parse(byte @Nullable [] value) throws PoisonLineException {
    if (value == null) {
      throw new PoisonLineException("no line, only a key");
    }
    try {
      IntentLine line = IntentLine.parseFrom(value);
      if (line.getIntentCase() == IntentCase.INTENT_NOT_SET) {
        throw new PoisonLineException("no intent that is known here");
      }
      if (line.getAt() <= 0) {
        throw new PoisonLineException("a time is positive, but this is " + line.getAt());
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
