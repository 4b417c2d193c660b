package io.tideline.protocols;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeSet;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.api.Test;

class PositionsTest {
  private static final LogPartition P0 = new LogPartition(1, 0x9f3c01aa, 0);
  private static final LogPartition P1 = new LogPartition(1, 0x9f3c01aa, 1);

  static Arbitrary<LogPartition> partition() {
    return Combinators.combine(
            Arbitraries.integers().between(0, 2),
            Arbitraries.of(0, 1, -1, 0x9f3c01aa),
            Arbitraries.integers().between(0, 5))
        .as(LogPartition::new);
  }

  static Arbitrary<Map<LogPartition, Long>> offsets() {
    Arbitrary<Long> next =
        Arbitraries.oneOf(
            Arbitraries.longs().between(0, 3), Arbitraries.longs().between(0, Long.MAX_VALUE));
    return Arbitraries.maps(partition(), next).ofMaxSize(20).withoutEdgeCases();
  }

  static Positions of(Map<LogPartition, Long> offsets) {
    Positions positions = Positions.EMPTY;
    for (Map.Entry<LogPartition, Long> entry : offsets.entrySet()) {
      positions = positions.with(entry.getKey(), entry.getValue());
    }
    return positions;
  }

  @Provide
  Arbitrary<LogPartition> partitions() {
    return partition();
  }

  @Provide
  Arbitrary<Map<LogPartition, Long>> maps() {
    return offsets();
  }

  @Provide
  Arbitrary<Positions> positions() {
    return offsets().map(PositionsTest::of);
  }

  @Property
  void positions_are_a_map_and_the_order_of_changes_does_not_matter(
      @ForAll("maps") Map<LogPartition, Long> map, @ForAll Random random) {
    List<Map.Entry<LogPartition, Long>> shuffled = new ArrayList<>(map.entrySet());
    Collections.shuffle(shuffled, random);
    Positions positions = Positions.EMPTY;
    for (Map.Entry<LogPartition, Long> entry : shuffled) {
      positions = positions.with(entry.getKey(), 99).with(entry.getKey(), entry.getValue());
    }

    assertThat(positions).isEqualTo(of(map)).hasSameHashCodeAs(of(map));
    assertThat(positions.partitions()).containsExactlyElementsOf(new TreeSet<>(map.keySet()));
    map.forEach((partition, next) -> assertThat(of(map).next(partition)).isEqualTo(next));
  }

  @Property
  void a_position_contains_what_lies_below_it(
      @ForAll("positions") Positions positions,
      @ForAll("partitions") LogPartition partition,
      @ForAll @LongRange(max = 5) long offset) {
    assertThat(positions.contains(partition, offset)).isEqualTo(offset < positions.next(partition));
  }

  @Property
  void merges_commute(@ForAll("positions") Positions a, @ForAll("positions") Positions b) {
    assertThat(a.merge(b)).isEqualTo(b.merge(a));
  }

  @Property
  void merges_associate(
      @ForAll("positions") Positions a,
      @ForAll("positions") Positions b,
      @ForAll("positions") Positions c) {
    assertThat(a.merge(b).merge(c)).isEqualTo(a.merge(b.merge(c)));
  }

  @Property
  void merges_may_be_repeated(@ForAll("positions") Positions a, @ForAll("positions") Positions b) {
    assertThat(a.merge(a)).isSameAs(a);
    assertThat(a.merge(b).merge(b)).isEqualTo(a.merge(b));
    assertThat(a.merge(Positions.EMPTY)).isEqualTo(a);
  }

  @Property
  void a_merge_is_the_least_that_covers_both(
      @ForAll("positions") Positions a, @ForAll("positions") Positions b) {
    Positions merged = a.merge(b);

    assertThat(merged.covers(a)).isTrue();
    assertThat(merged.covers(b)).isTrue();
    assertThat(merged.partitions())
        .allSatisfy(p -> assertThat(merged.next(p)).isEqualTo(Math.max(a.next(p), b.next(p))));
    assertThat(a.covers(b))
        .isEqualTo(merged.partitions().stream().allMatch(p -> a.next(p) >= b.next(p)));
  }

  @Property
  void those_of_the_same_logs_merge_number_by_number(
      @ForAll("maps") Map<LogPartition, Long> map, @ForAll Random random) {
    Map<LogPartition, Long> other = new HashMap<>();
    map.forEach((partition, next) -> other.put(partition, next + random.nextInt(3) - 1));
    other.values().removeIf(next -> next < 0);
    Positions merged = of(map).merge(of(other));
    map.forEach(
        (partition, next) ->
            assertThat(merged.next(partition))
                .isEqualTo(Math.max(next, other.getOrDefault(partition, 0L))));
    assertThat(of(other).like(of(map))).isEqualTo(of(other));
    assertThat(merged.like(of(map))).isEqualTo(merged);
  }

  @Property
  void protos_survive_a_round_trip(@ForAll("positions") Positions positions) {
    assertThat(Positions.fromProto(positions.toProto())).isEqualTo(positions);
    assertThat(Positions.fromCompactProto(positions.toCompactProto())).isEqualTo(positions);
  }

  @Test
  void a_position_may_be_set_back() {
    Positions positions = Positions.EMPTY.with(P0, 7);

    assertThat(positions.with(P0, 3).next(P0)).isEqualTo(3);
    assertThat(positions.next(P0)).isEqualTo(7);
    assertThat(positions.next(P1)).isZero();
  }

  @Test
  void a_known_partition_at_zero_is_not_an_unknown_one() {
    Positions known = Positions.EMPTY.with(P0, 0);

    assertThat(known).isNotEqualTo(Positions.EMPTY);
    assertThat(known.partitions()).containsExactly(P0);
    assertThat(Positions.EMPTY.covers(known)).isTrue();
  }

  @Test
  void negative_numbers_are_refused() {
    assertThatIllegalArgumentException().isThrownBy(() -> Positions.EMPTY.with(P0, -1));
    assertThatIllegalArgumentException().isThrownBy(() -> new LogPartition(-1, 0, 0));
    assertThatIllegalArgumentException().isThrownBy(() -> new LogPartition(0, 0, -1));
  }

  @Test
  void positions_are_readable() {
    assertThat(Positions.EMPTY.with(P1, 4).with(P0, 17))
        .hasToString("{1/9f3c01aa/0=17, 1/9f3c01aa/1=4}");
  }
}
