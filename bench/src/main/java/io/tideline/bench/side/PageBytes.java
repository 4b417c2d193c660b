package io.tideline.bench.side;

import com.google.protobuf.CodedOutputStream;
import io.tideline.protocols.v1.EntryReason;
import io.tideline.protocols.v1.ReadFeedResponse;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/** Puts a {@code ReadFeedResponse} together from cards that are bytes already. */
final class PageBytes {
  private PageBytes() {}

  /**
   * A page of entries of followees.
   *
   * @param next where the next page begins, in the side's own way
   * @param newest the id that stands for what is known
   */
  static byte[] of(List<byte[]> cards, String next, byte[] newest) {
    byte[] cursor = next.getBytes(StandardCharsets.US_ASCII);
    byte[] reasons = new byte[cards.size()];
    Arrays.fill(reasons, (byte) EntryReason.ENTRY_REASON_FOLLOW_VALUE);
    int size = 0;
    for (byte[] card : cards) {
      size += CodedOutputStream.computeByteArraySize(ReadFeedResponse.CARDS_FIELD_NUMBER, card);
    }
    size +=
        CodedOutputStream.computeByteArraySize(ReadFeedResponse.NEXT_CURSOR_FIELD_NUMBER, cursor);
    size +=
        CodedOutputStream.computeByteArraySize(ReadFeedResponse.NEWER_CURSOR_FIELD_NUMBER, newest);
    size += CodedOutputStream.computeByteArraySize(ReadFeedResponse.REASONS_FIELD_NUMBER, reasons);
    byte[] page = new byte[size];
    CodedOutputStream out = CodedOutputStream.newInstance(page);
    try {
      for (byte[] card : cards) out.writeByteArray(ReadFeedResponse.CARDS_FIELD_NUMBER, card);
      out.writeByteArray(ReadFeedResponse.NEXT_CURSOR_FIELD_NUMBER, cursor);
      out.writeByteArray(ReadFeedResponse.NEWER_CURSOR_FIELD_NUMBER, newest);
      out.writeByteArray(ReadFeedResponse.REASONS_FIELD_NUMBER, reasons);
      out.checkNoSpaceLeft();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return page;
  }
}
