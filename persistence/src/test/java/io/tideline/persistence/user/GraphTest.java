package io.tideline.persistence.user;

import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.protocols.UserId;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.Set;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;

class GraphTest {
  private static final UserId ANN = new UserId("ann");
  private static final UserId BEA = new UserId("bea");
  private static final UserId CY = new UserId("cy");

  private record Change(List<UserId> targets, FollowEdge edge) {}

  @Provide
  Arbitrary<FollowEdge> edges() {
    return Combinators.combine(
            Arbitraries.of(true, false),
            Arbitraries.longs().between(1, 4),
            Arbitraries.integers().between(0, 2))
        .as(FollowEdge::new);
  }

  @Provide
  Arbitrary<List<Change>> changes() {
    Arbitrary<List<UserId>> targets = Arbitraries.of(ANN, BEA, CY).list().uniqueElements();
    return Combinators.combine(targets, edges()).as(Change::new).list().ofMaxSize(12);
  }

  @Property
  void edges_commute_associate_and_repeat(
      @ForAll("edges") FollowEdge a, @ForAll("edges") FollowEdge b, @ForAll("edges") FollowEdge c) {
    assertThat(a.merge(b)).isEqualTo(b.merge(a));
    assertThat(a.merge(b).merge(c)).isEqualTo(a.merge(b.merge(c)));
    assertThat(a.merge(a)).isEqualTo(a);
    assertThat(a.merge(b)).isIn(a, b);
  }

  @Property
  void changes_lead_to_the_same_graph_in_any_order_however_often(
      @ForAll("changes") List<Change> changes, @ForAll Random random) {
    List<Change> shuffled = new ArrayList<>(changes);
    shuffled.addAll(changes.subList(0, changes.size() / 2));
    Collections.shuffle(shuffled, random);
    assertThat(graph(shuffled)).isEqualTo(graph(changes));
  }

  @Property
  void the_latest_change_decides(@ForAll("changes") List<Change> changes) {
    Graph graph = graph(changes);
    for (UserId user : Set.of(ANN, BEA, CY)) {
      boolean follows =
          changes.stream()
              .filter(change -> change.targets().contains(user))
              .map(Change::edge)
              .reduce(FollowEdge::merge)
              .map(FollowEdge::active)
              .orElse(false);
      assertThat(graph.follows(user)).isEqualTo(follows);
      assertThat(graph.followees().contains(user)).isEqualTo(follows);
    }
    assertThat(graph.followees()).hasSameSizeAs(List.copyOf(graph.followees()));
    assertThat(Graph.ofEdges(graph.toEdges())).isEqualTo(graph);
  }

  private static Graph graph(List<Change> changes) {
    Graph graph = Graph.EMPTY;
    for (Change change : changes) graph = graph.merge(change.targets(), change.edge());
    return graph;
  }

  @Test
  void the_later_change_wins_and_of_two_at_one_time_that_of_the_higher_cell() {
    FollowEdge followed = new FollowEdge(true, 10, 1);
    assertThat(followed.merge(new FollowEdge(false, 11, 0)).active()).isFalse();
    assertThat(followed.merge(new FollowEdge(false, 10, 2)).active()).isFalse();
    assertThat(followed.merge(new FollowEdge(false, 10, 0)).active()).isTrue();
  }

  @Test
  void only_what_makes_a_difference_is_a_change_and_each_target_counts_once() {
    Graph graph = Graph.EMPTY.merge(List.of(ANN), new FollowEdge(true, 10, 1));
    assertThat(graph.changedBy(List.of(ANN, BEA, BEA), true)).containsExactly(BEA);
    assertThat(graph.changedBy(List.of(ANN, BEA), false)).containsExactly(ANN);
  }

  @Test
  void an_edge_that_ended_stays_so_that_an_older_follow_cannot_bring_it_back() {
    Graph graph =
        Graph.EMPTY
            .merge(List.of(ANN), new FollowEdge(false, 10, 1))
            .merge(List.of(ANN), new FollowEdge(true, 9, 1));
    assertThat(graph.follows(ANN)).isFalse();
    assertThat(graph.followees()).isEmpty();
  }
}
