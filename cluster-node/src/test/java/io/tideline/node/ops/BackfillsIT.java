package io.tideline.node.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.config.DefaultDriverOption;
import com.datastax.oss.driver.api.core.config.DriverConfigLoader;
import com.datastax.oss.driver.api.core.config.DriverExecutionProfile;
import com.datastax.oss.driver.api.core.cql.SimpleStatement;
import com.datastax.oss.driver.api.core.metadata.Node;
import com.datastax.oss.driver.api.core.session.Request;
import com.datastax.oss.driver.api.core.tracker.RequestTracker;
import io.tideline.localstack.LocalCassandra;
import io.tideline.localstack.LocalStack;
import io.tideline.multidc.backfill.BackfillSettings;
import io.tideline.multidc.backfill.Backfills;
import io.tideline.multidc.log.LogSettings;
import io.tideline.multidc.log.LogTopics;
import io.tideline.multidc.log.OtherCell;
import io.tideline.protocols.HybridClock;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Leave;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** How the nodes of a cell know what it lacks of others. */
@Timeout(120)
class BackfillsIT {
  private static final OtherCell WEST = new OtherCell("west", 2, "not asked", Map.of());
  private static final String KEYSPACE = "backfills_" + ProcessHandle.current().pid();
  private static final AtomicInteger TESTS = new AtomicInteger();

  private final AtomicInteger queries = new AtomicInteger();
  private final String keyspace = KEYSPACE + "_" + TESTS.incrementAndGet();
  private final CqlSession session = connect();

  @BeforeEach
  void start() throws Exception {
    session.execute(
        "CREATE KEYSPACE %s WITH replication = {'class': 'NetworkTopologyStrategy', '%s': 1}"
            .formatted(keyspace, LocalCassandra.DATA_CENTER));
    Backfills.createSchema(session, keyspace).toCompletableFuture().get(60, TimeUnit.SECONDS);
  }

  @AfterEach
  void stop() {
    session.execute("DROP KEYSPACE " + keyspace);
    session.close();
  }

  @Test
  void one_node_looks_and_all_know() throws Exception {
    try (TestCell cell = TestCell.ofNodes(2, "")) {
      List<Backfills> nodes = IntStream.range(0, 2).mapToObj(i -> onNode(cell.node(i))).toList();
      ask(nodes.get(1));
      await()
          .atMost(Duration.ofSeconds(5))
          .until(() -> nodes.stream().allMatch(each -> each.lacks(WEST)));
      done();
      await()
          .atMost(Duration.ofSeconds(5))
          .until(() -> nodes.stream().noneMatch(each -> each.lacks(WEST)));

      int before = queries.get();
      TimeUnit.SECONDS.sleep(4);
      assertThat(queries.get() - before).as("queries in four seconds").isBetween(2, 4);
    }
  }

  /** Takes half a minute, so it is asked for. */
  @Test
  @EnabledIfSystemProperty(named = "tideline.test.cells", matches = "true")
  void nodes_know_without_one_that_says_so_and_with_the_next_one() throws Exception {
    try (TestCell cell = TestCell.ofNodes(3, "")) {
      // As in an upgrade: the oldest node does not say how it goes.
      List<Backfills> newer = IntStream.range(1, 3).mapToObj(i -> onNode(cell.node(i))).toList();
      TimeUnit.SECONDS.sleep(1);
      int before = queries.get();
      session.execute(
          "INSERT INTO %s.backfills_wanted (source, request, reason, since, done_at)"
                  .formatted(keyspace)
              + " VALUES (2, 1, 'of an older node', 1, 0)");
      await()
          .atMost(Duration.ofSeconds(15))
          .until(() -> newer.stream().allMatch(each -> each.lacks(WEST)));
      // Mostly one of the two looks; both, when they notice at the same moment.
      assertThat(queries.get() - before).as("queries of the nodes").isBetween(2, 4);

      Backfills oldest = onNode(cell.node(0));
      await().atMost(Duration.ofSeconds(5)).until(() -> oldest.lacks(WEST));
      ask(oldest);
      Cluster leaving = Cluster.get(cell.node(0));
      leaving.manager().tell(Leave.create(leaving.selfMember().address()));
      await().atMost(Duration.ofSeconds(30)).until(leaving::isTerminated);
      done();
      await()
          .atMost(Duration.ofSeconds(15))
          .until(() -> newer.stream().noneMatch(each -> each.lacks(WEST)));
    }
  }

  private static void ask(Backfills node) throws Exception {
    node.ask(WEST, "a test").toCompletableFuture().get(10, TimeUnit.SECONDS);
  }

  private void done() {
    session.execute(
        SimpleStatement.newInstance(
            "UPDATE %s.backfills_wanted SET done_at = 1 WHERE source = 2 IF EXISTS"
                .formatted(keyspace)));
  }

  /** Nothing is said for other cells here, so what says it is not there. */
  @SuppressWarnings("NullAway")
  private Backfills onNode(ActorSystem<?> system) {
    LogSettings logs = LogSettings.from(system.settings().config());
    return Backfills.start(
        system,
        new Backfills.Surroundings(
            logs,
            new BackfillSettings(1),
            session,
            keyspace,
            1,
            new LogTopics(logs, "east"),
            List.of(WEST),
            null,
            null,
            null,
            new HybridClock(InstantSource.system()),
            () -> false));
  }

  private CqlSession connect() {
    return CqlSession.builder()
        .addContactPoint(LocalStack.shared().cassandra().address())
        .withLocalDatacenter(LocalCassandra.DATA_CENTER)
        .withConfigLoader(
            DriverConfigLoader.programmaticBuilder()
                .withDuration(DefaultDriverOption.REQUEST_TIMEOUT, Duration.ofSeconds(20))
                .withBoolean(DefaultDriverOption.METADATA_SCHEMA_ENABLED, false)
                .build())
        .addRequestTracker(new Counter(queries))
        .build();
  }

  /** Counts what reads the tables. */
  private record Counter(AtomicInteger queries) implements RequestTracker {
    @Override
    public void onSuccess(
        Request request, long nanos, DriverExecutionProfile profile, Node node, String prefix) {
      if (request instanceof SimpleStatement query && query.getQuery().startsWith("SELECT ")) {
        queries.incrementAndGet();
      }
    }

    @Override
    public void close() {}
  }
}
