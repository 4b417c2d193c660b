package io.tideline.node.api;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Drainable;
import io.tideline.protocols.v1.Card;
import io.tideline.protocols.v1.Post;
import io.tideline.protocols.v1.ReadFeedResponse;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class EncodedAnswerTest {
  private final List<Card> cards =
      IntStream.of(0, 1, 200)
          .mapToObj(length -> Post.newBuilder().setText("a".repeat(length)))
          .map(post -> Card.newBuilder().setPost(post).build())
          .toList();
  private final ReadFeedResponse rest =
      ReadFeedResponse.newBuilder().setEndOfFeed(true).setNextCursor("c").setGap(7).build();
  private final ReadFeedResponse whole = rest.toBuilder().addAllCards(cards).build();

  @Test
  void elements_that_are_encoded_already_are_those_of_the_field() {
    List<byte[]> encoded = cards.stream().map(Card::toByteArray).toList();
    assertThat(
            EncodedAnswer.of(rest, ReadFeedResponse.CARDS_FIELD_NUMBER, encoded)
                .parse(ReadFeedResponse.parser()))
        .isEqualTo(whole);
    assertThat(
            EncodedAnswer.of(rest, ReadFeedResponse.CARDS_FIELD_NUMBER, List.of())
                .parse(ReadFeedResponse.parser()))
        .isEqualTo(rest);
  }

  @Test
  void a_stream_of_it_tells_its_length_and_writes_itself() throws IOException {
    InputStream stream = EncodedAnswer.MARSHALLER.stream(EncodedAnswer.of(whole));
    assertThat(stream.available()).isEqualTo(whole.getSerializedSize());
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    assertThat(((Drainable) stream).drainTo(out)).isEqualTo(whole.getSerializedSize());
    assertThat(out.toByteArray()).isEqualTo(whole.toByteArray());
    assertThat(stream.available()).isZero();
  }
}
