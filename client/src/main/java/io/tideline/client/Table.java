package io.tideline.client;

import io.tideline.protocols.UserId;
import io.tideline.protocols.v1.Node;
import io.tideline.protocols.v1.NodeState;
import io.tideline.protocols.v1.Topology;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Who has which users in one cell, as one of its nodes has said, and whom to call therefore. */
final class Table {
  private final List<Node> nodes;
  private final List<Node> up;
  private final @Nullable Node[] owners;

  Table(Topology topology) {
    nodes = topology.getNodesList();
    up = nodes.stream().filter(node -> node.getState() == NodeState.NODE_STATE_UP).toList();
    Map<String, Node> byId =
        nodes.stream()
            .collect(Collectors.toMap(Node::getNodeId, Function.identity(), (one, other) -> one));
    owners = new @Nullable Node[topology.getShardCount()];
    topology
        .getShardOwnersMap()
        .forEach(
            (shard, node) -> {
              if (shard < owners.length) owners[shard] = byId.get(node);
            });
  }

  List<Node> nodes() {
    return nodes;
  }

  /** Whether there is a node that takes calls. */
  boolean serves() {
    return !up.isEmpty();
  }

  /** Whether most of the nodes that take calls are over their capacity. */
  boolean overCapacity() {
    return 2 * up.stream().filter(Node::getOverCapacity).count() > up.size();
  }

  /** The node that has the user, where that is known; it may be one that leaves. */
  @Nullable Node ownerOf(String user) {
    if (owners.length == 0) return null;
    int shard = UserId.shardOf(user, owners.length);
    Node owner = shard < 0 ? null : owners[shard];
    return owner == null || owner.getState() == NodeState.NODE_STATE_UNREACHABLE ? null : owner;
  }

  /**
   * The node for a call: the owner of the user, unless that was tried, or the user belongs to a
   * canary that the owner is not; else one of those that take calls, rather one that was not tried,
   * of the version that the canary says, and near.
   *
   * @param owned whether the call is about what one node has
   * @param key the user, or what else tells callers apart
   * @param tried addresses of nodes that have failed
   */
  @Nullable Node pick(
      String key, boolean owned, Set<String> tried, @Nullable Canary canary, String zone) {
    Predicate<Node> untried = node -> !tried.contains(node.getGrpcAddress());
    boolean chosen = canary != null && canary.has(key);
    Predicate<Node> version =
        node -> canary == null || chosen == node.getVersion().equals(canary.version());
    Node owner = owned ? ownerOf(key) : null;
    if (owner != null && untried.test(owner) && !(chosen && up.stream().anyMatch(version))) {
      return owner;
    }
    List<Node> candidates = rather(version, rather(untried, up));
    if (owner != null && candidates.contains(owner)) return owner;
    candidates = rather(node -> node.getAvailabilityZone().equals(zone), candidates);
    return candidates.isEmpty()
        ? null
        : candidates.get(ThreadLocalRandom.current().nextInt(candidates.size()));
  }

  /** Those that are so, or all when none is. */
  private static List<Node> rather(Predicate<Node> so, List<Node> nodes) {
    List<Node> better = nodes.stream().filter(so).toList();
    return better.isEmpty() ? nodes : better;
  }
}
