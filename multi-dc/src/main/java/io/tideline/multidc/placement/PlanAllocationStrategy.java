package io.tideline.multidc.placement;

import io.tideline.multidc.placement.PlacementPlan.Node;
import io.tideline.multidc.placement.PlacementPlan.State;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.apache.pekko.actor.ActorRef;
import org.apache.pekko.actor.Address;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.cluster.ClusterEvent.CurrentClusterState;
import org.apache.pekko.cluster.Member;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.sharding.ShardCoordinator.AbstractShardAllocationStrategy;
import org.apache.pekko.cluster.typed.Cluster;
import scala.collection.immutable.IndexedSeq;
import scala.concurrent.Future;
import scala.jdk.javaapi.CollectionConverters;

/** Answers the coordinator of the shards as {@link PlacementPlan} says. */
public final class PlanAllocationStrategy extends AbstractShardAllocationStrategy {
  private final Cluster cluster;
  private final Supplier<Weights> weights;
  private final Predicate<Member> leaving;
  private final Placement placement;

  /**
   * @param weights what operators say now; asked by the coordinator's actor, as is {@code leaving}
   * @param leaving whether a node has said that it will leave, so that it is drained before it does
   */
  public PlanAllocationStrategy(
      ActorSystem<?> system,
      PlacementSettings settings,
      Supplier<Weights> weights,
      Predicate<Member> leaving) {
    this.cluster = Cluster.get(system);
    this.weights = weights;
    this.leaving = leaving;
    this.placement = new Placement(settings);
  }

  @Override
  public Future<ActorRef> allocateShard(
      ActorRef requester, String shard, Map<ActorRef, IndexedSeq<String>> regions) {
    Regions now = new Regions(regions);
    Optional<ActorRef> home =
        placement.home(shard, now.table, now.nodes, System.nanoTime()).map(now.byNode::get);
    // Regions may be known before their members are; then whoever asks is as good as any.
    return Future.successful(home.orElse(requester));
  }

  @Override
  public Future<Set<String>> rebalance(
      Map<ActorRef, IndexedSeq<String>> regions, Set<String> moving) {
    Regions now = new Regions(regions);
    return Future.successful(placement.moves(now.table, moving, now.nodes, System.nanoTime()));
  }

  /** The regions by the members that they are on. */
  private final class Regions {
    final List<Node> nodes = new ArrayList<>();
    final Map<String, String> table = new HashMap<>();
    final Map<String, ActorRef> byNode = new HashMap<>();

    Regions(Map<ActorRef, IndexedSeq<String>> regions) {
      Map<Address, ActorRef> byAddress = new HashMap<>();
      regions.keySet().forEach(region -> byAddress.put(addressOf(region), region));
      CurrentClusterState state = cluster.state();
      Set<Member> unreachable = state.getUnreachable();
      Weights said = weights.get();
      for (Member member : oldestFirst(state.getMembers())) {
        Node node = node(member, unreachable.contains(member), said);
        ActorRef region = byAddress.get(member.address());
        // A member without a region has nothing to give and cannot take; but it may hold up moves.
        if (region == null && node.state() == State.UP) continue;
        nodes.add(node);
        if (region == null) continue;
        byNode.put(node.id(), region);
        for (String shard : CollectionConverters.asJava(regions.get(region)))
          table.put(shard, node.id());
      }
    }

    private static List<Member> oldestFirst(Iterable<Member> members) {
      List<Member> sorted = new ArrayList<>();
      members.forEach(sorted::add);
      sorted.sort((one, other) -> one.isOlderThan(other) ? -1 : other.isOlderThan(one) ? 1 : 0);
      return sorted;
    }

    private Address addressOf(ActorRef region) {
      Address address = region.path().address();
      return address.hasLocalScope() ? cluster.selfMember().address() : address;
    }
  }

  private Node node(Member member, boolean unreachable, Weights weights) {
    String zone = role(member, "az-");
    boolean departs = leaving.test(member) && member.status().equals(MemberStatus.up());
    return new Node(
        member.uniqueAddress().toString(),
        zone,
        departs ? 0 : weights.of(role(member, "grpc-"), zone),
        member.appVersion(),
        unreachable ? State.UNREACHABLE : departs ? State.DEPARTING : stateOf(member.status()));
  }

  private static State stateOf(MemberStatus status) {
    if (status.equals(MemberStatus.up())) return State.UP;
    if (status.equals(MemberStatus.joining()) || status.equals(MemberStatus.weaklyUp()))
      return State.JOINING;
    return State.LEAVING;
  }

  private static String role(Member member, String prefix) {
    return member.getRoles().stream()
        .filter(role -> role.startsWith(prefix))
        .map(role -> role.substring(prefix.length()))
        .findFirst()
        .orElse("");
  }
}
