package io.tideline.multidc.fence;

import java.time.Duration;
import java.util.Locale;
import java.util.LongSummaryStatistics;
import java.util.stream.LongStream;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.SupervisorStrategy;
import org.apache.pekko.actor.typed.javadsl.Behaviors;

/** Says whether this node may still act for its users. */
public final class Fence {
  static final String ACTOR_NAME = "tideline-fence";

  private static final long NOT_YET = Long.MIN_VALUE;
  private static final long GONE = Long.MIN_VALUE + 1;

  private final long closesAfterNanos;
  private final long maxClockOffsetMillis;
  private volatile long tick = NOT_YET;
  private volatile long lastCountedIn = System.nanoTime();
  private volatile long clockOffsetMillis;
  private volatile long clockSpreadMillis;

  Fence(FenceSettings settings) {
    closesAfterNanos = settings.closesAfter().toNanos();
    maxClockOffsetMillis = settings.maxClockOffset().toMillis();
  }

  /**
   * Starts heartbeats to the members of the cluster; the node may still have to join.
   *
   * @throws IllegalStateException when another node of this process uses the same Cassandra session
   *     name
   */
  public static Fence start(ActorSystem<?> system) {
    FenceSettings settings = FenceSettings.from(system.settings().config());
    Fence fence = new Fence(settings);
    FenceThrottler.guard(system, fence);
    system.systemActorOf(
        Behaviors.supervise(Heartbeats.create(fence, settings))
            .onFailure(SupervisorStrategy.restart()),
        ACTOR_NAME,
        DispatcherSelector.fromConfig("pekko.actor.internal-dispatcher"));
    return fence;
  }

  /** Whether a majority of the cell counted this node in a short while ago. */
  public boolean open() {
    return open(tick);
  }

  private boolean open(long tick) {
    return tick > GONE && System.nanoTime() - tick < closesAfterNanos;
  }

  /** Whether requests may leave: also before the node first joined, when it sets up its tables. */
  boolean passable() {
    long current = tick;
    return current == NOT_YET || open(current);
  }

  /** Time since a majority counted this node in; the process' whole life when none ever did. */
  public Duration age() {
    long current = lastCountedIn;
    return Duration.ofNanos(System.nanoTime() - current);
  }

  /** For logs and operators. */
  public String state() {
    long current = tick;
    if (current == NOT_YET) return "closed: not a member yet";
    if (current == GONE) return "closed: no longer a member";
    double seconds = (System.nanoTime() - current) / 1e9;
    return String.format(
        Locale.ROOT,
        "%s: counted in by a majority %.1f s ago",
        open(current) ? "open" : "closed",
        seconds);
  }

  /** How far the wall clocks of the cell are ahead of this node's, by their median. */
  public Duration clockOffset() {
    return Duration.ofMillis(clockOffsetMillis);
  }

  /** Whether this node's wall clock is off against the majority, so that its times would harm. */
  public boolean clockOff() {
    return Math.abs(clockOffsetMillis) > maxClockOffsetMillis;
  }

  /** How far apart the wall clocks of the cell are, also where nobody can say which one is off. */
  public Duration clockSpread() {
    return Duration.ofMillis(clockSpreadMillis);
  }

  void countedInAt(long nanoTime) {
    long current = tick;
    if (current == NOT_YET || (current != GONE && nanoTime - current > 0)) {
      lastCountedIn = nanoTime;
      tick = nanoTime;
    }
  }

  /** Not a member; for good when it has been one. */
  void gone() {
    if (tick != NOT_YET) tick = GONE;
  }

  /**
   * @param offsets by how many milliseconds each voter's wall clock is ahead of this node's, its
   *     own among them
   */
  void clockOffsets(long... offsets) {
    clockOffsetMillis = Quorum.median(offsets);
    LongSummaryStatistics all = LongStream.of(offsets).summaryStatistics();
    clockSpreadMillis = all.getMax() - all.getMin();
  }
}
