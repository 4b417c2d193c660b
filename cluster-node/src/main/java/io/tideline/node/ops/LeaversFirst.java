package io.tideline.node.ops;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import org.apache.pekko.actor.ActorRef;
import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.cluster.sharding.ShardCoordinator.AbstractShardAllocationStrategy;
import org.apache.pekko.cluster.sharding.ShardCoordinator.ActorSystemDependentAllocationStrategy;
import org.apache.pekko.cluster.sharding.ShardCoordinator.ShardAllocationStrategy;
import org.apache.pekko.dispatch.ExecutionContexts;
import scala.collection.immutable.IndexedSeq;
import scala.concurrent.ExecutionContext;
import scala.concurrent.Future;
import scala.jdk.javaapi.CollectionConverters;

/**
 * Takes shards away from nodes that are about to leave, some at a time, before another strategy
 * decides about the rest.
 *
 * <p>The toolkit takes all shards of a leaving node at once, and gives them new homes one after the
 * other: with hundreds of them the last readers wait for seconds.
 */
public final class LeaversFirst extends AbstractShardAllocationStrategy
    implements ActorSystemDependentAllocationStrategy {
  private static final int AT_FIRST = 2;
  private static final int AT_ONCE = 20;
  private static final ExecutionContext HERE = ExecutionContexts.fromExecutor(Runnable::run);

  private final ShardAllocationStrategy others;
  private final Predicate<ActorRef> leaving;
  private int taken;

  /**
   * Creates a strategy.
   *
   * @param others decides where nobody leaves
   * @param leaving whether the node of a region is about to leave
   */
  public LeaversFirst(ShardAllocationStrategy others, Predicate<ActorRef> leaving) {
    this.others = others;
    this.leaving = leaving;
  }

  @Override
  public void start(ActorSystem system) {
    if (others instanceof ActorSystemDependentAllocationStrategy dependent) dependent.start(system);
  }

  @Override
  public Future<ActorRef> allocateShard(
      ActorRef requester, String shard, Map<ActorRef, IndexedSeq<String>> regions) {
    return others.allocateShard(requester, shard, scala(staying(regions)));
  }

  @Override
  public Future<Set<String>> rebalance(
      Map<ActorRef, IndexedSeq<String>> regions, Set<String> moving) {
    Map<ActorRef, IndexedSeq<String>> staying = staying(regions);
    List<String> toMove = new ArrayList<>();
    regions.forEach(
        (region, shards) -> {
          if (!staying.containsKey(region)) toMove.addAll(CollectionConverters.asJava(shards));
        });
    if (toMove.isEmpty()) {
      taken = 0;
      return others
          .rebalance(scala(regions), CollectionConverters.asScala(moving).toSet())
          .map(shards -> new HashSet<>(CollectionConverters.asJava(shards)), HERE);
    }
    toMove.removeAll(moving);
    // Who takes them may have just started, and be slow with the first ones.
    int atOnce = Math.min(AT_ONCE, Math.max(AT_FIRST, taken));
    int now = Math.max(0, Math.min(toMove.size(), atOnce - moving.size()));
    taken += now;
    return Future.successful(Set.copyOf(toMove.subList(0, now)));
  }

  /** The regions of nodes that stay; all of them when none does. */
  private Map<ActorRef, IndexedSeq<String>> staying(Map<ActorRef, IndexedSeq<String>> regions) {
    Map<ActorRef, IndexedSeq<String>> staying = new HashMap<>(regions);
    staying.keySet().removeIf(leaving);
    return staying.isEmpty() ? regions : staying;
  }

  private static scala.collection.immutable.Map<ActorRef, IndexedSeq<String>> scala(
      Map<ActorRef, IndexedSeq<String>> regions) {
    return scala.collection.immutable.Map.from(CollectionConverters.asScala(regions));
  }
}
