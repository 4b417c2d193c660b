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
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.FollowsChanged;
import io.tideline.protocols.log.v1.IntentLine;
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
import org.apache.pekko.serialization.SerializationExtension;
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

  private static final class Counting extends EventSourcedBehavior<Persist, Object, Object> {
    private final ActorContext<Persist> context;
    private final Object event;
    private final ActorRef<Object> recovered;

    Counting(
        ActorContext<Persist> context, PersistenceId id, Object event, ActorRef<Object> recovered) {
      super(id);
      this.context = context;
      this.event = event;
      this.recovered = recovered;
    }

    static Behavior<Persist> of(String id) {
      return of(PersistenceId.ofUniqueId(id), "e", SYSTEM.createTestProbe().ref());
    }

    static Behavior<Persist> of(PersistenceId id, Object event, ActorRef<Object> recovered) {
      return Behaviors.setup(context -> new Counting(context, id, event, recovered));
    }

    @Override
    public Object emptyState() {
      return "";
    }

    @Override
    public SignalHandler<Object> signalHandler() {
      return newSignalHandlerBuilder()
          .onSignal(RecoveryCompleted.instance(), recovered::tell)
          .build();
    }

    @Override
    public CommandHandler<Persist, Object, Object> commandHandler() {
      return newCommandHandlerBuilder()
          .forAnyState()
          .onCommand(
              Persist.class,
              wanted ->
                  Effect()
                      .persist(Collections.nCopies(wanted.events(), event))
                      .thenRun(state -> wanted.replyTo().tell(lastSequenceNumber(context))))
          .build();
    }

    @Override
    public EventHandler<Object, Object> eventHandler() {
      return (last, next) -> next;
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
    writeByEarlierLife(id, "x".getBytes(StandardCharsets.UTF_8));
    TestProbe<Object> recovered = SYSTEM.createTestProbe();
    user = SYSTEM.spawn(Counting.of(PersistenceId.ofUniqueId(id), "e", recovered.ref()));
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
  private static void writeByEarlierLife(String id, byte[] event) {
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
                      case "writer_uuid", "ser_manifest" -> rows.get(0).getString(column);
                      case "event" -> ByteBuffer.wrap(event);
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
  void of_two_events_with_one_number_only_the_newer_is_among_what_a_user_has_decided() {
    UserStates states =
        new UserStates(SYSTEM.system(), KEYSPACE.session(), KEYSPACE.name(), 1, id -> false);
    UserEvent none = new UserEvent.PostDeleted(PostId.MIN, 2, new Payload(new byte[0]), 0);
    for (UserEvent newer : List.of(follow("bea", 2), none)) {
      UserId user = new UserId("user-" + USERS.incrementAndGet());
      PersistenceId id = UserEntity.persistenceId(user);
      for (UserEvent each : List.of(follow("ann", 1), newer)) {
        ActorRef<Persist> life =
            SYSTEM.spawn(Counting.of(id, each, SYSTEM.createTestProbe().ref()));
        persist(life, 1);
        SYSTEM.stop(life);
      }
      writeByEarlierLife(
          id.id(), SerializationExtension.get(SYSTEM.system()).serialize(follow("cat", 2)).get());
      assertThat(await(states.lines(user)))
          .flatExtracting(line -> line.getFollowsChanged().getTargetIdsList())
          .contains("ann")
          .doesNotContain("cat");
    }
  }

  private static UserEvent follow(String whom, long at) {
    IntentLine line =
        IntentLine.newBuilder()
            .setOriginCell(1)
            .setAt(at)
            .setFollowsChanged(FollowsChanged.newBuilder().addTargetIds(whom).setActive(true))
            .build();
    return new UserEvent.IntentAccepted(new Payload(line.toByteArray()), 0);
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
