package io.tideline.persistence.user;

import static io.tideline.persistence.posts.TestKeyspace.await;
import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.tideline.localstack.LocalCassandra;
import io.tideline.localstack.LocalStack;
import io.tideline.persistence.posts.TestKeyspace;
import java.util.Collections;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
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
import org.apache.pekko.persistence.typed.javadsl.CommandHandler;
import org.apache.pekko.persistence.typed.javadsl.EventHandler;
import org.apache.pekko.persistence.typed.javadsl.EventSourcedBehavior;
import scala.jdk.javaapi.FutureConverters;

/** Events in partitions of a hundred. */
class UserJournalIT {
  private static final AtomicInteger USERS = new AtomicInteger();
  private static final ActorTestKit SYSTEM = start();

  private static ActorTestKit start() {
    TestKeyspace keyspace = TestKeyspace.open();
    await(JournalTables.create(keyspace.session(), keyspace.name()));
    return ActorTestKit.create(config(keyspace.name()));
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

  private static final class Counting extends EventSourcedBehavior<Persist, String, Integer> {
    private final ActorContext<Persist> context;

    Counting(ActorContext<Persist> context, String id) {
      super(PersistenceId.ofUniqueId(id));
      this.context = context;
    }

    static Behavior<Persist> of(String id) {
      return Behaviors.setup(context -> new Counting(context, id));
    }

    @Override
    public Integer emptyState() {
      return 0;
    }

    @Override
    public CommandHandler<Persist, String, Integer> commandHandler() {
      return newCommandHandlerBuilder()
          .forAnyState()
          .onCommand(
              Persist.class,
              wanted ->
                  Effect()
                      .persist(Collections.nCopies(wanted.events(), "event"))
                      .thenRun(state -> wanted.replyTo().tell(lastSequenceNumber(context))))
          .build();
    }

    @Override
    public EventHandler<Integer, String> eventHandler() {
      return (count, event) -> count + 1;
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
        var dryRun = ConfigFactory.parseString("dry-run = off");
        var cleanup =
            SYSTEM.system().settings().config().getConfig("pekko.persistence.cassandra.cleanup");
        var tool = new Cleanup(SYSTEM.system(), new CleanupSettings(dryRun.withFallback(cleanup)));
        await(FutureConverters.asJava(tool.deleteEventsTo(id, events - random.nextInt(3))));
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

  private static long persist(ActorRef<Persist> user, int events) {
    TestProbe<Long> probe = SYSTEM.createTestProbe();
    user.tell(new Persist(events, probe.ref()));
    return probe.receiveMessage();
  }
}
