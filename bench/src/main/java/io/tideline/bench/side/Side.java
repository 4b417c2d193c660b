package io.tideline.bench.side;

import io.tideline.bench.data.Page;
import io.tideline.bench.driver.Rpc;
import io.tideline.protocols.v1.ReadFeedRequest;
import java.net.InetSocketAddress;
import java.util.Collection;
import java.util.List;
import java.util.OptionalLong;

/** Something that answers reads, and runs until it is closed. */
public interface Side extends AutoCloseable {
  String name();

  /** What it is made of, with versions, for the report. */
  String describe();

  /** Where it answers. */
  InetSocketAddress address();

  /** All processes that work for it. */
  List<Long> processes();

  /** Where a page begins, in this side's own way; empty at the newest entry. */
  String cursor(Page page);

  /** How this side is asked for a page. */
  default ReadFeedRequest request(Page page) {
    return request(page, cursor(page));
  }

  static ReadFeedRequest request(Page page, String cursor) {
    return ReadFeedRequest.newBuilder()
        .setUserId(page.reader())
        .setPageSize(Rpc.PAGE_SIZE)
        .setCursor(cursor)
        .build();
  }

  /** Whether posts can be published to it. */
  default boolean takesPosts() {
    return true;
  }

  /** Whether posts are brought to those who follow; otherwise every read looks for them. */
  default boolean delivers() {
    return true;
  }

  /** How often its Cassandra was written to so far; empty where there is none. */
  default OptionalLong cassandraWrites() {
    return OptionalLong.empty();
  }

  /**
   * Lets all timelines sleep but those of these readers, where timelines can sleep.
   *
   * @return whether they can: then it has been started anew
   */
  default boolean keepAwake(Collection<String> readers) {
    return false;
  }

  /**
   * Returns once all that was published before has reached those who follow and whose timelines do
   * not sleep: at once where a post is answered only when it has.
   */
  default void awaitDelivered() {}

  @Override
  void close();
}
