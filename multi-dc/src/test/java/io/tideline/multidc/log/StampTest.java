package io.tideline.multidc.log;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tideline.protocols.LogPartition;
import java.util.HexFormat;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.junit.jupiter.api.Test;

class StampTest {
  private static final Stamp STAMP =
      new Stamp(new LogPartition(2, 0x9f3c01aa, 7), 123_456_789_012L);

  @Test
  void copies_keep_what_was_once_recorded() throws PoisonLineException {
    Headers written = new RecordHeaders();
    STAMP.addTo(written);
    assertThat(HexFormat.of().formatHex(written.lastHeader("tideline-position").value()))
        .isEqualTo("080215aa013c9f18072094b4e4f4cb03");

    Headers read = new RecordHeaders();
    read.add("tideline-position", HexFormat.of().parseHex("080215aa013c9f18072094b4e4f4cb03"));
    assertThat(Stamp.of(read)).isEqualTo(STAMP);
  }

  @Test
  void a_copy_that_does_not_say_where_it_comes_from_cannot_be_read() {
    Headers headers = new RecordHeaders();
    assertThatThrownBy(() -> Stamp.of(headers))
        .isInstanceOf(PoisonLineException.class)
        .hasMessageContaining("without the header");
    headers.add("tideline-position", "?".getBytes(UTF_8));
    assertThatThrownBy(() -> Stamp.of(headers)).isInstanceOf(PoisonLineException.class);
    headers.add("tideline-position", new byte[0]);
    assertThatThrownBy(() -> Stamp.of(headers))
        .as("no cell has the number 0")
        .isInstanceOf(PoisonLineException.class);
  }

  @Test
  void the_last_offset_of_all_is_no_place_of_a_line() {
    Headers headers = new RecordHeaders();
    new Stamp(STAMP.partition(), Long.MAX_VALUE).addTo(headers);
    assertThatThrownBy(() -> Stamp.of(headers)).isInstanceOf(PoisonLineException.class);
  }
}
