package io.tideline.node.ops;

import io.tideline.protocols.UserId;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Which nodes there are and which of them has which users, at one moment.
 *
 * @param epoch grows with each change that this node sees
 * @param shardOwners shard to node id, for the shards that are placed
 */
public record Topology(
    long epoch, List<Node> nodes, int shardCount, Map<Integer, String> shardOwners) {
  public Topology {
    nodes = List.copyOf(nodes);
    shardOwners = Map.copyOf(shardOwners);
  }

  /** One member; {@code id} is {@code host:port#uid}, for one life of a process. */
  public record Node(
      String id,
      String cell,
      String availabilityZone,
      String grpcAddress,
      String version,
      State state) {}

  /** Where a node stands in its life as a member. */
  public enum State {
    JOINING,
    UP,
    LEAVING,
    UNREACHABLE
  }

  /** The node that has the user, if the user's shard is placed. */
  public Optional<Node> ownerOf(UserId user) {
    String owner = shardOwners.get(UserId.shardOf(user.value(), shardCount));
    return nodes.stream().filter(node -> node.id().equals(owner)).findFirst();
  }
}
