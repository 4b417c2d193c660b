package io.tideline.protocols;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class KeyRingTest {
  private static final String KEY = "AAECAwQFBgcICQoLDA0ODw==";

  @Test
  void keys_are_read_from_text() {
    KeyRing ring = KeyRing.parse("1:" + KEY + ", 255:" + KEY, 255);

    assertThat(ring.signingKeyId()).isEqualTo(255);
    assertThat(ring.keys()).containsOnlyKeys(1, 255);
    assertThat(ring.keys().get(1)).hasSize(16).startsWith(0, 1, 2);
  }

  @Test
  void a_ring_shows_ids_but_no_keys() {
    assertThat(KeyRing.parse("2:" + KEY + ",1:" + KEY, 1))
        .hasToString("KeyRing[[1, 2], signing 1]");
  }

  @Test
  void a_ring_keeps_its_keys_when_the_caller_changes_them() {
    byte[] key = new byte[16];
    KeyRing ring = new KeyRing(1, Map.of(1, key));
    key[0] = 1;

    assertThat(ring.keys().get(1)).containsOnly(0);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        ",",
        "1",
        KEY,
        "x:" + KEY,
        "1:",
        "1:AAEC",
        "1:not base64!",
        "-1:" + KEY,
        "256:" + KEY,
        "1:" + KEY + ",",
        "1:" + KEY + ",1:" + KEY,
        "2:" + KEY
      })
  void other_text_is_refused_without_repeating_it(String text) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> KeyRing.parse(text, 1))
        .withMessageNotContaining(KEY);
  }
}
