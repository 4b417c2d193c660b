package io.tideline.multidc.log;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Set;
import org.junit.jupiter.api.Test;

class LineFormsTest {
  @Test
  void a_member_says_what_it_reads_and_one_of_before_reads_the_first() {
    assertThat(LineForms.of(Set.of("az-a", LineForms.role()))).isEqualTo(LineForms.NEWEST);
    assertThat(LineForms.of(Set.of("reads-form-12", "grpc-127.0.0.1:8600"))).isEqualTo(12);
    assertThat(LineForms.of(Set.of("az-a", "grpc-127.0.0.1:8600"))).isZero();
  }
}
