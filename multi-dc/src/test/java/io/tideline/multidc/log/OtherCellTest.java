package io.tideline.multidc.log;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.ConfigFactory;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OtherCellTest {
  private static List<OtherCell> read(String cells) {
    return OtherCell.from(
        ConfigFactory.parseString("tideline.multi-dc.cells = [" + cells + "]"), "east", 1);
  }

  @Test
  void there_are_none_by_default() {
    assertThat(OtherCell.from(ConfigFactory.load(), "east", 1)).isEmpty();
  }

  @Test
  void each_has_a_name_a_number_and_a_kafka() {
    assertThat(
            read(
                """
                { name = west, number = 2, bootstrap-servers = "k1:9092, k2:9092" }
                { name = north, number = 3, bootstrap-servers = "k3:9092"
                  client-properties { security.protocol = SSL } }
                """))
        .containsExactly(
            new OtherCell("west", 2, "k1:9092, k2:9092", Map.of()),
            new OtherCell("north", 3, "k3:9092", Map.of("security.protocol", "SSL")));
  }

  @Test
  void they_can_be_given_as_system_properties() {
    assertThat(
            OtherCell.from(
                ConfigFactory.parseMap(
                        Map.of(
                            "tideline.multi-dc.cells.0.name", "west",
                            "tideline.multi-dc.cells.0.number", "2",
                            "tideline.multi-dc.cells.0.bootstrap-servers", "k:9092"))
                    .withFallback(ConfigFactory.load()),
                "east",
                1))
        .containsExactly(new OtherCell("west", 2, "k:9092", Map.of()));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {number=2,bootstrap-servers="k:1"}                    | cells[0].name is "", expected 1-32
          {name=West,number=2,bootstrap-servers="k:1"}          | cells[0].name is "West"
          {name=west,bootstrap-servers="k:1"}                   | cells[0].number is "", expected a number
          {name=west,number=256,bootstrap-servers="k:1"}        | cells[0].number is "256"
          {name=west,number=two,bootstrap-servers="k:1"}        | cells[0].number is "two"
          {name=west,number=2}                                  | cells[0].bootstrap-servers is ""
          {name=west,number=2,bootstrap-servers=kafka}          | expected host:port
          {name=east,number=2,bootstrap-servers="k:1"}          | names "east" twice, or names this node's
          {name=west,number=1,bootstrap-servers="k:1"}          | gives "west" the number 1, which another
          {name=a,number=2,bootstrap-servers="k:1"},{name=a,number=3,bootstrap-servers="k:1"} | names "a" twice
          {name=a,number=2,bootstrap-servers="k:1"},{name=b,number=2,bootstrap-servers="k:1"} | gives "b" the number 2
          """)
  void what_does_not_fit_is_named(String cells, String complaint) {
    assertThatThrownBy(() -> read(cells))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("tideline.multi-dc.cells")
        .hasMessageContaining(complaint);
  }
}
