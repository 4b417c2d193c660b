package io.tideline.bench.driver;

import org.jspecify.annotations.Nullable;

/**
 * Whether bytes are a {@code ReadFeedResponse} with so many cards, newest first. Looks at the bytes
 * themselves: parsing them into messages would cost the driver more than the call.
 */
final class PageCheck {
  private static final int CARDS = 1 << 3 | 2;
  private static final int POST = 1 << 3 | 2;
  private static final int POST_ID = 1 << 3 | 2;
  private static final int ID_LENGTH = 26;

  private final byte[] bytes;
  private int at;

  private PageCheck(byte[] bytes, int from) {
    this.bytes = bytes;
    this.at = from;
  }

  static @Nullable String problemOf(byte[] bytes, int from, int to, int cards) {
    try {
      return new PageCheck(bytes, from).problem(to, cards);
    } catch (ArrayIndexOutOfBoundsException e) {
      return "an answer that is no protobuf";
    }
  }

  private @Nullable String problem(int to, int expected) {
    int cards = 0;
    int previous = -1;
    while (at < to) {
      int tag = varint();
      if (tag != CARDS) {
        skip(tag);
        continue;
      }
      int end = varint() + at;
      int id = postId();
      if (id < 0) return "a card without a post id";
      if (previous >= 0 && !isOlder(id, previous)) return "cards that are not newest first";
      previous = id;
      cards++;
      at = end;
    }
    return cards == expected ? null : "%d cards instead of %d".formatted(cards, expected);
  }

  /** Where the id of the card's post begins; both are the first fields of their messages. */
  private int postId() {
    if (varint() != POST) return -1;
    varint();
    if (varint() != POST_ID || varint() != ID_LENGTH) return -1;
    return at;
  }

  private boolean isOlder(int id, int than) {
    for (int i = 0; i < ID_LENGTH; i++) {
      int difference = bytes[id + i] - bytes[than + i];
      if (difference != 0) return difference < 0;
    }
    return false;
  }

  private void skip(int tag) {
    switch (tag & 7) {
      case 0 -> varint();
      case 1 -> at += 8;
      case 2 -> {
        int length = varint();
        at += length;
      }
      case 5 -> at += 4;
      default -> throw new ArrayIndexOutOfBoundsException(tag);
    }
  }

  /** The lowest 32 bits of a number. */
  private int varint() {
    long value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      byte next = bytes[at++];
      value |= (long) (next & 0x7f) << shift;
      if (next >= 0) return (int) value;
    }
    throw new ArrayIndexOutOfBoundsException(at);
  }
}
