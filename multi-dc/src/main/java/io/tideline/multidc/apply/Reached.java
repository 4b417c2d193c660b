package io.tideline.multidc.apply;

import io.tideline.multidc.log.OtherCell;
import io.tideline.protocols.CborSerializable;
import io.tideline.protocols.Positions;
import io.tideline.protocols.log.v1.IntentLine;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.pubsub.Topic;

/**
 * How far other cells have applied this cell's logs, as they say on theirs. One node reads such a
 * line and tells all others of the cell.
 */
public final class Reached {
  private static final String TOPIC = "tideline-reached";
  private static final Duration LATELY = Duration.ofSeconds(30);

  /**
   * What a cell has said.
   *
   * @param form of log lines that all of its nodes read; 0 = it has said nothing of that
   */
  record Statement(int cell, Positions applied, int form) implements CborSerializable {}

  private record Heard(Positions applied, int form, long atNanos) {
    Heard and(Heard later) {
      return new Heard(applied.merge(later.applied), later.form, later.atNanos);
    }
  }

  private final Map<Integer, Heard> byCell = new ConcurrentHashMap<>();
  private final ActorRef<Object> listener;
  private volatile Consumer<IntentLine> backfills = line -> {};

  private Reached(ActorSystem<?> system, List<OtherCell> cells) {
    // Until it has had the time to say something, a cell counts as one that can be reached.
    long now = System.nanoTime();
    cells.forEach(cell -> byCell.put(cell.number(), new Heard(Positions.EMPTY, 0, now)));
    listener = system.systemActorOf(listen(), TOPIC, Props.empty());
  }

  public static Reached start(ActorSystem<?> system, List<OtherCell> cells) {
    return new Reached(system, cells);
  }

  private Behavior<Object> listen() {
    return Behaviors.setup(
        context -> {
          ActorRef<Topic.Command<Statement>> topic =
              context.spawn(Topic.create(Statement.class, TOPIC), "topic");
          topic.tell(Topic.subscribe(context.getSelf().narrow()));
          return Behaviors.receive(Object.class)
              .onMessage(
                  IntentLine.class,
                  line -> {
                    topic.tell(Topic.publish(statement(line)));
                    return Behaviors.same();
                  })
              .onMessage(
                  Statement.class,
                  statement -> {
                    note(statement);
                    return Behaviors.same();
                  })
              .build();
        });
  }

  private static Statement statement(IntentLine line) {
    return new Statement(
        line.getOriginCell(),
        Positions.fromProto(line.getAppliedPositions().getPositionsList()),
        line.getReadsForm());
  }

  /** From now on this hears what cells say of back-fills, on the node that has read it. */
  public void tellOfBackfills(Consumer<IntentLine> listening) {
    backfills = listening;
  }

  /** Tells all nodes of this cell what a cell has said. */
  void hear(IntentLine line) {
    if (line.hasBackfill()) {
      backfills.accept(line);
    }
    listener.tell(line);
  }

  private void note(Statement statement) {
    // A cell that this one does not know says nothing that counts.
    byCell.computeIfPresent(
        statement.cell(),
        (cell, before) ->
            before.and(new Heard(statement.applied(), statement.form(), System.nanoTime())));
  }

  /** The numbers of the other cells. */
  public Set<Integer> cells() {
    return Set.copyOf(byCell.keySet());
  }

  /** Which form of log lines all nodes of all other cells read, as far as they have said. */
  public int formOfOthers() {
    return byCell.values().stream().mapToInt(Heard::form).min().orElse(Integer.MAX_VALUE);
  }

  /** Those that have said something in the last half minute. */
  public Set<Integer> lately() {
    long now = System.nanoTime();
    return byCell.entrySet().stream()
        .filter(cell -> now - cell.getValue().atNanos() < LATELY.toNanos())
        .map(Map.Entry::getKey)
        .collect(Collectors.toUnmodifiableSet());
  }

  /** Those that have applied everything below these positions. */
  public Set<Integer> by(Positions positions) {
    return byCell.entrySet().stream()
        .filter(cell -> cell.getValue().applied().covers(positions))
        .map(Map.Entry::getKey)
        .collect(Collectors.toUnmodifiableSet());
  }
}
