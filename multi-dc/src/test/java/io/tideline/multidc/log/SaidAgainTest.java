package io.tideline.multidc.log;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tideline.protocols.LogPartition;
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
}
