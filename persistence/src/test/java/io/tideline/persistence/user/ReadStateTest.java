package io.tideline.persistence.user;

import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.protocols.LogPartition;
import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.Watermark;
import io.tideline.protocols.log.v1.IntentLine;
import io.tideline.protocols.log.v1.ReadMarked;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.NotEmpty;
import org.junit.jupiter.api.Test;

class ReadStateTest {
  private static final LogPartition P0 = new LogPartition(1, 7, 0);
  private static final LogPartition P1 = new LogPartition(1, 7, 1);

  @Provide
  Arbitrary<Watermark> marks() {
    Arbitrary<Long> few = Arbitraries.longs().between(0, 3);
    Arbitrary<Positions> positions =
        Combinators.combine(few, few).as((p0, p1) -> Positions.EMPTY.with(P0, p0).with(P1, p1));
    return Combinators.combine(positions, few, few.map(ReadStateTest::id), few)
        .as((at, rulesAt, floor, newest) -> new Watermark(at, rulesAt, floor, id(-newest)));
  }

  @Provide
  Arbitrary<List<Watermark>> manyMarks() {
    return marks().list().ofMaxSize(10);
  }

  @Property
  void marks_lead_to_the_newest_in_any_order_however_often(
      @ForAll("manyMarks") @NotEmpty List<Watermark> marks, @ForAll Random random) {
    List<Watermark> shuffled = new ArrayList<>(marks);
    shuffled.addAll(marks.subList(0, marks.size() / 2));
    Collections.shuffle(shuffled, random);
    ReadState read = after(shuffled);
    assertThat(read).isEqualTo(after(marks));
    assertThat(read.of("home").newest())
        .isEqualTo(
            marks.stream().map(Watermark::newest).max(Comparator.naturalOrder()).orElseThrow());
  }

  @Property
  void a_mark_moves_the_position_exactly_when_it_changes_something(
      @ForAll("marks") Watermark before, @ForAll("marks") Watermark mark) {
    ReadState state = ReadState.EMPTY.merge("home", before);
    assertThat(state.movedBy("home", mark)).isEqualTo(!state.merge("home", mark).equals(state));
    if (mark.newest().compareTo(before.newest()) > 0) {
      assertThat(state.merge("home", mark).of("home")).isEqualTo(mark);
    }
  }

  @Test
  void what_came_late_counts_as_read_once_the_feed_has_been_read_again() {
    Positions before = Positions.EMPTY.with(P0, 3);
    Positions after = before.with(P0, 5).with(P1, 1);
    ReadState read =
        ReadState.EMPTY
            .merge("home", new Watermark(after, 2, id(4), id(9)))
            .merge("home", new Watermark(before, 7, id(2), id(9)));
    assertThat(read.of("home")).isEqualTo(new Watermark(after, 7, id(2), id(9)));
  }

  @Test
  void each_feed_is_read_on_its_own() {
    Watermark mark = new Watermark(Positions.EMPTY, 1, id(0), id(5));
    ReadState read = ReadState.EMPTY.merge(line("list:close", mark));
    assertThat(read.of("list:close")).isEqualTo(mark);
    assertThat(read.of("home")).isEqualTo(Watermark.NOTHING);
  }

  private static PostId id(long id) {
    return new PostId(id, 0);
  }

  private static ReadState after(List<Watermark> marks) {
    ReadState state = ReadState.EMPTY;
    for (Watermark mark : marks) state = state.merge(line("home", mark));
    return state;
  }

  private static IntentLine line(String surface, Watermark mark) {
    return IntentLine.newBuilder()
        .setReadMarked(ReadMarked.newBuilder().setSurface(surface).setWatermark(mark.toProto()))
        .build();
  }
}
