package io.tideline.node.ops;

import io.tideline.protocols.UserId;
import java.util.DoubleSummaryStatistics;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

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

  /**
   * One member; {@code id} is {@code host:port#uid}, for one life of a process.
   *
   * @param weight what it takes compared with others, with the weight of its zone; 0 = it drains
   */
  public record Node(
      String id,
      String cell,
      String availabilityZone,
      String grpcAddress,
      String version,
      State state,
      int weight) {}

  /** Where a node stands in its life as a member. */
  public enum State {
    JOINING,
    UP,
    LEAVING,
    UNREACHABLE
  }

  /** Whether this node reaches half of the nodes or more, itself among them. */
  public boolean reachesHalf() {
    long unreachable = nodes.stream().filter(node -> node.state() == State.UNREACHABLE).count();
    return 2 * unreachable <= nodes.size();
  }

  /**
   * Whether the cell has users. Each node that opens asks for one who is nobody, whose shard gets a
   * home: so many shards are none.
   */
  public boolean hasUsers() {
    return shardOwners.size() > nodes.size();
  }

  /** The node that has the user, if the user's shard is placed. */
  public Optional<Node> ownerOf(UserId user) {
    String owner = shardOwners.get(UserId.shardOf(user.value(), shardCount));
    return nodes.stream().filter(node -> node.id().equals(owner)).findFirst();
  }

  /** Node id to number of shards, for nodes that have any. */
  public Map<String, Long> shardCounts() {
    return shardOwners.values().stream()
        .collect(Collectors.groupingBy(id -> id, Collectors.counting()));
  }

  /**
   * How unevenly the zones are loaded: (most - least) / mean of their shards by weight; 0 = evenly,
   * or each is less than two shards off its share, which is what the plan of where shards are puts
   * up with. Zones that have nothing to take with, because they are drained or away, do not count.
   */
  public double zoneSkew() {
    Map<String, Long> shards = shardCounts();
    List<Zone> zones =
        nodes.stream()
            .filter(node -> node.state() == State.UP && node.weight() > 0)
            .collect(Collectors.groupingBy(Node::availabilityZone))
            .values()
            .stream()
            .map(zone -> Zone.of(zone, shards))
            .toList();
    double mean =
        zones.stream().mapToLong(Zone::shards).sum()
            / (double) zones.stream().mapToInt(Zone::weight).sum();
    if (zones.stream().allMatch(zone -> Math.abs(zone.shards() - mean * zone.weight()) < 2))
      return 0;
    DoubleSummaryStatistics loads = zones.stream().mapToDouble(Zone::load).summaryStatistics();
    return (loads.getMax() - loads.getMin()) / loads.getAverage();
  }

  private record Zone(long shards, int weight) {
    static Zone of(List<Node> nodes, Map<String, Long> shards) {
      return new Zone(
          nodes.stream().mapToLong(node -> shards.getOrDefault(node.id(), 0L)).sum(),
          nodes.stream().mapToInt(Node::weight).sum());
    }

    double load() {
      return (double) shards / weight;
    }
  }
}
