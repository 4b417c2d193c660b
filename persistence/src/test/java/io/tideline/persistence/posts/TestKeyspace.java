package io.tideline.persistence.posts;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.CqlSessionBuilder;
import com.datastax.oss.driver.api.core.config.DefaultDriverOption;
import com.datastax.oss.driver.api.core.config.DriverConfigLoader;
import com.datastax.oss.driver.api.core.tracker.RequestTracker;
import com.datastax.oss.driver.internal.core.session.throttling.ConcurrencyLimitingRequestThrottler;
import io.tideline.localstack.LocalCassandra;
import io.tideline.localstack.LocalStack;
import io.tideline.persistence.outbox.Outbox;
import java.time.Duration;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** A keyspace of its own on the shared Cassandra, with all tables, for one test class. */
public record TestKeyspace(CqlSession session, String name) {
  private static final AtomicInteger OPENED = new AtomicInteger();
  private static final CqlSession SESSION = connect();

  /** As a node does, the session learns of tables once all are there. */
  public static synchronized TestKeyspace open() {
    String name = "store_" + ProcessHandle.current().pid() + "_" + OPENED.incrementAndGet();
    String replication =
        "{'class': 'NetworkTopologyStrategy', '" + LocalCassandra.DATA_CENTER + "': 1}";
    await(SESSION.setSchemaMetadataEnabled(false));
    await(PostStore.createSchema(SESSION, name, replication));
    await(Outbox.createSchema(SESSION, name));
    await(SESSION.setSchemaMetadataEnabled(true));
    return new TestKeyspace(SESSION, name);
  }

  static CqlSession connect(RequestTracker... trackers) {
    CqlSessionBuilder session =
        CqlSession.builder()
            .addContactPoint(LocalStack.shared().cassandra().address())
            .withLocalDatacenter(LocalCassandra.DATA_CENTER)
            .withConfigLoader(
                DriverConfigLoader.programmaticBuilder()
                    .withDuration(DefaultDriverOption.REQUEST_TIMEOUT, Duration.ofSeconds(20))
                    .withClass(
                        DefaultDriverOption.REQUEST_THROTTLER_CLASS,
                        ConcurrencyLimitingRequestThrottler.class)
                    .withInt(DefaultDriverOption.REQUEST_THROTTLER_MAX_CONCURRENT_REQUESTS, 512)
                    .withInt(DefaultDriverOption.REQUEST_THROTTLER_MAX_QUEUE_SIZE, 10_000)
                    .build());
    for (RequestTracker tracker : trackers) {
      session.addRequestTracker(tracker);
    }
    return session.build();
  }

  public static <T> T await(CompletionStage<T> stage) {
    return stage.toCompletableFuture().orTimeout(60, TimeUnit.SECONDS).join();
  }
}
