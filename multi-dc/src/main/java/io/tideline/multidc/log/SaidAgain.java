package io.tideline.multidc.log;

import com.google.protobuf.InvalidProtocolBufferException;
import io.tideline.protocols.log.v1.BackfillHeader;
import java.util.Set;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.jspecify.annotations.Nullable;

/**
 * That a line says again what its cell knows, because others lack it: the record header {@code
 * tideline-backfill}, a {@link BackfillHeader}.
 *
 * @param cells which ones lack it; all others pass it over
 * @param arrival where the post has arrived where it was known; {@code null} = it arrives now
 */
public record SaidAgain(Set<Integer> cells, @Nullable Stamp arrival) {
  static final String HEADER = "tideline-backfill";

  public SaidAgain {
    cells = Set.copyOf(cells);
  }

  /**
   * What a line says of itself; {@code null} of an ordinary one.
   *
   * @throws PoisonLineException when it says something that cannot be read
   */
  public static @Nullable SaidAgain of(Headers headers) throws PoisonLineException {
    Header header = headers.lastHeader(HEADER);
    if (header == null) {
      return null;
    }
    if (header.value() == null) {
      throw new PoisonLineException("the header " + HEADER + " says nothing");
    }
    try {
      BackfillHeader mark = BackfillHeader.parseFrom(header.value());
      return new SaidAgain(
          Set.copyOf(mark.getCellsList()),
          mark.hasArrival() ? Stamp.fromProto(mark.getArrival()) : null);
    } catch (InvalidProtocolBufferException e) {
      throw new PoisonLineException("the header " + HEADER + " cannot be read: " + e.getMessage());
    }
  }

  /** Puts it on a line. */
  public void addTo(Headers headers) {
    BackfillHeader.Builder mark = BackfillHeader.newBuilder().addAllCells(cells);
    if (arrival != null) {
      mark.setArrival(arrival.toProto());
    }
    headers.add(HEADER, mark.build().toByteArray());
  }
}
