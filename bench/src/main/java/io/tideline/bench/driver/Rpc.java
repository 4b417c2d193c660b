package io.tideline.bench.driver;

import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** The calls that are measured, and what a right answer to each is. */
public enum Rpc {
  /** A whole page, newest first. */
  READ_FEED("/tideline.v1.FeedService/ReadFeed") {
    @Override
    @Nullable String problemOf(byte[] bytes, int from, int to) {
      return PageCheck.problemOf(bytes, from, to, PAGE_SIZE);
    }
  },
  /** The id of the post. */
  PUBLISH("/tideline.v1.PostService/Publish") {
    @Override
    @Nullable String problemOf(byte[] bytes, int from, int to) {
      return to > from ? null : "an answer to Publish without a post id";
    }
  };

  /** How many cards each page must have. */
  public static final int PAGE_SIZE = 20;

  private final String path;

  Rpc(String path) {
    this.path = path;
  }

  byte[] path() {
    return path.getBytes(StandardCharsets.US_ASCII);
  }

  /** What is wrong with an answer; null when nothing is. */
  abstract @Nullable String problemOf(byte[] bytes, int from, int to);
}
