package io.tideline.client;

import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.protocols.v1.PostContent;
import io.tideline.protocols.v1.PublishRequest;
import io.tideline.protocols.v1.ReadFeedRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** What the README shows of this module compiles and runs. */
class ReadmeTest {
  @Test
  void the_example_is_the_one_that_runs_here() throws IOException {
    String readme = Files.readString(Path.of("../README.md"));
    int start = readme.indexOf("```java\n") + "```java\n".length();
    String example = readme.substring(start, readme.indexOf("```", start));
    String here = Files.readString(Path.of("src/test/java/io/tideline/client/ReadmeTest.java"));

    assertThat(here.replaceAll("(?m)^ {4}", "").replace("node.address(0)", "\"127.0.0.1:8600\""))
        .contains(example);
  }

  @Test
  void the_example_publishes_and_reads() {
    try (StubCell node = new StubCell("here", 1)) {
      run(node);
      assertThat(node.asked())
          .extracting(asked -> asked.request().getDescriptorForType().getName())
          .containsExactly("PublishRequest", "ReadFeedRequest");
    }
  }

  private static void run(StubCell node) {
    try (TidelineClient tideline = TidelineClient.builder().cell(node.address(0)).build()) {
      PublishRequest post =
          PublishRequest.newBuilder()
              .setAuthorId("ann")
              .setIdempotencyKey("1")
              .setContent(PostContent.newBuilder().setText("hello"))
              .build();
      ReadFeedRequest feed = ReadFeedRequest.newBuilder().setUserId("bob").build();
      tideline
          .publish(post)
          .thenCompose(published -> tideline.readFeed(feed))
          .thenAccept(page -> page.getCardsList().forEach(System.out::println))
          .join();
    }
  }
}
