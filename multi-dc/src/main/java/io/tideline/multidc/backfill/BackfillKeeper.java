package io.tideline.multidc.backfill;

import io.tideline.multidc.backfill.Backfills.Heard;
import io.tideline.multidc.backfill.Backfills.State;
import io.tideline.multidc.backfill.Backfills.Surroundings;
import io.tideline.multidc.log.LineForms;
import io.tideline.multidc.log.OtherCell;
import io.tideline.multidc.mirror.Arrived;
import io.tideline.protocols.Positions;
import io.tideline.protocols.log.v1.AppliedPositions;
import io.tideline.protocols.log.v1.BackfillNote;
import io.tideline.protocols.log.v1.BackfillProgress;
import io.tideline.protocols.log.v1.BackfillRequest;
import io.tideline.protocols.log.v1.IntentLine;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.PreRestart;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;
import org.apache.pekko.actor.typed.pubsub.Topic;
import org.jspecify.annotations.Nullable;

/**
 * Asks for what the cell lacks until all of it has been applied here, and says again what others
 * lack, for one of them at a time. What it knows is in the tables: another node goes on with it.
 */
final class BackfillKeeper extends AbstractBehavior<BackfillKeeper.Message> {
  private static final Duration LOOK_EVERY = Duration.ofSeconds(1);
  private static final Duration LOOK_AT_REST_EVERY = Duration.ofSeconds(3);
  private static final Duration SAY_EVERY = Duration.ofSeconds(5);
  private static final Duration RETRY = Duration.ofSeconds(5);

  /** What it is told. */
  interface Message {}

  private enum Look implements Message {
    INSTANCE
  }

  private record Read(@Nullable State state, @Nullable Throwable failure) implements Message {}

  private record Go(int cell) implements Message {}

  private record Went(
      Given from, SayAgain.@Nullable Step step, long nanos, @Nullable Throwable failure)
      implements Message {}

  private record Checked(int source, long request, boolean arrived, @Nullable Throwable failure)
      implements Message {}

  private record Written(@Nullable Throwable failure) implements Message {}

  private final TimerScheduler<Message> timers;
  private final Surroundings around;
  private final BackfillTables tables;
  private final SayAgain sayAgain;
  private final ActorRef<Topic.Command<State>> states;
  private final Executor blocking;

  private final Map<Integer, Wanted> wanted = new HashMap<>();
  private final Map<Integer, Given> given = new HashMap<>();
  // By source: the end of what was asked for last, once all of it has been said.
  private final Map<Integer, Arrived> ends = new HashMap<>();
  // Who has asked since this cell last said how it goes.
  private final Set<Integer> asking = new HashSet<>();
  private boolean known;
  private int going;
  private long saidNanos = System.nanoTime() - SAY_EVERY.toNanos();

  /**
   * @param states where others of the cell hear what the tables say
   */
  static Behavior<Message> create(
      Surroundings around,
      BackfillTables tables,
      SayAgain sayAgain,
      ActorRef<Topic.Command<State>> states) {
    return Behaviors.setup(
        context ->
            Behaviors.withTimers(
                timers -> new BackfillKeeper(context, timers, around, tables, sayAgain, states)));
  }

  private BackfillKeeper(
      ActorContext<Message> context,
      TimerScheduler<Message> timers,
      Surroundings around,
      BackfillTables tables,
      SayAgain sayAgain,
      ActorRef<Topic.Command<State>> states) {
    super(context);
    context.setLoggerName(BackfillKeeper.class);
    this.timers = timers;
    this.around = around;
    this.tables = tables;
    this.sayAgain = sayAgain;
    this.states = states;
    this.blocking = context.getSystem().dispatchers().lookup(DispatcherSelector.blocking());
    ActorRef<Topic.Command<Heard>> topic =
        context.spawn(Topic.create(Heard.class, Backfills.TOPIC), "topic");
    topic.tell(Topic.subscribe(context.getSelf().narrow()));
    states.tell(Topic.subscribe(context.getSelf().narrow()));
    context.getSelf().tell(Look.INSTANCE);
  }

  @Override
  public Receive<Message> createReceive() {
    return newReceiveBuilder()
        .onMessage(Look.class, look -> onLook())
        .onMessage(Read.class, this::onRead)
        .onMessage(State.class, this::onState)
        .onMessage(Heard.class, this::onHeard)
        .onMessage(Go.class, go -> onGo(go.cell()))
        .onMessage(Went.class, this::onWent)
        .onMessage(Checked.class, this::onChecked)
        .onMessage(Written.class, this::onWritten)
        .onSignal(PreRestart.class, signal -> onEnd())
        .onSignal(PostStop.class, signal -> onEnd())
        .build();
  }

  private Behavior<Message> onEnd() {
    ends.values().forEach(Arrived::close);
    ends.clear();
    return this;
  }

  private Behavior<Message> onLook() {
    getContext().pipeToSelf(tables.state(), Read::new);
    return this;
  }

  /** Another node has read the tables, and perhaps something is asked for there. */
  private Behavior<Message> onState(State state) {
    return known && state.wanted().stream().anyMatch(this::isNew) ? onLook() : this;
  }

  private boolean isNew(Wanted row) {
    Wanted before = wanted.get(row.source());
    return around.numbers().contains(row.source())
        && row.open()
        && (before == null || before.request() < row.request());
  }

  private Behavior<Message> onRead(Read read) {
    State state = read.state();
    if (state == null) {
      getContext().getLog().debug("Back-fills are unknown for now", read.failure());
      timers.startSingleTimer(Look.INSTANCE, LOOK_EVERY);
      return this;
    }
    boolean more = state.wanted().stream().anyMatch(this::isNew);
    Set<Integer> others = around.numbers();
    state.wanted().stream()
        .filter(row -> others.contains(row.source()))
        .forEach(row -> wanted.put(row.source(), row));
    // Only the first time: later this knows more than the table.
    if (!known) {
      state.given().stream()
          .filter(row -> others.contains(row.cell()))
          .forEach(row -> given.put(row.cell(), row));
      known = true;
    }
    states.tell(Topic.publish(state));
    timers.startSingleTimer(Look.INSTANCE, atRest() ? LOOK_AT_REST_EVERY : LOOK_EVERY);
    wanted.values().stream().filter(Wanted::open).forEach(this::check);
    if (more || System.nanoTime() - saidNanos > SAY_EVERY.toNanos()) {
      say();
    }
    goOn();
    return this;
  }

  private boolean atRest() {
    return wanted.values().stream().noneMatch(Wanted::open)
        && given.values().stream().allMatch(Given::done);
  }

  // --- what is lacking here ---

  private void say() {
    BackfillNote.Builder note = BackfillNote.newBuilder();
    wanted.values().stream()
        .filter(Wanted::open)
        .forEach(
            row ->
                note.addRequests(
                    BackfillRequest.newBuilder()
                        .setSourceCell(row.source())
                        .setRequest(row.request())));
    given.values().stream()
        .filter(row -> !row.done() || asking.contains(row.cell()))
        .forEach(row -> note.addProgress(progress(row)));
    asking.clear();
    if (note.getRequestsCount() + note.getProgressCount() == 0 || !around.mayAct().getAsBoolean()) {
      return;
    }
    saidNanos = System.nanoTime();
    written(
        around
            .writer()
            .append(
                IntentLine.newBuilder()
                    .setOriginCell(around.cell())
                    .setAt(around.clock().next())
                    .setAppliedPositions(AppliedPositions.getDefaultInstance())
                    .setBackfill(note)
                    .setReadsForm(LineForms.ofMembers(getContext().getSystem()))
                    .build()));
  }

  private static BackfillProgress progress(Given row) {
    return BackfillProgress.newBuilder()
        .setForCell(row.cell())
        .setRequest(row.request())
        .setPosts(row.posts())
        .setUsers(row.users())
        .addAllEnd(row.end().toProto())
        .build();
  }

  private void check(Wanted row) {
    Arrived end = ends.get(row.source());
    if (end == null) {
      return;
    }
    getContext()
        .pipeToSelf(
            end.now(),
            (arrived, failure) ->
                new Checked(row.source(), row.request(), failure == null && arrived, failure));
  }

  private Behavior<Message> onChecked(Checked checked) {
    if (checked.failure() != null && ends.containsKey(checked.source())) {
      getContext()
          .getLog()
          .warn(
              "How much of cell {} has come is unknown for now",
              nameOf(checked.source()),
              checked.failure());
    }
    Wanted row = wanted.get(checked.source());
    if (checked.arrived() && row != null && row.open() && row.request() == checked.request()) {
      getContext()
          .getLog()
          .info(
              "Cell {} has said again all that was lacking: {} posts and {} users",
              nameOf(row.source()),
              row.posts(),
              row.users());
      forgetEnd(row.source());
      note(row.with(row.posts(), row.users(), System.currentTimeMillis()));
    }
    return this;
  }

  private void note(Wanted row) {
    wanted.put(row.source(), row);
    written(tables.progress(row));
  }

  private void forgetEnd(int source) {
    Arrived end = ends.remove(source);
    if (end != null) {
      end.close();
    }
  }

  // --- what others lack ---

  private Behavior<Message> onHeard(Heard heard) {
    if (!known || heard.cell() == around.cell()) {
      return this;
    }
    BackfillNote note = heard.parsed();
    for (BackfillRequest request : note.getRequestsList()) {
      if (request.getSourceCell() == around.cell()) {
        onRequest(heard.cell(), request.getRequest());
      }
    }
    for (BackfillProgress progress : note.getProgressList()) {
      if (progress.getForCell() == around.cell()) {
        onProgress(heard.cell(), progress);
      }
    }
    return this;
  }

  private void onRequest(int cell, long request) {
    if (!around.numbers().contains(cell)) {
      return;
    }
    Given before = given.get(cell);
    asking.add(cell);
    if (before == null || request > before.request()) {
      getContext().getLog().info("Cell {} lacks something; saying all of it again", nameOf(cell));
      Given begun = Given.begin(cell, request);
      given.put(cell, begun);
      written(tables.give(begun));
      goOn();
    }
  }

  private void onProgress(int source, BackfillProgress progress) {
    Wanted row = wanted.get(source);
    if (row != null && row.open() && row.request() < progress.getRequest()) {
      // This cell has asked before and has forgotten it, or its clock was ahead.
      Wanted again = row.asking(progress.getRequest() + 1);
      wanted.put(source, again);
      written(tables.want(again));
      return;
    }
    if (row == null || !row.open() || row.request() != progress.getRequest()) {
      return;
    }
    if (row.posts() != progress.getPosts() || row.users() != progress.getUsers()) {
      note(row.with(progress.getPosts(), progress.getUsers(), 0));
    }
    Positions end = Positions.fromProto(progress.getEndList());
    Optional<OtherCell> other =
        around.others().stream().filter(each -> each.number() == source).findFirst();
    Arrived before = ends.get(source);
    if (progress.getEndCount() > 0
        && other.isPresent()
        && (before == null || !before.places().equals(end))) {
      forgetEnd(source);
      ends.put(source, new Arrived(around.logs(), other.get(), end, blocking));
    }
  }

  private void goOn() {
    if (going == 0) {
      given.values().stream().filter(row -> !row.done()).findFirst().ifPresent(this::go);
    }
  }

  private void go(Given row) {
    going = row.cell();
    long from = System.nanoTime();
    if (!around.mayAct().getAsBoolean()) {
      getContext()
          .getSelf()
          .tell(new Went(row, null, 0, new IllegalStateException("this node is cut off")));
      return;
    }
    CompletionStage<SayAgain.Step> step =
        sayAgain.next(row).thenCompose(next -> tables.give(next.now()).thenApply(written -> next));
    getContext()
        .pipeToSelf(
            step, (next, failure) -> new Went(row, next, System.nanoTime() - from, failure));
  }

  private Behavior<Message> onGo(int cell) {
    going = 0;
    Given row = given.get(cell);
    if (row != null && !row.done()) {
      go(row);
    } else {
      goOn();
    }
    return this;
  }

  private Behavior<Message> onWent(Went went) {
    Go again = new Go(went.from().cell());
    SayAgain.Step step = went.step();
    if (step == null) {
      getContext()
          .getLog()
          .warn(
              "What cell {} lacks could not be said again; going on in {}",
              nameOf(went.from().cell()),
              RETRY,
              went.failure());
      timers.startSingleTimer(again, RETRY);
      return this;
    }
    Given current = given.get(went.from().cell());
    if (current != null && current.request() == went.from().request()) {
      given.put(step.now().cell(), step.now());
    } else if (current != null) {
      // The step has written over the newer request.
      written(tables.give(current));
    }
    if (step.now().done()) {
      getContext()
          .getLog()
          .info(
              "All that cell {} lacks has been said again: {} posts and {} users",
              nameOf(step.now().cell()),
              step.now().posts(),
              step.now().users());
      asking.add(step.now().cell());
      say();
    }
    long due = step.lines() * Duration.ofSeconds(1).toNanos() / around.settings().linesPerSecond();
    timers.startSingleTimer(again, Duration.ofNanos(Math.max(1, due - went.nanos())));
    return this;
  }

  private void written(CompletionStage<Void> stage) {
    getContext().pipeToSelf(stage, (done, failure) -> new Written(failure));
  }

  private Behavior<Message> onWritten(Written written) {
    if (written.failure() != null) {
      getContext().getLog().warn("A back-fill could not be noted", written.failure());
    }
    return this;
  }

  private String nameOf(int cell) {
    return around.others().stream()
        .filter(each -> each.number() == cell)
        .map(OtherCell::name)
        .findFirst()
        .orElse(String.valueOf(cell));
  }
}
