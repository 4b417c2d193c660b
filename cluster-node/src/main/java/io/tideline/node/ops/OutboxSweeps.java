package io.tideline.node.ops;

import io.tideline.persistence.outbox.OutboxSweeper;
import io.tideline.protocols.UserId;
import java.time.Duration;
import java.util.function.BooleanSupplier;
import java.util.function.ObjLongConsumer;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.SupervisorStrategy;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;
import org.apache.pekko.cluster.typed.ClusterSingleton;
import org.apache.pekko.cluster.typed.SingletonActor;
import org.jspecify.annotations.Nullable;

/** Runs the cell's {@link OutboxSweeper} on one node at a time. */
public final class OutboxSweeps {
  private static final Duration PAUSE = Duration.ofSeconds(4);

  private OutboxSweeps() {}

  /**
   * Sweeps every four seconds, on the oldest node of the cell.
   *
   * @param wake tells the user's entity to announce again what is outstanding, and the hybrid time
   *     of the mark that was found
   * @param worthwhile whether the log takes lines, or else users are woken in vain, and the clock
   *     is right, or else the sweeper misses rows
   */
  public static void start(
      ActorSystem<?> system,
      OutboxSweeper sweeper,
      ObjLongConsumer<UserId> wake,
      BooleanSupplier worthwhile) {
    Behavior<Message> sweeps =
        Behaviors.supervise(
                Behaviors.<Message>setup(
                    context ->
                        Behaviors.withTimers(
                            timers -> new Sweeps(context, timers, sweeper, wake, worthwhile))))
            .onFailure(SupervisorStrategy.restart());
    ClusterSingleton.get(system).init(SingletonActor.of(sweeps, "tideline-outbox-sweeps"));
  }

  private sealed interface Message {}

  private enum Sweep implements Message {
    INSTANCE
  }

  private record Swept(int woken, @Nullable Throwable failure) implements Message {}

  private static final class Sweeps extends AbstractBehavior<Message> {
    private final TimerScheduler<Message> timers;
    private final OutboxSweeper sweeper;
    private final ObjLongConsumer<UserId> wake;
    private final BooleanSupplier worthwhile;

    Sweeps(
        ActorContext<Message> context,
        TimerScheduler<Message> timers,
        OutboxSweeper sweeper,
        ObjLongConsumer<UserId> wake,
        BooleanSupplier worthwhile) {
      super(context);
      context.setLoggerName(OutboxSweeps.class);
      this.timers = timers;
      this.sweeper = sweeper;
      this.wake = wake;
      this.worthwhile = worthwhile;
      pause();
    }

    @Override
    public Receive<Message> createReceive() {
      return newReceiveBuilder()
          .onMessage(Sweep.class, sweep -> onSweep())
          .onMessage(Swept.class, this::onSwept)
          .build();
    }

    private Behavior<Message> onSweep() {
      if (worthwhile.getAsBoolean())
        getContext()
            .pipeToSelf(
                sweeper.sweep(wake),
                (woken, failure) -> new Swept(woken == null ? 0 : woken, failure));
      else pause();
      return this;
    }

    private Behavior<Message> onSwept(Swept swept) {
      if (swept.failure() != null)
        getContext().getLog().warn("The outbox could not be swept", swept.failure());
      else if (swept.woken() > 0)
        getContext().getLog().info("Woke {} users from the outbox", swept.woken());
      pause();
      return this;
    }

    private void pause() {
      timers.startSingleTimer(Sweep.INSTANCE, PAUSE);
    }
  }
}
