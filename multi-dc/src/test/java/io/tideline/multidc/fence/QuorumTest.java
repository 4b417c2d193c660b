package io.tideline.multidc.fence;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.OptionalLong;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class QuorumTest {
  @Test
  void a_single_node_is_its_own_majority() {
    assertThat(newest(7L)).hasValue(7);
  }

  @Test
  void of_three_the_second_newest_answer_counts() {
    assertThat(newest(10L, 30L, 20L)).hasValue(20);
    assertThat(newest(30L, null, 20L)).hasValue(20);
    assertThat(newest(30L, null, null)).isEmpty();
  }

  @Test
  void half_of_the_nodes_suffice_with_the_lowest_address_among_them() {
    assertThat(newest(30L, 10L)).hasValue(30);
    assertThat(newest(10L, 30L)).hasValue(10);
    assertThat(newest(null, 30L)).isEmpty();
    assertThat(newest(30L, 20L, null, null)).hasValue(20);
    assertThat(newest(null, 20L, 30L, null)).isEmpty();
  }

  @Property
  void two_sides_of_a_cut_never_both_have_a_majority(@ForAll("sides") List<Boolean> sides) {
    boolean one = newest(sides, true).isPresent();
    boolean other = newest(sides, false).isPresent();
    assertThat(one).isNotEqualTo(other);
  }

  @Property
  void another_answer_never_makes_the_result_older(
      @ForAll("answers") List<OptionalLong> answers,
      @ForAll("answers") List<OptionalLong> laterAnswers) {
    int size = Math.min(answers.size(), laterAnswers.size());
    List<OptionalLong> before = answers.subList(0, size);
    List<OptionalLong> after =
        LongStream.range(0, size)
            .mapToObj(i -> later(before.get((int) i), laterAnswers.get((int) i)))
            .toList();
    assertThat(Quorum.newest(after).orElse(-1))
        .isGreaterThanOrEqualTo(Quorum.newest(before).orElse(-1));
  }

  @Test
  void the_median_of_two_accuses_nobody() {
    assertThat(Quorum.median(0, 20_000)).isZero();
    assertThat(Quorum.median(0, -20_000)).isZero();
  }

  @Test
  void one_wrong_clock_does_not_move_the_median_of_three() {
    assertThat(Quorum.median(0, 20_000, 3)).isEqualTo(3);
    assertThat(Quorum.median(0, 20_000, 20_003)).isEqualTo(20_000);
  }

  @Provide
  Arbitrary<List<Boolean>> sides() {
    return Arbitraries.of(true, false).list().ofMinSize(1).ofMaxSize(9);
  }

  @Provide
  Arbitrary<List<OptionalLong>> answers() {
    return Arbitraries.longs()
        .between(0, 20)
        .map(OptionalLong::of)
        .injectNull(0.2)
        .map(answer -> answer == null ? OptionalLong.empty() : answer)
        .list()
        .ofMinSize(1)
        .ofMaxSize(7);
  }

  private static OptionalLong later(OptionalLong one, OptionalLong other) {
    return LongStream.concat(one.stream(), other.stream()).max();
  }

  private static OptionalLong newest(List<Boolean> sides, boolean mine) {
    return Quorum.newest(
        sides.stream()
            .map(side -> side == mine ? OptionalLong.of(1) : OptionalLong.empty())
            .toList());
  }

  private static OptionalLong newest(@Nullable Long... answers) {
    return Quorum.newest(
        Stream.of(answers)
            .map(answer -> answer == null ? OptionalLong.empty() : OptionalLong.of(answer))
            .toList());
  }
}
