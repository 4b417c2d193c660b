package io.tideline.node.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.protocols.UserId;
import org.junit.jupiter.api.Test;

class ExampleGraphTest {
  private final ExampleGraph graph = ExampleGraph.create();

  @Test
  void it_is_the_same_every_time() {
    assertThat(ExampleGraph.create()).isEqualTo(graph);
  }

  @Test
  void it_is_as_large_as_the_demo_says() {
    assertThat(graph.people()).hasSize(30).doesNotHaveDuplicates();
    assertThat(graph.followCount()).isBetween(130, 170);
    assertThat(graph.posts()).hasSize(200).doesNotHaveDuplicates();
    graph.people().forEach(person -> assertThat(new UserId(person)).isNotNull());
  }

  @Test
  void a_feed_holds_own_posts_and_those_of_followees_newest_first() {
    String reader = graph.people().get(0);
    assertThat(graph.feedOf(reader)).isSortedAccordingTo((a, b) -> b.compareTo(a));
    assertThat(graph.feedOf(reader))
        .containsExactlyInAnyOrderElementsOf(
            graph.posts().stream()
                .filter(post -> graph.readersOf(post.author()).contains(reader))
                .map(post -> post.id().toString())
                .toList());
  }
}
