package io.tideline.node.ops;

import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.apache.pekko.Done;
import org.apache.pekko.actor.Address;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorRefResolver;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.javadsl.AskPattern;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.Member;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.sharding.ShardRegion.CurrentShardRegionState;
import org.apache.pekko.cluster.sharding.typed.GetShardRegionState;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;
import org.apache.pekko.cluster.sharding.typed.javadsl.EntityTypeKey;
import org.apache.pekko.cluster.typed.Cluster;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Which nodes are about to leave: they say so to all others, again and again, until they go. */
public final class Departures {
  private static final String NAME = "tideline-departures";
  private static final Duration STANDSTILL = Duration.ofSeconds(3);
  // When the node is lost that coordinates, another one does after some seconds.
  private static final Duration NEW_COORDINATOR = Duration.ofSeconds(10);
  private static final Duration ANSWER_WITHIN = Duration.ofSeconds(1);
  private static final Set<MemberStatus> COMING =
      Set.of(MemberStatus.joining(), MemberStatus.weaklyUp());
  private static final Executor LATER =
      CompletableFuture.delayedExecutor(200, TimeUnit.MILLISECONDS);
  private static final Logger LOG = LoggerFactory.getLogger(Departures.class);

  private final ActorSystem<?> system;
  private final Cluster cluster;
  private final ActorRef<String> actor;
  private volatile Set<String> leaving = Set.of();

  private Departures(ActorSystem<?> system) {
    this.system = system;
    cluster = Cluster.get(system);
    actor =
        system.systemActorOf(
            Behaviors.<String>receiveMessage(
                node -> {
                  heard(node);
                  return Behaviors.same();
                }),
            NAME,
            Props.empty());
  }

  /** Listens to the other nodes. */
  public static Departures start(ActorSystem<?> system) {
    return new Departures(system);
  }

  /** Only the actor calls this. */
  private void heard(String node) {
    leaving =
        Stream.concat(leaving.stream(), Stream.of(node))
            .filter(members().map(Departures::nameOf).collect(Collectors.toSet())::contains)
            .collect(Collectors.toUnmodifiableSet());
  }

  /** Whether the node has said that it is about to leave. */
  public boolean isLeaving(Member member) {
    return leaving.contains(nameOf(member));
  }

  /**
   * Says that this node leaves; done when it has no shard left, when nobody stays to take them,
   * when none has moved for some seconds although nothing forbids it (the coordinator may run an
   * older build, which does not listen), or when the time is up.
   */
  public CompletionStage<Done> handOver(EntityTypeKey<?> users, Duration limit) {
    long now = System.nanoTime();
    return handOver(users, new Left(Integer.MAX_VALUE, now), now + limit.toNanos());
  }

  /** How many shards there were at last, and since when they could have moved. */
  private record Left(int shards, long since) {
    Left now(int count) {
      return count < 0 || count == shards ? this : new Left(count, System.nanoTime());
    }

    Left heldUp() {
      return new Left(shards, System.nanoTime() + NEW_COORDINATOR.toNanos());
    }

    boolean stands() {
      return System.nanoTime() - since > STANDSTILL.toNanos();
    }
  }

  private CompletionStage<Done> handOver(EntityTypeKey<?> users, Left left, long giveUpAt) {
    if (left.shards() == 0 || !announce()) return done();
    if (left.stands() || System.nanoTime() > giveUpAt) {
      LOG.info("{} shards are still here; they move at once", left.shards());
      return done();
    }
    return CompletableFuture.supplyAsync(() -> users, LATER)
        .thenCompose(this::shards)
        .thenCompose(
            shards -> {
              Left now = left.now(shards);
              return handOver(users, nothingMoves() ? now.heldUp() : now, giveUpAt);
            });
  }

  /** As the plan of where shards are has it: all nodes must agree to a move. */
  private boolean nothingMoves() {
    return !cluster.state().getUnreachable().isEmpty()
        || members().anyMatch(member -> COMING.contains(member.status()));
  }

  private static CompletionStage<Done> done() {
    return CompletableFuture.completedStage(Done.getInstance());
  }

  /** Whether anybody stays. */
  private boolean announce() {
    String self = nameOf(cluster.selfMember());
    List<Member> all = members().toList();
    all.forEach(member -> listenerAt(member.address()).tell(self));
    return all.stream()
        .filter(member -> member.status().equals(MemberStatus.up()))
        .map(Departures::nameOf)
        .anyMatch(node -> !node.equals(self) && !leaving.contains(node));
  }

  private CompletionStage<Integer> shards(EntityTypeKey<?> users) {
    return AskPattern
        .<org.apache.pekko.cluster.sharding.typed.ClusterShardingQuery, CurrentShardRegionState>ask(
            ClusterSharding.get(system).shardState(),
            replyTo -> new GetShardRegionState(users, replyTo),
            ANSWER_WITHIN,
            system.scheduler())
        .handle((state, failure) -> failure == null ? count(state) : -1);
  }

  /** Those that are on their way out do not answer for themselves, and are still here. */
  private static int count(CurrentShardRegionState state) {
    return state.getShards().size() + state.getFailed().size();
  }

  private ActorRef<String> listenerAt(Address node) {
    if (node.equals(cluster.selfMember().address())) return actor;
    return ActorRefResolver.get(system).resolveActorRef(node + "/system/" + NAME);
  }

  private Stream<Member> members() {
    return StreamSupport.stream(cluster.state().getMembers().spliterator(), false);
  }

  private static String nameOf(Member member) {
    return member.address() + "#" + member.uniqueAddress().longUid();
  }
}
