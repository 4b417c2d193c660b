package io.tideline.protocols;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.annotation.JsonAutoDetect.Visibility;
import com.fasterxml.jackson.annotation.PropertyAccessor;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.exc.ValueInstantiationException;
import com.fasterxml.jackson.dataformat.cbor.CBORFactory;
import com.fasterxml.jackson.module.paramnames.ParameterNamesModule;
import java.io.IOException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * How ids and positions rest in the journal; the mapper is set up as the toolkit sets up its own.
 */
class CborTest {
  private static final ObjectMapper CBOR =
      new ObjectMapper(new CBORFactory())
          .registerModule(new ParameterNamesModule())
          .setVisibility(PropertyAccessor.FIELD, Visibility.ANY)
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES);

  private static final UserId ANN = new UserId("ann");
  private static final PostId POST = PostId.parse("01KAGVPN7V003G7DJ6JZSWDQN4");
  private static final LogPartition PARTITION = new LogPartition(1, 0x9f3c01aa, 3);
  private static final Positions POSITIONS =
      Positions.EMPTY.with(PARTITION, 17).with(new LogPartition(2, 5, 0), 0);

  record Everything(
      UserId user,
      PostId post,
      Positions positions,
      LogPartition partition,
      List<LogPartition> partitions,
      Map<UserId, Long> times,
      Map<PostId, UserId> authors,
      @Nullable PostId nothing)
      implements CborSerializable {}

  @SuppressWarnings("ArrayRecordComponent") // Never compared.
  record Numbers(long[] hi, long[] lo, byte[] flags) implements CborSerializable {}

  @Test
  void ids_and_positions_survive_inside_a_record_and_as_keys_of_a_map() throws IOException {
    Everything everything =
        new Everything(
            ANN,
            POST,
            POSITIONS,
            PARTITION,
            List.of(PARTITION),
            Map.of(ANN, 5L, new UserId("b:o@b"), 6L),
            Map.of(POST, ANN),
            null);

    assertThat(CBOR.readValue(CBOR.writeValueAsBytes(everything), Everything.class))
        .isEqualTo(everything);
  }

  @Test
  void arrays_of_numbers_survive_inside_a_record() throws IOException {
    Numbers numbers =
        new Numbers(
            new long[] {-1, 0, Long.MAX_VALUE}, new long[] {Long.MIN_VALUE}, new byte[] {7});

    assertThat(CBOR.readValue(CBOR.writeValueAsBytes(numbers), Numbers.class))
        .usingRecursiveComparison()
        .isEqualTo(numbers);
  }

  @Test
  void ids_are_plain_text() throws IOException {
    assertThat(CBOR.readTree(CBOR.writeValueAsBytes(ANN)).textValue()).isEqualTo("ann");
    assertThat(CBOR.readTree(CBOR.writeValueAsBytes(POST)).textValue())
        .isEqualTo("01KAGVPN7V003G7DJ6JZSWDQN4");
    assertThat(CBOR.readTree(CBOR.writeValueAsBytes(new TreeMap<>(Map.of(ANN, POST)))).toString())
        .isEqualTo("{\"ann\":\"01KAGVPN7V003G7DJ6JZSWDQN4\"}");
  }

  @Test
  void the_bytes_of_positions_are_for_ever() throws IOException {
    String recorded = requireNonNull(Recordings.of("values.properties").get("positions"));

    assertThat(HexFormat.of().formatHex(CBOR.writeValueAsBytes(POSITIONS))).isEqualTo(recorded);
    assertThat(CBOR.readValue(HexFormat.of().parseHex(recorded), Positions.class))
        .isEqualTo(POSITIONS);
  }

  @Test
  void what_is_illegal_in_the_bytes_is_refused() throws IOException {
    byte[] illegalUser = CBOR.writeValueAsBytes("a b");
    byte[] illegalKey = CBOR.writeValueAsBytes(Map.of("a b", 1));

    assertThatThrownBy(() -> CBOR.readValue(illegalUser, UserId.class))
        .isInstanceOf(ValueInstantiationException.class)
        .hasMessageContaining("a user id has 1-64 characters");
    assertThatThrownBy(
            () -> CBOR.readValue(illegalKey, new TypeReference<Map<UserId, Integer>>() {}))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("a user id has 1-64 characters");
  }
}
