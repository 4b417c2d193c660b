package io.tideline.persistence.user;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Arrays;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/** Encoded protobuf inside an event or a command: bytes with value semantics. */
public final class Payload {
  private final byte[] bytes;

  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  public Payload(byte[] bytes) {
    this.bytes = bytes;
  }

  /** The bytes themselves, not to be changed. */
  @JsonValue
  public byte[] bytes() {
    return bytes;
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Payload that && Arrays.equals(bytes, that.bytes);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(bytes);
  }

  @Override
  public String toString() {
    return HexFormat.of().formatHex(bytes, 0, Math.min(bytes.length, 16)) + "… " + bytes.length;
  }
}
