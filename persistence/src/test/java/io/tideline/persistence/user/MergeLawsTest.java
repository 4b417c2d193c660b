package io.tideline.persistence.user;

import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.protocols.log.v1.IntentLine;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/** Cells that have seen the same lines hold the same, in whatever order and however often. */
class MergeLawsTest {
  private static final int REMEMBERED = 8;

  @Property(tries = 3000)
  void order_and_repetition_of_lines_do_not_matter(@ForAll Random random) {
    List<IntentLine> lines = lines(random);
    List<IntentLine> shuffled = new ArrayList<>(lines);
    shuffled.addAll(lines.subList(0, random.nextInt(lines.size() + 1)));
    Collections.shuffle(shuffled, random);
    User one = after(lines);
    User other = after(shuffled);
    assertThat(bare(other)).isEqualTo(bare(one));
    assertThat(other.graph().followees()).isEqualTo(one.graph().followees());
    assertThat(other.filters().mutedUsers()).isEqualTo(one.filters().mutedUsers());
    for (String list : SomeIntents.LISTS) {
      assertThat(other.graph().members(list)).isEqualTo(one.graph().members(list));
    }
  }

  @Property(tries = 1000)
  void the_latest_changes_are_those_that_are_remembered(@ForAll Random random) {
    List<IntentLine> lines = lines(random);
    User user = after(lines);
    for (Map.Entry<?, ? extends Register<?>> entry : user.graph().follows().entrySet()) {
      List<Long> times =
          lines.stream()
              .filter(
                  line ->
                      line.getFollowsChanged()
                          .getTargetIdsList()
                          .contains(String.valueOf(entry.getKey())))
              .map(IntentLine::getAt)
              .sorted(Collections.reverseOrder())
              .limit(REMEMBERED)
              .toList();
      assertThat(times(entry.getValue())).startsWith(times.toArray(Long[]::new));
    }
  }

  /** Each at a time of its own, not in the order of their times. */
  private static List<IntentLine> lines(Random random) {
    SomeIntents intents = new SomeIntents(random, 100);
    List<IntentLine> lines = new ArrayList<>();
    int most = random.nextInt(4) == 0 ? 120 : 25;
    for (int at = random.nextInt(most); at > 0; at--) lines.add(intents.next(at));
    Collections.shuffle(lines, random);
    return lines;
  }

  private static User after(List<IntentLine> lines) {
    User user = User.EMPTY;
    long seenAt = 1000;
    for (IntentLine line : lines) {
      user = user.after(new UserEvent.IntentApplied(new Payload(line.toByteArray()), ++seenAt));
    }
    return user;
  }

  /** Everything but when it was seen, which each cell knows for itself. */
  private static List<Map<String, List<String>>> bare(User user) {
    Graph graph = user.graph();
    Filters filters = user.filters();
    return List.of(
        bare(graph.follows()),
        bare(graph.tags()),
        bare(graph.lists()),
        bare(graph.members().getOrDefault(SomeIntents.LISTS.get(0), Map.of())),
        bare(graph.members().getOrDefault(SomeIntents.LISTS.get(1), Map.of())),
        bare(filters.mutes()),
        bare(filters.blocks()),
        bare(filters.blockedBy()),
        bare(filters.rules()));
  }

  private static <K, V> Map<String, List<String>> bare(Map<K, Register<V>> registers) {
    return registers.entrySet().stream()
        .collect(
            Collectors.toMap(
                entry -> entry.getKey().toString(),
                entry ->
                    versions(entry.getValue())
                        .map(v -> v.at() + "/" + v.cell() + "=" + v.value())
                        .toList()));
  }

  private static <V> Stream<Register<V>> versions(Register<V> register) {
    return Stream.concat(Stream.of(register), register.earlier().stream());
  }

  private static <V> List<Long> times(Register<V> register) {
    return versions(register).map(Register::at).toList();
  }
}
