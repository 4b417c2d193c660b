package io.tideline.multidc.log;

import com.google.protobuf.InvalidProtocolBufferException;
import io.tideline.persistence.timeline.Facts;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.PostLine;
import io.tideline.protocols.log.v1.PostLineKind;
import org.jspecify.annotations.Nullable;

/** Reads lines of the posts log, and refuses those that no node could apply. */
public final class PostLines {
  // The post store writes with versions as timestamps and keeps the upper half for erasing.
  private static final long VERSION_LIMIT = 1L << 62;

  private PostLines() {}

  public static PostLine parse(byte @Nullable [] value) throws PoisonLineException {
    if (value == null) {
      throw new PoisonLineException("no line, only a key");
    }
    try {
      PostLine line = PostLine.parseFrom(value);
      if (line.getKind() == PostLineKind.UNRECOGNIZED
          || line.getKind() == PostLineKind.POST_LINE_KIND_UNSPECIFIED) {
        throw new PoisonLineException("unknown kind " + line.getKindValue());
      }
      if (line.getVersion() <= 0 || line.getVersion() >= VERSION_LIMIT) {
        throw new PoisonLineException(
            "a version is positive and below 2^62, but this is " + line.getVersion());
      }
      if (line.getKind() != PostLineKind.POST_LINE_KIND_ERASED) {
        PostId.fromBytes(line.getPostId());
      }
      new UserId(line.getAuthorId());
      Facts.of(line.getFacts());
      return line;
    } catch (InvalidProtocolBufferException e) {
      throw new PoisonLineException("not a post line: " + e.getMessage());
    } catch (IllegalArgumentException e) {
      throw new PoisonLineException(String.valueOf(e.getMessage()));
    }
  }
}
