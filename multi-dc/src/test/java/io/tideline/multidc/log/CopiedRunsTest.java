package io.tideline.multidc.log;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;

class CopiedRunsTest {
  @Property(tries = 300)
  void it_agrees_with_a_plain_list(
      @ForAll @Size(max = 40) List<@IntRange(max = 3) Integer> steps,
      @ForAll @Size(max = 10) List<@IntRange(max = 60) Integer> asked) {
    CopiedRuns runs = new CopiedRuns();
    List<long[]> lines = new ArrayList<>();
    long copy = 0;
    long origin = 100;
    for (int step : steps) {
      // Mostly the next line here and there; now and then one that is passed over, or a gap.
      copy += step == 1 ? 2 : 1;
      origin += step == 2 ? 5 : 1;
      runs.add(copy, origin);
      lines.add(new long[] {copy, origin});
    }
    long stored = 0;
    for (int below : asked.stream().sorted().toList()) {
      stored = Math.max(stored, runs.originBelow(below));
      assertThat(stored)
          .isEqualTo(
              lines.stream()
                  .filter(line -> line[0] < below)
                  .mapToLong(line -> line[1] + 1)
                  .max()
                  .orElse(0));
    }
  }
}
