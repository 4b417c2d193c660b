package io.tideline.persistence.user;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import io.tideline.protocols.UserId;
import java.util.AbstractSet;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Whom one user follows and no longer follows. Edges that ended stay, so that a late message cannot
 * bring them back.
 */
public record Graph(Map<UserId, FollowEdge> edges) {
  public static final Graph EMPTY = new Graph(Map.of());

  public Graph {
    edges = Map.copyOf(edges);
  }

  /** How a journal keeps one edge. */
  record Edge(UserId target, boolean active, long at, int cell) {}

  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  static Graph ofEdges(List<Edge> edges) {
    Map<UserId, FollowEdge> byTarget = new HashMap<>();
    for (Edge e : edges) byTarget.put(e.target(), new FollowEdge(e.active(), e.at(), e.cell()));
    return new Graph(byTarget);
  }

  @JsonValue
  List<Edge> toEdges() {
    List<Edge> list = new ArrayList<>(edges.size());
    edges.forEach((target, e) -> list.add(new Edge(target, e.active(), e.at(), e.cell())));
    return list;
  }

  public boolean follows(UserId target) {
    FollowEdge edge = edges.get(target);
    return edge != null && edge.active();
  }

  /** Those who are followed; a view that costs nothing. */
  public Set<UserId> followees() {
    return new Followees(edges);
  }

  /** The targets for which the change would make a difference. */
  public List<UserId> changedBy(Collection<UserId> targets, boolean active) {
    return targets.stream().distinct().filter(target -> follows(target) != active).toList();
  }

  /** The graph after a change of some edges, all at one time. */
  public Graph merge(Collection<UserId> targets, FollowEdge change) {
    Map<UserId, FollowEdge> merged = new HashMap<>(edges);
    for (UserId target : targets) merged.merge(target, change, FollowEdge::merge);
    return new Graph(merged);
  }

  private static final class Followees extends AbstractSet<UserId> {
    private final Map<UserId, FollowEdge> edges;

    Followees(Map<UserId, FollowEdge> edges) {
      this.edges = edges;
    }

    @Override
    public boolean contains(@Nullable Object user) {
      FollowEdge edge = user == null ? null : edges.get(user);
      return edge != null && edge.active();
    }

    @Override
    public Iterator<UserId> iterator() {
      return edges.entrySet().stream()
          .filter(edge -> edge.getValue().active())
          .map(Map.Entry::getKey)
          .iterator();
    }

    @Override
    public int size() {
      int active = 0;
      for (FollowEdge edge : edges.values()) if (edge.active()) active++;
      return active;
    }
  }
}
