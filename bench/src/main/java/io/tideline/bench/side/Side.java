package io.tideline.bench.side;

import io.tideline.bench.data.Page;
import io.tideline.protocols.v1.ReadFeedRequest;
import java.net.InetSocketAddress;
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

  /** How this side is asked for a page. */
  ReadFeedRequest request(Page page);

  /** Whether posts can be published to it. */
  boolean takesPosts();

  /** Whether posts are brought to those who follow; otherwise every read looks for them. */
  boolean delivers();

  /** How often its Cassandra was written to so far; empty where there is none. */
  OptionalLong cassandraWrites();

  /** Returns once all that was published before has reached those who follow. */
  void awaitDelivered();

  @Override
  void close();
}
