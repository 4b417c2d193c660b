package io.tideline.node.ops;

import com.sun.management.OperatingSystemMXBean;
import io.tideline.protocols.CborSerializable;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.function.DoubleSupplier;
import java.util.function.LongSupplier;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.SupervisorStrategy;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.pubsub.Topic;

/** How busy the nodes of the cell are, as each tells all others every few seconds. */
public final class NodeLoads {
  private static final Duration PERIOD = Duration.ofSeconds(5);
  private static final OperatingSystemMXBean MACHINE =
      ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);

  private volatile Map<String, Load> loads = Map.of();

  private NodeLoads() {}

  /**
   * Measures this node and listens to the others.
   *
   * @param here the gRPC address of this node
   * @param cpu how much of the machine's processors was in use since it was last asked, 0 to 1
   * @param changed runs when a node begins or ends to be over its capacity
   */
  public static NodeLoads start(
      ActorSystem<?> system, String here, DoubleSupplier cpu, Runnable changed) {
    return start(system, here, cpu, changed, PERIOD, System::nanoTime);
  }

  static NodeLoads start(
      ActorSystem<?> system,
      String here,
      DoubleSupplier cpu,
      Runnable changed,
      Duration period,
      LongSupplier nanoTime) {
    NodeLoads loads = new NodeLoads();
    Behavior<Message> listener =
        Behaviors.setup(
            context ->
                Behaviors.withTimers(
                    timers -> {
                      timers.startTimerWithFixedDelay(Measure.INSTANCE, period);
                      return new Listener(context, here, cpu, changed, nanoTime, loads);
                    }));
    system.systemActorOf(
        Behaviors.supervise(listener).onFailure(SupervisorStrategy.restart()),
        "tideline-loads",
        Props.empty());
    return loads;
  }

  /** Of the whole machine or container: whoever uses it, what is in use is not to be had. */
  public static double ofThisMachine() {
    return MACHINE.getCpuLoad();
  }

  /** What the node at this gRPC address has said last; idle when it has said nothing. */
  public Load of(String node) {
    return loads.getOrDefault(node, new Load(node, 0, false));
  }

  private sealed interface Message {}

  /**
   * What a node says of itself; nodes send it to each other.
   *
   * @param node its gRPC address
   * @param cpu 0 to 1
   */
  public record Load(String node, double cpu, boolean overCapacity)
      implements Message, CborSerializable {}

  private enum Measure implements Message {
    INSTANCE
  }

  private static final class Listener extends AbstractBehavior<Message> {
    private static final Duration FORGET_AFTER = Duration.ofMinutes(1);

    private final String here;
    private final DoubleSupplier cpu;
    private final Runnable changed;
    private final LongSupplier nanoTime;
    private final NodeLoads shared;
    private final ActorRef<Topic.Command<Load>> topic;
    private final Capacity capacity = new Capacity();
    private final Map<String, Long> heardAt = new HashMap<>();

    Listener(
        ActorContext<Message> context,
        String here,
        DoubleSupplier cpu,
        Runnable changed,
        LongSupplier nanoTime,
        NodeLoads shared) {
      super(context);
      context.setLoggerName(NodeLoads.class);
      this.here = here;
      this.cpu = cpu;
      this.changed = changed;
      this.nanoTime = nanoTime;
      this.shared = shared;
      topic = context.spawn(Topic.create(Load.class, "tideline-loads"), "topic");
      topic.tell(Topic.subscribe(context.getSelf().narrow()));
    }

    @Override
    public Receive<Message> createReceive() {
      return newReceiveBuilder()
          .onMessage(Measure.class, measure -> onMeasure())
          .onMessage(Load.class, this::onLoad)
          .build();
    }

    private Behavior<Message> onMeasure() {
      // Negative or not a number where the machine does not tell.
      double inUse = Math.min(1, Math.max(0, cpu.getAsDouble()));
      if (capacity.update(inUse, nanoTime.getAsLong())) {
        getContext().getLog().warn("Tells clients that it is {}", capacity);
      }
      topic.tell(Topic.publish(new Load(here, inUse, capacity.exceeded())));
      forget();
      return this;
    }

    private Behavior<Message> onLoad(Load load) {
      heardAt.put(load.node(), nanoTime.getAsLong());
      Load before = shared.of(load.node());
      Map<String, Load> loads = new HashMap<>(shared.loads);
      loads.put(load.node(), load);
      shared.loads = Map.copyOf(loads);
      if (before.overCapacity() != load.overCapacity()) changed.run();
      return this;
    }

    private void forget() {
      long longAgo = nanoTime.getAsLong() - FORGET_AFTER.toNanos();
      if (!heardAt.values().removeIf(at -> at - longAgo < 0)) return;
      Map<String, Load> loads = new HashMap<>(shared.loads);
      loads.keySet().retainAll(heardAt.keySet());
      shared.loads = Map.copyOf(loads);
    }
  }
}
