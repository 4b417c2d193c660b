package io.tideline.persistence.user;

import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.persistence.timeline.Moment;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.FollowsChanged;
import io.tideline.protocols.log.v1.IntentLine;
import io.tideline.protocols.log.v1.ListChanged;
import io.tideline.protocols.log.v1.ListContent;
import io.tideline.protocols.log.v1.ListMembersChanged;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class GraphTest {
  private static final UserId BEA = new UserId("bea");

  @Test
  void the_later_change_wins_and_of_two_at_one_time_that_of_the_higher_cell() {
    Graph followed = graph(follow(10, 1, true));
    assertThat(followed.merge(follow(11, 0, false), 20).follows(BEA)).isFalse();
    assertThat(followed.merge(follow(10, 2, false), 20).follows(BEA)).isFalse();
    assertThat(followed.merge(follow(10, 0, false), 20).follows(BEA)).isTrue();
  }

  @Test
  void an_edge_that_ended_stays_so_that_an_older_follow_cannot_bring_it_back() {
    Graph graph = graph(follow(10, 1, false), follow(9, 1, true));
    assertThat(graph.follows(BEA)).isFalse();
    assertThat(graph.followees()).isEmpty();
    assertThat(graph.follows()).containsKey(BEA);
  }

  @Test
  void what_is_known_already_copies_nothing() {
    Graph graph = graph(follow(10, 1, true), follow(20, 1, false));
    assertThat(graph.merge(follow(20, 1, false), 30).follows()).isSameAs(graph.follows());
    assertThat(graph.merge(follow(10, 1, true), 30).follows()).isSameAs(graph.follows());
  }

  @Test
  void it_tells_how_somebody_was_followed_at_some_time() {
    Graph graph = graph(follow(10, 1, true), follow(20, 1, false), follow(30, 1, true));
    assertThat(graph.follow(BEA, new Moment(9))).isNull();
    assertThat(graph.follow(BEA, new Moment(10))).isEqualTo(Follow.EVERYTHING);
    assertThat(graph.follow(BEA, new Moment(29))).isNull();
    assertThat(graph.follow(BEA, new Moment(30))).isNotNull();
  }

  @Test
  void a_change_that_was_heard_of_late_does_not_alter_what_was_shown_before() {
    Graph graph = graph(follow(10, 1, true)).merge(follow(20, 2, false), 40);
    assertThat(graph.follow(BEA, new Moment(39))).isNotNull();
    assertThat(graph.follow(BEA, new Moment(40))).isNull();
  }

  @Test
  void members_of_a_deleted_list_do_not_come_back_with_it() {
    Graph graph = graph(list(1, true), member(2, true), list(5, false), list(10, true));
    assertThat(graph.members("close")).isEmpty();
    assertThat(graph.isMember("close", BEA, new Moment(4))).isTrue();
    assertThat(graph.merge(member(12, true), 12).members("close")).containsExactly(BEA);
  }

  @Test
  void who_comes_back_into_a_list_was_not_in_it_before() {
    Graph graph =
        graph(list(1, true), member(2, true), list(5, false), list(10, true), member(12, true));
    assertThat(graph.isMember("close", BEA, new Moment(11))).isFalse();
    assertThat(graph.isMember("close", BEA, new Moment(12))).isTrue();
  }

  @Test
  void of_an_end_and_a_new_member_at_the_same_time_the_higher_cell_is_the_later_one() {
    IntentLine member = member(5, true);
    Graph after = graph(list(5, false), member.toBuilder().setOriginCell(2).build(), list(9, true));
    assertThat(after.members("close")).containsExactly(BEA);
    Graph before =
        graph(list(5, false), member.toBuilder().setOriginCell(0).build(), list(9, true));
    assertThat(before.members("close")).isEmpty();
  }

  @Test
  void members_of_a_deleted_list_do_not_come_back_however_often_it_changes_later() {
    Graph graph = graph(list(1, true), member(2, true), list(5, false));
    for (int at = 10; at < 40; at++) graph = graph.merge(list(at, true), at);
    assertThat(graph.members("close")).isEmpty();
  }

  @Test
  void who_is_in_an_exclusive_list_is_known_by_the_list() {
    Graph graph = graph(list(1, true), member(2, true), list(3, false));
    assertThat(graph.exclusiveList(BEA, new Moment(1))).isNull();
    assertThat(graph.exclusiveList(BEA, new Moment(2))).isEqualTo("close");
    assertThat(graph.exclusiveList(BEA, Graph.NOW)).isNull();
  }

  @Test
  void who_follows_and_unfollows_on_and_on_leaves_behind_the_latest_ends() {
    List<IntentLine> lines = new ArrayList<>();
    lines.add(follow(1, 1, true));
    for (int i = 1; i <= 6; i++) {
      lines.add(follow(10L * i, 1, true, some(i)));
      lines.add(follow(10L * i + 5, 1, false, some(i)));
    }
    Graph graph = graph(lines.toArray(IntentLine[]::new));
    assertThat(graph.followees()).containsExactly(BEA);
    assertThat(graph.follows()).hasSize(1 + Graph.ENDED).containsKey(new UserId("6-0"));
    assertThat(graph.follows().keySet()).noneMatch(user -> user.value().startsWith("1-"));

    assertThat(graph.merge(follow(15, 1, false, some(1)), 99).follows())
        .as("an end that was forgotten says nothing new")
        .isSameAs(graph.follows());
    Collections.shuffle(lines, new Random(7));
    List<IntentLine> ends = lines.stream().filter(line -> line.getAt() % 10 == 5).toList();
    List<IntentLine> follows = lines.stream().filter(line -> line.getAt() % 10 != 5).toList();
    Graph elsewhere =
        graph(Stream.concat(follows.stream(), ends.stream()).toArray(IntentLine[]::new));
    assertThat(elsewhere.follows().keySet()).isEqualTo(graph.follows().keySet());
  }

  @Test
  void lists_that_come_and_go_leave_behind_the_latest_and_their_members() {
    Graph graph = graph(list(1, true), member(2, true));
    for (int i = 1; i <= 200; i++) {
      String id = "list" + i;
      graph = graph.merge(list(10L * i, true, id), 10L * i);
      graph = graph.merge(member(10L * i + 1, true, id), 10L * i + 1);
      graph = graph.merge(list(10L * i + 2, false, id), 10L * i + 2);
    }
    assertThat(graph.listIds()).containsExactly("close");
    assertThat(graph.members("close")).containsExactly(BEA);
    assertThat(graph.lists()).hasSize(1 + Graph.ENDED_LISTS).containsKey("list200");
    assertThat(graph.members().keySet()).isEqualTo(graph.lists().keySet());
  }

  private static List<String> some(int batch) {
    return IntStream.range(0, 5_000).mapToObj(i -> batch + "-" + i).toList();
  }

  private static Graph graph(IntentLine... lines) {
    Graph graph = Graph.EMPTY;
    for (IntentLine line : lines) graph = graph.merge(line, line.getAt());
    return graph;
  }

  private static IntentLine follow(long at, int cell, boolean active) {
    return follow(at, cell, active, List.of(BEA.value()));
  }

  private static IntentLine follow(long at, int cell, boolean active, List<String> targets) {
    return line(at, cell)
        .setFollowsChanged(FollowsChanged.newBuilder().addAllTargetIds(targets).setActive(active))
        .build();
  }

  private static IntentLine list(long at, boolean there) {
    return list(at, there, "close");
  }

  private static IntentLine list(long at, boolean there, String id) {
    ListChanged.Builder list = ListChanged.newBuilder().setListId(id);
    if (there) {
      list.setContent(ListContent.newBuilder().setName("version " + at).setExclusive(true));
    }
    return line(at, 1).setListChanged(list).build();
  }

  private static IntentLine member(long at, boolean active) {
    return member(at, active, "close");
  }

  private static IntentLine member(long at, boolean active, String list) {
    return line(at, 1)
        .setListMembersChanged(
            ListMembersChanged.newBuilder()
                .setListId(list)
                .addAllTargetIds(List.of(BEA.value()))
                .setActive(active))
        .build();
  }

  private static IntentLine.Builder line(long at, int cell) {
    return IntentLine.newBuilder().setAt(at).setOriginCell(cell);
  }
}
