package io.tideline.multidc.mirror;

import static java.util.Objects.requireNonNull;

import io.tideline.multidc.log.LogSettings;
import io.tideline.multidc.log.LogTopics;
import io.tideline.multidc.log.OtherCell;
import java.time.Duration;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.pubsub.Topic;
import org.apache.pekko.cluster.sharding.typed.ShardedDaemonProcessSettings;
import org.apache.pekko.cluster.sharding.typed.javadsl.ShardedDaemonProcess;

/** Has every log of every other cell copied by one node of this cell at a time. */
public final class Mirrors {
  private static final String TOPIC = "tideline-mirrors";
  private static final Duration LATELY = Duration.ofSeconds(10);
  private static final List<Function<LogTopics, String>> LOGS =
      List.of(LogTopics::posts, LogTopics::intents);

  private final List<OtherCell> cells;
  private final Predicate<OtherCell> lacking;
  private final Map<String, LogMirror.Counts> counts;
  // By topic: what was heard last, and when.
  private final Map<String, Heard> heard = new ConcurrentHashMap<>();

  private record Heard(MirrorStatus status, long atNanos) {
    boolean lately() {
      return System.nanoTime() - atNanos < LATELY.toNanos();
    }
  }

  private enum Stop {
    INSTANCE
  }

  private Mirrors(List<OtherCell> cells, Predicate<OtherCell> lacking) {
    this.cells = cells;
    this.lacking = lacking;
    this.counts =
        cells.stream().collect(Collectors.toMap(OtherCell::name, cell -> new LogMirror.Counts()));
  }

  /**
   * Begins to copy; whichever node of this cell it falls to.
   *
   * @param mayAct false while this node may have lost its cell
   * @param missing who hears of what cannot be copied from a cell
   * @param lacking whether something of a cell is still missing
   */
  public static Mirrors start(
      ActorSystem<?> system,
      LogSettings settings,
      List<OtherCell> cells,
      BooleanSupplier mayAct,
      Function<OtherCell, Missing> missing,
      Predicate<OtherCell> lacking) {
    Mirrors mirrors = new Mirrors(cells, lacking);
    if (cells.isEmpty()) {
      return mirrors;
    }
    system.systemActorOf(mirrors.listener(), TOPIC, Props.empty());
    for (OtherCell cell : cells) {
      ShardedDaemonProcess.get(system)
          .init(
              Stop.class,
              "tideline-mirror-" + cell.name(),
              LOGS.size(),
              number ->
                  mirrors.copier(settings, cell, LOGS.get(number), mayAct, missing.apply(cell)),
              ShardedDaemonProcessSettings.create(system),
              Optional.of(Stop.INSTANCE));
    }
    return mirrors;
  }

  private Behavior<MirrorStatus> listener() {
    return Behaviors.setup(
        context -> {
          topic(context).tell(Topic.subscribe(context.getSelf()));
          return Behaviors.receiveMessage(
              status -> {
                heard.put(status.topic(), new Heard(status, System.nanoTime()));
                return Behaviors.same();
              });
        });
  }

  private Behavior<Stop> copier(
      LogSettings settings,
      OtherCell cell,
      Function<LogTopics, String> topic,
      BooleanSupplier mayAct,
      Missing missing) {
    return Behaviors.setup(
        context -> {
          ActorRef<Topic.Command<MirrorStatus>> told = topic(context);
          LogMirror mirror =
              new LogMirror(
                  context.getSystem(),
                  settings,
                  cell,
                  topic,
                  mayAct,
                  missing,
                  countsOf(cell),
                  status -> told.tell(Topic.publish(status)));
          mirror.start();
          return Behaviors.receive(Stop.class)
              .onMessage(Stop.class, stop -> Behaviors.stopped())
              .onSignal(
                  PostStop.class,
                  stopped -> {
                    mirror.stop();
                    return Behaviors.same();
                  })
              .build();
        });
  }

  private static ActorRef<Topic.Command<MirrorStatus>> topic(ActorContext<?> context) {
    return context.spawn(Topic.create(MirrorStatus.class, TOPIC), "topic");
  }

  /** How the copying of each other cell's logs goes, as far as this node has heard. */
  public List<SourceCell> sources() {
    return cells.stream().map(this::source).toList();
  }

  /** As {@link #sources}, of one of the cells. */
  public SourceCell source(OtherCell cell) {
    List<MirrorStatus> last = heardLately(cell);
    return new SourceCell(
        cell.name(),
        cell.number(),
        lacking.test(cell) ? MirrorStatus.State.BACKFILL_NEEDED : copying(last),
        last.stream().mapToLong(MirrorStatus::lagLines).sum(),
        Duration.ofMillis(last.stream().mapToLong(MirrorStatus::lagMillis).max().orElse(0)));
  }

  /** Whether lines of a cell are copied as they come, be something of before missing or not. */
  public boolean copies(OtherCell cell) {
    return copying(heardLately(cell)) == MirrorStatus.State.UP;
  }

  private List<MirrorStatus> heardLately(OtherCell cell) {
    return heard.values().stream()
        .filter(each -> each.status.cell().equals(cell.name()) && each.lately())
        .map(Heard::status)
        .toList();
  }

  private static MirrorStatus.State copying(List<MirrorStatus> logs) {
    MirrorStatus.State worst =
        logs.stream()
            .map(MirrorStatus::state)
            .max(Comparator.naturalOrder())
            .orElse(MirrorStatus.State.UNKNOWN);
    boolean all = logs.size() == LOGS.size();
    return all || worst != MirrorStatus.State.UP ? worst : MirrorStatus.State.UNKNOWN;
  }

  /**
   * Everything that the logs of a cell had by then has been copied, as far as this node has heard;
   * in milliseconds since 1970, 0 when that is not known.
   */
  public long copiedToMillis(OtherCell cell) {
    List<Long> logs =
        heard.values().stream()
            .filter(each -> each.status.cell().equals(cell.name()))
            .map(each -> each.status.copiedToMillis())
            .toList();
    return logs.size() == LOGS.size() ? Collections.min(logs) : 0;
  }

  /** How many lines of a cell this node has copied. */
  public long lines(OtherCell cell) {
    return countsOf(cell).lines().sum();
  }

  /** How many times this node has begun anew to copy from a cell after a failure. */
  public long restarts(OtherCell cell) {
    return countsOf(cell).restarts().sum();
  }

  /** How many times this node has found that lines were gone before they were copied. */
  public long losses(OtherCell cell) {
    return countsOf(cell).losses().sum();
  }

  private LogMirror.Counts countsOf(OtherCell cell) {
    return requireNonNull(counts.get(cell.name()));
  }
}
