package io.tideline.node.ops;

import io.tideline.multidc.placement.Weights;
import io.tideline.node.ops.Topology.Node;
import io.tideline.node.ops.Topology.State;
import io.tideline.protocols.UserId;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.function.LongConsumer;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.apache.pekko.NotUsed;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.SupervisorStrategy;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;
import org.apache.pekko.cluster.ClusterEvent;
import org.apache.pekko.cluster.Member;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.sharding.ShardRegion;
import org.apache.pekko.cluster.sharding.ShardRegion.ShardRegionStats;
import org.apache.pekko.cluster.sharding.typed.javadsl.EntityTypeKey;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Subscribe;
import org.apache.pekko.pattern.Patterns;
import org.apache.pekko.stream.OverflowStrategy;
import org.apache.pekko.stream.javadsl.Source;
import org.apache.pekko.stream.javadsl.SourceQueueWithComplete;
import org.jspecify.annotations.Nullable;

/** Keeps the current {@link Topology} at hand and tells those who want to know of changes. */
public final class TopologyFollower {
  private final ActorRef<Message> actor;
  private volatile Topology current;
  private volatile boolean known;

  private TopologyFollower(
      ActorSystem<?> system,
      String cell,
      EntityTypeKey<?> users,
      Supplier<Weights> weights,
      LongConsumer handOffs) {
    int shards = system.settings().config().getInt("pekko.cluster.sharding.number-of-shards");
    current = new Topology(0, List.of(), shards, Map.of());
    Behavior<Message> follower =
        Behaviors.setup(
            context ->
                Behaviors.withTimers(
                    timers -> new Follower(context, timers, cell, users, weights, handOffs, this)));
    actor =
        system.systemActorOf(
            Behaviors.supervise(follower).onFailure(SupervisorStrategy.restart()),
            "tideline-topology",
            Props.empty());
  }

  /**
   * Follows the members of the cluster and where sharding has placed the entities of a type.
   *
   * @param weights what operators say now of nodes and zones
   * @param handOffs takes, in nanoseconds, how long a shard that moved was seen nowhere
   */
  public static TopologyFollower start(
      ActorSystem<?> system,
      String cell,
      EntityTypeKey<?> users,
      Supplier<Weights> weights,
      LongConsumer handOffs) {
    return new TopologyFollower(system, cell, users, weights, handOffs);
  }

  public Topology current() {
    return current;
  }

  /** Whether the others have answered since this node is a member, as far as they do. */
  public boolean known() {
    return known;
  }

  /** Now and after each change; a slow reader gets the latest and misses what lay between. */
  public Source<Topology, NotUsed> changes() {
    return Source.<Topology>queue(1, OverflowStrategy.dropHead())
        .mapMaterializedValue(
            queue -> {
              actor.tell(new Watch(queue));
              return NotUsed.getInstance();
            });
  }

  /** Tells everybody again, because something that goes with the topology has changed. */
  public void announce() {
    actor.tell(Announce.INSTANCE);
  }

  /** {@code host:port} of the node to call for this user, if known. */
  public Optional<String> grpcAddressOfOwner(UserId user) {
    return current().ownerOf(user).map(Node::grpcAddress);
  }

  private sealed interface Message {}

  private record Watch(SourceQueueWithComplete<Topology> queue) implements Message {}

  private record Unwatch(SourceQueueWithComplete<Topology> queue) implements Message {}

  private record Changed(ClusterEvent.ClusterDomainEvent event) implements Message {}

  /** What a region says it has, or that it says nothing. */
  private record Answered(String node, @Nullable ShardRegionStats stats) implements Message {}

  private enum Poll implements Message {
    INSTANCE
  }

  /** It has been waited long enough for answers. */
  private enum Late implements Message {
    INSTANCE
  }

  private enum Announce implements Message {
    INSTANCE
  }

  private static final class Follower extends AbstractBehavior<Message> {
    private static final Duration SHORTEST_PAUSE = Duration.ofSeconds(1);
    private static final Duration PAUSE_PER_NODE = Duration.ofMillis(20);
    private static final int FASTER_WHILE_SHARDS_MOVE = 4;
    private static final Duration ANSWER_WITHIN = Duration.ofSeconds(3);
    // Who has not answered by then, because it leaves or has just started, is not waited for.
    private static final int ROUNDS_FOR_THE_SILENT = 3;
    // Some more than a region waits for its shards.
    private static final Duration LATE = Duration.ofMillis(300);

    private final TimerScheduler<Message> timers;
    private final Cluster cluster;
    private final String cell;
    private final String region;
    private final Supplier<Weights> weights;
    private final LongConsumer handOffs;
    private final TopologyFollower shared;
    private final Set<SourceQueueWithComplete<Topology>> watchers = new LinkedHashSet<>();
    // By node, the latest answer last.
    private final Map<String, ShardRegionStats> regions = new LinkedHashMap<>();
    private final Set<String> asked = new HashSet<>();
    // In which somebody was asked: none before this node is a member.
    private int rounds;
    private final Map<Integer, Seen> lastSeen = new HashMap<>();

    private record Seen(String node, long at) {}

    Follower(
        ActorContext<Message> context,
        TimerScheduler<Message> timers,
        String cell,
        EntityTypeKey<?> users,
        Supplier<Weights> weights,
        LongConsumer handOffs,
        TopologyFollower shared) {
      super(context);
      context.setLoggerName(TopologyFollower.class);
      this.timers = timers;
      this.cell = cell;
      region = "/system/%s/%s".formatted(guardian(context.getSystem()), users.name());
      this.weights = weights;
      this.handOffs = handOffs;
      this.shared = shared;
      cluster = Cluster.get(context.getSystem());
      cluster
          .subscriptions()
          .tell(
              Subscribe.create(
                  context.messageAdapter(ClusterEvent.ClusterDomainEvent.class, Changed::new),
                  ClusterEvent.ClusterDomainEvent.class));
      getContext().getSelf().tell(Poll.INSTANCE);
    }

    @Override
    public Receive<Message> createReceive() {
      return newReceiveBuilder()
          .onMessage(Poll.class, poll -> onPoll())
          .onMessage(Answered.class, this::onAnswered)
          .onMessage(Late.class, late -> onRoundEnd())
          .onMessage(Changed.class, this::onChanged)
          .onMessage(Announce.class, announce -> onAnnounce())
          .onMessage(Watch.class, this::onWatch)
          .onMessage(Unwatch.class, this::onUnwatch)
          .onSignal(PostStop.class, stop -> onStop())
          .build();
    }

    /**
     * Asks each region what it has. The coordinator would do that too, but is away for seconds when
     * its node leaves.
     */
    private Behavior<Message> onPoll() {
      timers.startSingleTimer(Late.INSTANCE, LATE);
      asked.clear();
      for (Member member : cluster.state().getMembers()) {
        if (cluster.state().getUnreachable().contains(member)) continue;
        asked.add(idOf(member));
        ask(member);
      }
      if (!asked.isEmpty()) rounds++;
      return this;
    }

    private void ask(Member member) {
      String node = idOf(member);
      CompletionStage<Object> stats =
          Patterns.ask(
              getContext().getSystem().classicSystem().actorSelection(member.address() + region),
              ShardRegion.getRegionStatsInstance(),
              ANSWER_WITHIN);
      getContext()
          .pipeToSelf(stats, (answer, failure) -> new Answered(node, (ShardRegionStats) answer));
    }

    private Behavior<Message> onAnswered(Answered answered) {
      if (answered.stats() != null) {
        regions.remove(answered.node());
        regions.put(answered.node(), answered.stats());
      }
      return asked.remove(answered.node()) && asked.isEmpty() ? onRoundEnd() : this;
    }

    /** What comes later than this counts the next time. */
    private Behavior<Message> onRoundEnd() {
      asked.clear();
      timers.cancel(Late.INSTANCE);
      List<Node> nodes = nodes();
      if (rounds == 0 && !nodes.isEmpty()) return onPoll();
      Map<Integer, String> before = shared.current.shardOwners();
      publish(nodes, owners(nodes));
      // This node itself has no region before it takes users.
      boolean othersAnswered = rounds > 0 && regions.size() >= nodes.size() - 1;
      if (othersAnswered || rounds >= ROUNDS_FOR_THE_SILENT) shared.known = true;
      boolean calm =
          shared.known
              && before.equals(shared.current.shardOwners())
              && nodes.stream().noneMatch(node -> node.state() == State.LEAVING);
      // Each question costs each shard a message, so large cells ask less often.
      Duration large = PAUSE_PER_NODE.multipliedBy(nodes.size());
      Duration pause = large.compareTo(SHORTEST_PAUSE) > 0 ? large : SHORTEST_PAUSE;
      timers.startSingleTimer(
          Poll.INSTANCE, calm ? pause : pause.dividedBy(FASTER_WHILE_SHARDS_MOVE));
      return this;
    }

    private Behavior<Message> onChanged(Changed changed) {
      boolean joined = shared.current.nodes().isEmpty() && !nodes().isEmpty();
      publish(nodes(), shared.current.shardOwners());
      return joined ? onPoll() : this;
    }

    private Behavior<Message> onAnnounce() {
      tell(shared.current.nodes(), shared.current.shardOwners());
      return this;
    }

    private Behavior<Message> onWatch(Watch watch) {
      watchers.add(watch.queue());
      watch
          .queue()
          .watchCompletion()
          .whenComplete((done, failure) -> getContext().getSelf().tell(new Unwatch(watch.queue())));
      watch.queue().offer(shared.current);
      return this;
    }

    private Behavior<Message> onUnwatch(Unwatch unwatch) {
      watchers.remove(unwatch.queue());
      return this;
    }

    private Behavior<Message> onStop() {
      watchers.forEach(SourceQueueWithComplete::complete);
      return this;
    }

    private void publish(List<Node> nodes, Map<Integer, String> owners) {
      Set<String> present = nodes.stream().map(Node::id).collect(Collectors.toSet());
      Map<Integer, String> placed = new HashMap<>(owners);
      placed.values().retainAll(present);
      Topology before = shared.current;
      if (before.nodes().equals(nodes) && before.shardOwners().equals(placed)) return;
      tell(nodes, placed);
    }

    private void tell(List<Node> nodes, Map<Integer, String> owners) {
      Topology before = shared.current;
      Topology now = new Topology(before.epoch() + 1, nodes, before.shardCount(), owners);
      shared.current = now;
      watchers.forEach(watcher -> watcher.offer(now));
    }

    /** Who has answered last knows best; a shard that is on its way out does not answer itself. */
    private Map<Integer, String> owners(List<Node> nodes) {
      regions.keySet().retainAll(nodes.stream().map(Node::id).collect(Collectors.toSet()));
      Map<Integer, String> owners = new HashMap<>();
      regions.forEach((node, has) -> put(owners, has.getFailed(), node));
      regions.forEach((node, has) -> put(owners, has.getStats().keySet(), node));
      long now = System.nanoTime();
      owners.forEach((shard, node) -> noteMove(shard, new Seen(node, now)));
      return owners;
    }

    private static void put(Map<Integer, String> owners, Set<String> shards, String node) {
      shards.forEach(shard -> owners.put(Integer.valueOf(shard), node));
    }

    private void noteMove(Integer shard, Seen seen) {
      Seen before = lastSeen.put(shard, seen);
      if (before != null && !before.node().equals(seen.node()))
        handOffs.accept(seen.at() - before.at());
    }

    private List<Node> nodes() {
      ClusterEvent.CurrentClusterState state = cluster.state();
      Set<Member> unreachable = state.getUnreachable();
      Map<String, Node> nodes = new LinkedHashMap<>();
      for (Member member : state.getMembers())
        nodes.put(idOf(member), node(member, unreachable.contains(member)));
      return List.copyOf(nodes.values());
    }

    private Node node(Member member, boolean unreachable) {
      String zone = role(member, "az-");
      String address = role(member, "grpc-");
      return new Node(
          idOf(member),
          cell,
          zone,
          address,
          member.appVersion().version(),
          unreachable ? State.UNREACHABLE : stateOf(member.status()),
          weights.get().of(address, zone));
    }

    private static String guardian(ActorSystem<?> system) {
      return system.settings().config().getString("pekko.cluster.sharding.guardian-name");
    }

    private static State stateOf(MemberStatus status) {
      if (status.equals(MemberStatus.up())) return State.UP;
      if (status.equals(MemberStatus.joining()) || status.equals(MemberStatus.weaklyUp()))
        return State.JOINING;
      return status.equals(MemberStatus.down()) ? State.UNREACHABLE : State.LEAVING;
    }

    private static String role(Member member, String prefix) {
      return member.getRoles().stream()
          .filter(role -> role.startsWith(prefix))
          .map(role -> role.substring(prefix.length()))
          .findFirst()
          .orElse("");
    }

    private static String idOf(Member member) {
      return "%s#%s"
          .formatted(
              member.address().hostPort().replaceFirst(".*@", ""),
              Long.toUnsignedString(member.uniqueAddress().longUid()));
    }
  }
}
