package io.tideline.multidc.backfill;

import com.datastax.oss.driver.api.core.CqlSession;
import com.google.protobuf.InvalidProtocolBufferException;
import io.tideline.multidc.log.LogSettings;
import io.tideline.multidc.log.LogTopics;
import io.tideline.multidc.log.LogWriter;
import io.tideline.multidc.log.OtherCell;
import io.tideline.multidc.mirror.Missing;
import io.tideline.persistence.posts.PostStore;
import io.tideline.persistence.user.Payload;
import io.tideline.persistence.user.UserStates;
import io.tideline.protocols.CborSerializable;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.log.v1.BackfillNote;
import io.tideline.protocols.log.v1.IntentLine;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.SupervisorStrategy;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.pubsub.Topic;
import org.apache.pekko.cluster.typed.ClusterSingleton;
import org.apache.pekko.cluster.typed.SingletonActor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What this cell lacks of others, and what it says again for others; one node of the cell does it,
 * and tells the others how it goes.
 */
public final class Backfills {
  private static final Logger log = LoggerFactory.getLogger(Backfills.class);
  static final String TOPIC = "tideline-backfills";
  private static final String STATE_TOPIC = "tideline-backfills-state";
  private static final Duration LOOK_EVERY = Duration.ofSeconds(3);
  // While nobody says how it goes, be it that the node that does it has an older version, whoever
  // notices first looks for itself and for the others.
  private static final Duration SILENCE = Duration.ofSeconds(10);

  private final BackfillTables tables;
  private final Set<Integer> others;
  private final ActorRef<Topic.Command<State>> topic;
  private final LongAdder lines = new LongAdder();
  private volatile List<Wanted> wanted = List.of();
  private volatile List<Given> given = List.of();
  private volatile long heardNanos = System.nanoTime() - SILENCE.toNanos();

  /** What a cell has said, from the node that has read it. */
  record Heard(int cell, Payload note) implements CborSerializable, BackfillKeeper.Message {
    BackfillNote parsed() {
      try {
        return BackfillNote.parseFrom(note.bytes());
      } catch (InvalidProtocolBufferException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  /** What the tables say, from the node that has read them. */
  record State(List<Wanted> wanted, List<Given> given)
      implements CborSerializable, BackfillKeeper.Message {}

  /** What a node gives for it. */
  public record Surroundings(
      LogSettings logs,
      BackfillSettings settings,
      CqlSession session,
      String keyspace,
      int cell,
      LogTopics topics,
      List<OtherCell> others,
      PostStore posts,
      UserStates users,
      LogWriter writer,
      HybridClock clock,
      BooleanSupplier mayAct) {
    /** Of the other cells; what the tables say of any that was retired counts no more. */
    Set<Integer> numbers() {
      return others.stream().map(OtherCell::number).collect(Collectors.toUnmodifiableSet());
    }
  }

  private Backfills(ActorSystem<?> system, BackfillTables tables, Surroundings around) {
    this.tables = tables;
    this.others = around.numbers();
    this.topic =
        system.systemActorOf(
            Topic.create(State.class, STATE_TOPIC), STATE_TOPIC + "-topic", Props.empty());
  }

  /** Creates the tables where they are missing; the keyspace must be there. */
  public static CompletionStage<Void> createSchema(CqlSession session, String keyspace) {
    return BackfillTables.create(session, keyspace);
  }

  /** Does nothing where there are no other cells. */
  public static Backfills start(ActorSystem<?> system, Surroundings around) {
    BackfillTables tables = new BackfillTables(around.session(), around.keyspace());
    Backfills backfills = new Backfills(system, tables, around);
    if (around.others().isEmpty()) {
      return backfills;
    }
    SayAgain sayAgain =
        new SayAgain(
            system,
            around.cell(),
            around.topics(),
            around.writer(),
            around.posts(),
            around.users(),
            backfills.lines);
    ClusterSingleton.get(system)
        .init(
            SingletonActor.of(
                Behaviors.supervise(
                        BackfillKeeper.create(around, tables, sayAgain, backfills.topic))
                    .onFailure(SupervisorStrategy.restart()),
                TOPIC));
    backfills.topic.tell(
        Topic.subscribe(system.systemActorOf(backfills.listening(), STATE_TOPIC, Props.empty())));
    system
        .scheduler()
        .scheduleWithFixedDelay(
            Duration.ZERO, LOOK_EVERY, backfills::lookInSilence, system.executionContext());
    return backfills;
  }

  /** Who passes on what has been read on logs of other cells. */
  public ActorRef<IntentLine> listener(ActorSystem<?> system) {
    return system.systemActorOf(
        Behaviors.setup(
            context -> {
              ActorRef<Topic.Command<Heard>> topic =
                  context.spawn(Topic.create(Heard.class, TOPIC), "topic");
              return Behaviors.receiveMessage(
                  line -> {
                    topic.tell(
                        Topic.publish(
                            new Heard(
                                line.getOriginCell(),
                                new Payload(line.getBackfill().toByteArray()))));
                    return Behaviors.same();
                  });
            }),
        TOPIC,
        Props.empty());
  }

  private Behavior<State> listening() {
    return Behaviors.receiveMessage(
        state -> {
          note(state);
          return Behaviors.same();
        });
  }

  private void lookInSilence() {
    if (System.nanoTime() - heardNanos >= SILENCE.toNanos()) {
      look();
    }
  }

  private void look() {
    tables
        .state()
        .whenComplete(
            (state, failure) -> {
              if (failure != null) {
                log.debug("How back-fills go is unknown for now", failure);
              } else {
                note(state);
                topic.tell(Topic.publish(state));
              }
            });
  }

  private void note(State state) {
    heardNanos = System.nanoTime();
    wanted = state.wanted().stream().filter(row -> others.contains(row.source())).toList();
    given = state.given().stream().filter(row -> others.contains(row.cell())).toList();
  }

  /** What was lacking and is, as of a few seconds ago. */
  public List<Wanted> wanted() {
    return wanted;
  }

  /** What has been and is said again for others, as of a few seconds ago. */
  public List<Given> given() {
    return given;
  }

  /** Whether something of that cell is not here. */
  public boolean lacks(OtherCell source) {
    return wanted.stream().anyMatch(each -> each.source() == source.number() && each.open());
  }

  /** How many lines this node has said again. */
  public long lines() {
    return lines.sum();
  }

  /** Has all that a cell knows said again; done when that will happen, whatever stops. */
  public CompletionStage<Void> ask(OtherCell source, String reason) {
    return tables
        .wanted()
        .thenCompose(
            rows -> {
              long last = of(source, rows).map(Wanted::request).orElse(0L);
              long now = System.currentTimeMillis();
              return tables.want(
                  new Wanted(source.number(), Math.max(now, last + 1), reason, now, 0, 0, 0));
            })
        .thenRun(this::look);
  }

  /** Who asks on behalf of what copies that cell's logs. */
  public Missing missing(OtherCell source) {
    return new Missing() {
      @Override
      public CompletionStage<Boolean> all() {
        return tables
            .wanted()
            .thenCompose(
                rows -> {
                  Optional<Wanted> known = of(source, rows);
                  return known.isPresent()
                      ? CompletableFuture.completedStage(known.get().open())
                      : ask(source, "nothing was ever copied").thenApply(asked -> true);
                });
      }

      @Override
      public CompletionStage<Void> some(String what) {
        return ask(source, what);
      }
    };
  }

  private static Optional<Wanted> of(OtherCell source, List<Wanted> rows) {
    return rows.stream().filter(each -> each.source() == source.number()).findFirst();
  }
}
