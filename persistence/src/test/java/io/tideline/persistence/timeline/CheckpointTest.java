package io.tideline.persistence.timeline;

import static io.tideline.persistence.timeline.SomeLines.id;
import static io.tideline.persistence.timeline.SomeLines.line;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.tideline.protocols.LogPartition;
import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class CheckpointTest {

  @Property(tries = 1000)
  void recorded_differences_lead_to_what_the_timeline_held(
      @ForAll Random random, @ForAll @IntRange(min = 1, max = 40) int capacity) {
    SomeLines lines = new SomeLines(random);
    Timeline timeline = new Timeline(capacity, SomeRules.EVERYTHING);
    Checkpoint folded = Checkpoint.EMPTY;
    for (int i = 0; i < 10; i++) {
      for (int n = random.nextInt(30); n > 0; n--) {
        timeline.apply(lines.next(), List.of(), new ArrayList<>());
      }
      if (random.nextInt(4) == 0) timeline = timeline.under(rules(random));
      Checkpoint now = new Checkpoint(timeline.remembered(), lines.end(), timeline.floor(), i);
      folded = folded.then(folded.differenceTo(now));
      assertThat(folded).isEqualTo(now);
      assertThat(Checkpoint.decode(now.encode())).isEqualTo(now);
      assertThat(now.changesTo(now.entries())).isZero();
    }
  }

  private static Eligibility rules(Random random) {
    UserId author = random.nextBoolean() ? SomeLines.ANN : SomeLines.BEA;
    return random.nextBoolean()
        ? SomeRules.of(ref -> ref.author.equals(author))
        : new SomeRules(SomeRules.sources(author), ref -> true);
  }

  @Test
  void a_difference_holds_only_what_changed() {
    PostRef kept = line(10, 10, 0, 0);
    PostRef edited = line(20, 25, 1, PostRef.EDITED);
    Checkpoint before =
        new Checkpoint(List.of(kept, line(20, 20, 1, 0), line(30, 30, 2, 0)), at(3), id(0), 7);
    Checkpoint after = new Checkpoint(List.of(kept, edited), at(5), id(5), 8);
    assertThat(Checkpoint.EMPTY.then(before.differenceTo(after)).entries()).containsExactly(edited);
    assertThat(before.then(before.differenceTo(after))).isEqualTo(after);
    assertThat(before.changesTo(after.entries())).isEqualTo(3);
  }

  @Test
  void what_an_entry_was_before_its_edits_is_kept() {
    LogPartition there = new LogPartition(1, 7, 0);
    LogPartition elsewhere = new LogPartition(2, 7, 1);
    UserId ann = new UserId("ann");
    Facts facts =
        new Facts(List.of("tide"), "en", List.of(new UserId("bob")), false, null, null, null, null);
    PostRef first = new PostRef(3, 4, 10, ann, there, 5, 0, facts);
    PostRef second =
        new PostRef(
            3,
            4,
            11,
            ann,
            there,
            5,
            PostRef.EDITED,
            Facts.NONE,
            new PostRef.Former(first, List.of("r1@9/1"), there, 6));
    PostRef third =
        new PostRef(
            3,
            4,
            12,
            ann,
            there,
            5,
            PostRef.EDITED,
            facts,
            new PostRef.Former(second, List.of(), elsewhere, 7));
    Checkpoint checkpoint =
        new Checkpoint(
            List.of(third), Positions.EMPTY.with(there, 7).with(elsewhere, 8), PostId.MIN, 13);
    String recorded =
        "Co4BCgNhbm4KA2JvYhIHCAEVBwAAABIJCAIVBwAAABgBGggDAAAAAAAAACIIBAAAAAAAAAAqCAwAAAAAAAAAMgEA"
            + "OgEAQgEFSgECUkQSBHRpZGUaAmVuIgECUjUKJFIiCg0SBHRpZGUaAmVuIgECEQoAAAAAAAAAKAYyBnIxQDkv"
            + "MRELAAAAAAAAABgCIAEoByIJCAEVBwAAACAHIgsIAhUHAAAAGAEgCDkNAAAAAAAAAA==";
    assertThat(Checkpoint.decode(Base64.getDecoder().decode(recorded))).isEqualTo(checkpoint);
    assertThat(Base64.getEncoder().encodeToString(checkpoint.encode())).isEqualTo(recorded);
  }

  @Test
  void no_bytes_are_the_empty_checkpoint() {
    assertThat(Checkpoint.decode(new byte[0])).isEqualTo(Checkpoint.EMPTY);
  }

  @Test
  void bytes_of_something_else_are_refused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Checkpoint.decode(new byte[] {1, 2, 3}))
        .withMessageStartingWith("not a timeline checkpoint");
  }

  private static Positions at(long next) {
    return Positions.EMPTY.with(SomeLines.P0, next);
  }
}
