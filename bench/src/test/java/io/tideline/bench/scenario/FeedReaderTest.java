package io.tideline.bench.scenario;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import io.tideline.bench.side.MemorySide;
import io.tideline.protocols.v1.PublishRequest;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class FeedReaderTest {
  private static final Duration PATIENCE = Duration.ofMillis(300);

  @Test
  void who_never_gets_a_post_is_told_instead_of_being_waited_for() {
    try (var side = new MemorySide("memory", Map.of("ben", List.of("ann")));
        var feeds = new FeedReader(side.address())) {
      String id = feeds.publish(PublishRequest.newBuilder().setAuthorId("ben").build()).getPostId();

      assertTimeoutPreemptively(
          Duration.ofSeconds(10),
          () ->
              assertThat(feeds.awaitFirst(List.of("ann", "nobody"), id, PATIENCE))
                  .containsExactly("nobody"));
    }
  }
}
