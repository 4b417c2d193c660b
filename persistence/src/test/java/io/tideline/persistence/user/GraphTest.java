package io.tideline.persistence.user;

import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.persistence.timeline.Moment;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.FollowsChanged;
import io.tideline.protocols.log.v1.IntentLine;
import io.tideline.protocols.log.v1.ListChanged;
import io.tideline.protocols.log.v1.ListContent;
import io.tideline.protocols.log.v1.ListMembersChanged;
import java.util.List;
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

  private static Graph graph(IntentLine... lines) {
    Graph graph = Graph.EMPTY;
    for (IntentLine line : lines) graph = graph.merge(line, line.getAt());
    return graph;
  }

  private static IntentLine follow(long at, int cell, boolean active) {
    return line(at, cell)
        .setFollowsChanged(FollowsChanged.newBuilder().addTargetIds(BEA.value()).setActive(active))
        .build();
  }

  private static IntentLine list(long at, boolean there) {
    ListChanged.Builder list = ListChanged.newBuilder().setListId("close");
    if (there) {
      list.setContent(ListContent.newBuilder().setName("version " + at).setExclusive(true));
    }
    return line(at, 1).setListChanged(list).build();
  }

  private static IntentLine member(long at, boolean active) {
    return line(at, 1)
        .setListMembersChanged(
            ListMembersChanged.newBuilder()
                .setListId("close")
                .addAllTargetIds(List.of(BEA.value()))
                .setActive(active))
        .build();
  }

  private static IntentLine.Builder line(long at, int cell) {
    return IntentLine.newBuilder().setAt(at).setOriginCell(cell);
  }
}
