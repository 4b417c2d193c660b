package io.tideline.multidc.log;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tideline.protocols.LogPartition;
import io.tideline.protocols.log.v1.BackfillHeader;
import io.tideline.protocols.log.v1.LogPosition;
import java.util.HexFormat;
import java.util.Set;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.junit.jupiter.api.Test;

class SaidAgainTest {
  private static final String RECORDED = "0a01011210080215aa013c9f18072094b4e4f4cb03";
  private static final SaidAgain AGAIN =
      new SaidAgain(Set.of(1), new Stamp(new LogPartition(2, 0x9f3c01aa, 7), 123_456_789_012L));

  @Test
  void lines_keep_what_was_once_recorded() throws PoisonLineException {
    Headers written = new RecordHeaders();
    AGAIN.addTo(written);
    assertThat(HexFormat.of().formatHex(written.lastHeader("tideline-backfill").value()))
        .isEqualTo(RECORDED);

    Headers read = new RecordHeaders();
    read.add("tideline-backfill", HexFormat.of().parseHex(RECORDED));
    assertThat(SaidAgain.of(read)).isEqualTo(AGAIN);
  }

  @Test
  void an_ordinary_line_says_nothing_of_it() throws PoisonLineException {
    assertThat(SaidAgain.of(new RecordHeaders())).isNull();
  }

  @Test
  void what_cannot_be_read_is_not_taken_for_an_ordinary_line() {
    Headers headers = new RecordHeaders();
    headers.add("tideline-backfill", "?".getBytes(UTF_8));
    assertThatThrownBy(() -> SaidAgain.of(headers)).isInstanceOf(PoisonLineException.class);
  }

  @Test
  void what_says_nothing_is_not_taken_for_an_ordinary_line() {
    Headers headers = new RecordHeaders();
    headers.add("tideline-backfill", null);
    assertThatThrownBy(() -> SaidAgain.of(headers)).isInstanceOf(PoisonLineException.class);
  }

  @Test
  void a_place_that_there_cannot_be_is_not_taken_for_an_arrival() {
    LogPosition nowhere = LogPosition.newBuilder().setCell(2).setPartition(-1).build();
    Headers headers = new RecordHeaders();
    headers.add(
        "tideline-backfill", BackfillHeader.newBuilder().setArrival(nowhere).build().toByteArray());
    assertThatThrownBy(() -> SaidAgain.of(headers))
        .isInstanceOf(PoisonLineException.class)
        .hasMessageStartingWith("no position of a line");
  }
}
