package io.tideline.persistence.user;

import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.protocols.PostId;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.NotEmpty;

class ReadStateTest {
  @Provide
  Arbitrary<PostId> ids() {
    return Combinators.combine(Arbitraries.longs(), Arbitraries.longs()).as(PostId::new);
  }

  @Provide
  Arbitrary<List<PostId>> marks() {
    return ids().list().ofMaxSize(10);
  }

  @Property
  void marks_lead_to_the_newest_in_any_order_however_often(
      @ForAll("marks") @NotEmpty List<PostId> marks, @ForAll Random random) {
    List<PostId> shuffled = new ArrayList<>(marks);
    shuffled.addAll(marks);
    Collections.shuffle(shuffled, random);
    assertThat(after(shuffled)).isEqualTo(new ReadState(Collections.max(marks)));
  }

  @Property
  void a_mark_moves_the_position_exactly_when_it_is_newer(
      @ForAll("ids") PostId before, @ForAll("ids") PostId mark) {
    ReadState state = new ReadState(before);
    assertThat(state.movedBy(mark)).isEqualTo(!state.merge(mark).equals(state));
    assertThat(state.movedBy(mark)).isEqualTo(mark.compareTo(before) > 0);
  }

  private static ReadState after(List<PostId> marks) {
    ReadState state = ReadState.EMPTY;
    for (PostId mark : marks) state = state.merge(mark);
    return state;
  }
}
