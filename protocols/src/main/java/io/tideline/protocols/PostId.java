package io.tideline.protocols;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Names a post and orders it in time: hybrid time, then 8 bits of cell number, then 56 bits of
 * entropy derived from the author and the idempotency key.
 */
public record PostId(long hi, long lo) implements Comparable<PostId> {
  /** Sorts before every post. */
  public static final PostId MIN = new PostId(0, 0);

  /** Sorts after every post. */
  public static final PostId MAX = new PostId(-1, -1);

  /** For how long a key of an author means the same post. */
  public static final Duration KEY_LIFETIME = Duration.ofHours(24);

  private static final int BYTES = 16;
  private static final int TEXT_LENGTH = 26;
  private static final byte[] ALPHABET =
      "0123456789ABCDEFGHJKMNPQRSTVWXYZ".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] VALUES = valuesOf(ALPHABET);

  /** The id of a post made now, in this cell. */
  public static PostId of(long hybridTime, int cell, UserId author, String idempotencyKey) {
    if (hybridTime < 0) {
      throw new IllegalArgumentException("hybrid time is positive, but this is " + hybridTime);
    }
    if (cell < 0 || cell > 0xFF) {
      throw new IllegalArgumentException("a cell number is 0-255, but this is " + cell);
    }
    long entropy = hash(author, idempotencyKey).getLong() >>> 8;
    return new PostId(hybridTime, (long) cell << 56 | entropy);
  }

  /** The id of a post imported with its own time; the same in every cell and every time. */
  public static PostId imported(long createdAtMillis, UserId author, String idempotencyKey) {
    ByteBuffer hash = hash(author, idempotencyKey);
    long entropy = hash.getLong() >>> 8;
    int counter = hash.getShort() & 0xFFFF;
    return new PostId(HybridClock.ofMillis(createdAtMillis) | counter, entropy);
  }

  /** Reads the 26-character text form; only the upper-case form that {@link #toString} writes. */
  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  public static PostId parse(String text) {
    if (text.length() != TEXT_LENGTH) {
      throw new IllegalArgumentException(
          "a post id has 26 characters, but this has " + text.length());
    }
    long hi = 0;
    long lo = 0;
    for (int i = 0; i < TEXT_LENGTH; i++) {
      char c = text.charAt(i);
      int value = c < VALUES.length ? VALUES[c] : -1;
      if (value < 0 || (i == 0 && value > 7)) {
        throw new IllegalArgumentException(
            "a post id is an upper-case ULID, but this is \"" + text + "\"");
      }
      hi = hi << 5 | lo >>> 59;
      lo = lo << 5 | value;
    }
    return new PostId(hi, lo);
  }

  public static PostId fromBytes(byte[] bytes) {
    return read(ByteBuffer.wrap(bytes));
  }

  public static PostId fromBytes(ByteString bytes) {
    return read(bytes.asReadOnlyByteBuffer());
  }

  private static PostId read(ByteBuffer bytes) {
    if (bytes.remaining() != BYTES) {
      throw new IllegalArgumentException(
          "a post id has 16 bytes, but this has " + bytes.remaining());
    }
    return new PostId(bytes.getLong(), bytes.getLong());
  }

  /** 16 bytes, big-endian: they sort as the ids do. */
  public byte[] toBytes() {
    return ByteBuffer.allocate(BYTES).putLong(hi).putLong(lo).array();
  }

  public ByteString toByteString() {
    return UnsafeByteOperations.unsafeWrap(toBytes());
  }

  /** The next higher id. */
  public PostId next() {
    return new PostId(lo == -1 ? hi + 1 : hi, lo + 1);
  }

  /** When the post was made, in milliseconds since 1970. */
  public long millis() {
    return HybridClock.millisOf(hi);
  }

  /** What author and idempotency key have made of it. */
  public long keyBits() {
    return lo & (-1L >>> 8);
  }

  /** Whether the post was imported with its own time: then every cell gives it this id. */
  public boolean isImported() {
    return lo >>> 56 == 0;
  }

  // Written out, here and in other keys of the read path: what records have is slower to call.

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof PostId that && hi == that.hi && lo == that.lo;
  }

  @Override
  public int hashCode() {
    return Long.hashCode(hi) * 31 + Long.hashCode(lo);
  }

  @Override
  public int compareTo(PostId other) {
    int order = Long.compareUnsigned(hi, other.hi);
    return order != 0 ? order : Long.compareUnsigned(lo, other.lo);
  }

  @JsonValue
  @Override
  public String toString() {
    byte[] text = new byte[TEXT_LENGTH];
    long high = hi;
    long low = lo;
    for (int i = TEXT_LENGTH - 1; i >= 0; i--) {
      text[i] = ALPHABET[(int) low & 31];
      low = low >>> 5 | high << 59;
      high >>>= 5;
    }
    return new String(text, StandardCharsets.ISO_8859_1);
  }

  private static byte[] valuesOf(byte[] alphabet) {
    byte[] values = new byte[128];
    Arrays.fill(values, (byte) -1);
    for (int i = 0; i < alphabet.length; i++) {
      values[alphabet[i]] = (byte) i;
    }
    return values;
  }

  private static ByteBuffer hash(UserId author, String idempotencyKey) {
    try {
      MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
      sha256.update(author.value().getBytes(StandardCharsets.UTF_8));
      sha256.update((byte) 0);
      return ByteBuffer.wrap(sha256.digest(idempotencyKey.getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
