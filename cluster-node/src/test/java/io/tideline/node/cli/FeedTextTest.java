package io.tideline.node.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.protocols.v1.Card;
import io.tideline.protocols.v1.CellReach;
import io.tideline.protocols.v1.Post;
import io.tideline.protocols.v1.PostReference;
import org.junit.jupiter.api.Test;

class FeedTextTest {
  private static final Post POST =
      Post.newBuilder()
          .setPostId("01ARZ3NDEKTSV4RRFFQ69G5FAV")
          .setAuthorId("bob")
          .setText("High tide\nat noon")
          .addLinks("https://example.org/")
          .setCreatedAtMillis(1_441_519_380_000L)
          .build();

  @Test
  void a_card_says_who_when_what_and_where() {
    assertThat(FeedText.card(Card.newBuilder().setPost(POST).build()))
        .isEqualTo(
            """
            2015-09-06 06:03  bob  01ARZ3NDEKTSV4RRFFQ69G5FAV
                High tide
                at noon
                https://example.org/""");
  }

  @Test
  void an_answer_says_to_whom() {
    Post answer =
        POST.toBuilder().setReplyTo(PostReference.newBuilder().setAuthorId("ann")).build();
    assertThat(FeedText.card(Card.newBuilder().setPost(answer).build()))
        .startsWith("2015-09-06 06:03  bob answers ann  01ARZ");
  }

  @Test
  void how_far_another_cell_can_be_seen_is_one_line() {
    CellReach reach =
        CellReach.newBuilder()
            .setCell(2)
            .setVisibleToMillis(1_441_519_380_000L)
            .setReachable(true)
            .build();
    assertThat(FeedText.reach(reach)).isEqualTo("posts of cell 2: here up to 2015-09-06 06:03:00");
    assertThat(FeedText.reach(CellReach.newBuilder().setCell(3).build()))
        .isEqualTo("posts of cell 3: nothing known yet; it cannot be reached");
  }

  @Test
  void a_post_cannot_rewrite_the_terminal() {
    assertThat(FeedText.printable("a\033[2Jb\u009bc\nd")).isEqualTo("a[2Jbc\nd");
  }

  @Test
  void a_line_is_cut_to_the_width_of_the_terminal() {
    assertThat(FeedText.line(POST, 30)).hasSize(30).endsWith("…");
  }
}
