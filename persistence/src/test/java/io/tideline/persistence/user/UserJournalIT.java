package io.tideline.persistence.user;

import static io.tideline.persistence.posts.TestKeyspace.await;
import static org.assertj.core.api.Assertions.assertThat;

import com.datastax.oss.driver.api.core.cql.Row;
import com.datastax.oss.driver.api.core.cql.SimpleStatement;
import com.datastax.oss.driver.api.core.uuid.Uuids;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.tideline.localstack.LocalCassandra;
import io.tideline.localstack.LocalStack;
import io.tideline.persistence.posts.TestKeyspace;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.lifecycle.AfterContainer;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.persistence.cassandra.cleanup.Cleanup;
import org.apache.pekko.persistence.cassandra.cleanup.CleanupSettings;
import org.apache.pekko.persistence.typed.PersistenceId;
import org.apache.pekko.persistence.typed.RecoveryCompleted;
import org.apache.pekko.persistence.typed.javadsl.CommandHandler;
import org.apache.pekko.persistence.typed.javadsl.EventHandler;
import org.apache.pekko.persistence.typed.javadsl.EventSourcedBehavior;
import org.apache.pekko.persistence.typed.javadsl.SignalHandler;
import scala.jdk.javaapi.FutureConverters;

/** Events in partitions of a hundred. */
class UserJournalIT {
  private static final AtomicInteger USERS = new AtomicInteger();
  private static final TestKeyspace KEYSPACE = TestKeyspace.open();
  private static final ActorTestKit SYSTEM = start();

  private static ActorTestKit start() {
    await(JournalTables.create(KEYSPACE.session(), KEYSPACE.name()));
    return ActorTestKit.create(config(KEYSPACE.name()));
  }

  @AfterContainer
  static void stop() {
    SYSTEM.shutdownTestKit();
  }

  private static Config config(String keyspace) {
    var cassandra = LocalStack.shared().cassandra().address();
    return ConfigFactory.parseString(
            """
            pekko.persistence {
              journal.plugin = "pekko.persistence.cassandra.journal"
              snapshot-store.plugin = "pekko.persistence.cassandra.snapshot"
              cassandra.journal {
                class = "%s"
                keyspace = %s
                target-partition-size = 100
                support-all-persistence-ids = off
              }
              cassandra.events-by-tag.enabled = false
              cassandra.snapshot.keyspace = %s
            }
            datastax-java-driver.basic {
              contact-points = ["%s:%d"]
              load-balancing-policy.local-datacenter = %s
              request.timeout = 20 s
            }
            """
                .formatted(
                    UserJournal.class.getName(),
                    keyspace,
                    keyspace,
                    cassandra.getHostString(),
                    cassandra.getPort(),
                    LocalCassandra.DATA_CENTER))
        .withFallback(ConfigFactory.load());
  }

  /** Persists so many events together, and tells how many there have ever been. */
  private record Persist(int events, ActorRef<Long> replyTo) {}

  private static final class Counting extends EventSourcedBehavior<Persist, String, String> {
    private final ActorContext<Persist> context;
    private final ActorRef<String> recovered;

    Counting(ActorContext<Persist> context, String id, ActorRef<String> recovered) {
      super(PersistenceId.ofUniqueId(id));
      this.context = context;
      this.recovered = recovered;
    }

    static Behavior<Persist> of(String id) {
      return of(id, SYSTEM.<String>createTestProbe().ref());
    }

    static Behavior<Persist> of(String id, ActorRef<String> recovered) {
      return Behaviors.setup(context -> new Counting(context, id, recovered));
    }

    @Override
    public String emptyState() {
      return "";
    }

    @Override
    public SignalHandler<String> signalHandler() {
      return newSignalHandlerBuilder()
          .onSignal(RecoveryCompleted.instance(), recovered::tell)
          .build();
    }

    @Override
    public CommandHandler<Persist, String, String> commandHandler() {
      return newCommandHandlerBuilder()
          .forAnyState()
          .onCommand(
              Persist.class,
              wanted ->
                  Effect()
                      .persist(Collections.nCopies(wanted.events(), "e"))
                      .thenRun(state -> wanted.replyTo().tell(lastSequenceNumber(context))))
          .build();
    }

    @Override
    public EventHandler<String, String> eventHandler() {
      return (last, event) -> event;
    }
  }

  @Property(tries = 5)
  void the_number_of_the_last_event_is_found_wherever_it_is(@ForAll Random random) {
    String id = "user-" + USERS.incrementAndGet();
    long events = 0;
    long perhaps = 0;
    while (events < 350) {
      int more = 1 + random.nextInt(random.nextInt(4) == 0 ? 9 : 2);
      // Some stay awake for a while.
      int times = 1 + random.nextInt(40);
      ActorRef<Persist> user = SYSTEM.spawn(Counting.of(id));
      long first = persist(user, more);
      assertThat(first).isIn(events + more, events + perhaps + more);
      events = first;
      perhaps = 0;
      for (int i = 1; i < times; i++) {
        assertThat(persist(user, more)).isEqualTo(events += more);
      }
      if (random.nextInt(10) == 0) {
        SYSTEM.stop(user);
        await(FutureConverters.asJava(cleanup().deleteEventsTo(id, events - random.nextInt(3))));
      } else if (random.nextBoolean()) {
        SYSTEM.stop(user);
      } else {
        // Its last write may be under way when its successor asks.
        user.tell(new Persist(3, SYSTEM.<Long>createTestProbe().ref()));
        perhaps = 3;
        SYSTEM.stop(user);
      }
    }
  }

  private static Cleanup cleanup() {
    var dryRun = ConfigFactory.parseString("dry-run = off");
    var settings =
        SYSTEM.system().settings().config().getConfig("pekko.persistence.cassandra.cleanup");
    return new Cleanup(SYSTEM.system(), new CleanupSettings(dryRun.withFallback(settings)));
  }

  @Example
  void of_two_last_events_with_one_number_the_newer_counts() {
    String id = "user-" + USERS.incrementAndGet();
    ActorRef<Persist> user = SYSTEM.spawn(Counting.of(id));
    persist(user, 1);
    SYSTEM.stop(user);
    user = SYSTEM.spawn(Counting.of(id));
    persist(user, 1);
    SYSTEM.stop(user);
    writeByEarlierLife(id, "x");
    TestProbe<String> recovered = SYSTEM.createTestProbe();
    user = SYSTEM.spawn(Counting.of(id, recovered.ref()));
    assertThat(recovered.receiveMessage()).isEqualTo("e");
    assertThat(persist(user, 1)).isEqualTo(3);
    assertThat(eventsOf(id, 1, 2)).containsExactly("e", "e");
    assertThat(eventsOf(id, 1, 1)).containsExactly("e");
  }

  private static List<Object> eventsOf(String id, long from, long to) {
    return await(
        UserJournal.events(
            SYSTEM.system(), PersistenceId.ofUniqueId(id), from, to, Function.identity()));
  }

  /** What the writer of the first event has written as the second one, just before another did. */
  private static void writeByEarlierLife(String id, String event) {
    List<Row> rows = rowsOf(id);
    assertThat(rows).hasSize(2);
    Row row = rows.get(1);
    List<String> columns = new ArrayList<>();
    row.getColumnDefinitions().forEach(column -> columns.add(column.getName().asInternal()));
    Object[] values =
        columns.stream()
            .map(
                column ->
                    switch (column) {
                      case "timestamp" ->
                          Uuids.startOf(Uuids.unixTimestamp(row.getUuid(column)) - 1);
                      case "writer_uuid" -> rows.get(0).getString(column);
                      case "event" -> ByteBuffer.wrap(event.getBytes(StandardCharsets.UTF_8));
                      default -> row.getObject(column);
                    })
            .toArray();
    String marks = String.join(", ", Collections.nCopies(values.length, "?"));
    KEYSPACE
        .session()
        .execute(
            SimpleStatement.newInstance(
                "INSERT INTO %s.messages (%s) VALUES (%s)"
                    .formatted(KEYSPACE.name(), String.join(", ", columns), marks),
                values));
  }

  @Example
  void rows_that_only_count_as_deleted_are_deleted() {
    String id = "user-" + USERS.incrementAndGet();
    ActorRef<Persist> user = SYSTEM.spawn(Counting.of(id));
    for (int i = 0; i < 5; i++) persist(user, 50);
    SYSTEM.stop(user);
    KEYSPACE
        .session()
        .execute(
            "INSERT INTO %s.metadata (persistence_id, deleted_to) VALUES ('%s', 249)"
                .formatted(KEYSPACE.name(), id));
    await(FutureConverters.asJava(cleanup().deleteEventsTo(id, 249)));
    assertThat(rowsOf(id)).as("of the first two partitions").hasSizeGreaterThan(200);
    await(UserJournal.deleteRows(SYSTEM.system(), PersistenceId.ofUniqueId(id), 249));
    assertThat(rowsOf(id)).hasSize(1);
    assertThat(persist(SYSTEM.spawn(Counting.of(id)), 1)).isEqualTo(251);
  }

  private static List<Row> rowsOf(String id) {
    return KEYSPACE
        .session()
        .execute(
            "SELECT * FROM %s.messages WHERE persistence_id = '%s' AND partition_nr IN (0, 1, 2)"
                .formatted(KEYSPACE.name(), id))
        .all();
  }

  private static long persist(ActorRef<Persist> user, int events) {
    TestProbe<Long> probe = SYSTEM.createTestProbe();
    user.tell(new Persist(events, probe.ref()));
    return probe.receiveMessage();
  }
}
