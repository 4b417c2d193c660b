package io.tideline.multidc.placement;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What operators say about nodes and zones, by name: a node's is {@code host:port} of its public
 * API, a zone's has no colon. What nobody says anything about has weight {@value #NORMAL}.
 */
public record Weights(Map<String, Entry> entries) {
  public static final int NORMAL = 100;
  public static final int MOST = 1_000;
  public static final Weights NONE = new Weights(Map.of());

  /**
   * What is said about one node or zone.
   *
   * @param weight 0-{@value #MOST}; 0 = as if draining
   * @param draining gives its shards away, whatever the weight
   */
  public record Entry(int weight, boolean draining) {
    public static final Entry NORMAL = new Entry(Weights.NORMAL, false);

    public int effective() {
      return draining ? 0 : weight;
    }
  }

  public Weights {
    entries = Map.copyOf(entries);
  }

  public Entry entry(String name) {
    return Optional.ofNullable(entries.get(name)).orElse(Entry.NORMAL);
  }

  /** The same, but for what is said about one name. */
  public Weights with(String name, Entry entry) {
    Map<String, Entry> all = new HashMap<>(entries);
    all.put(name, entry);
    return new Weights(all);
  }

  /**
   * The weight of a node with that of its zone: {@value #NORMAL} where nothing is said, 0 when one
   * of the two is drained, else at least 1.
   */
  public int of(String address, String zone) {
    long product = (long) entry(address).effective() * entry(zone).effective();
    return (int) ((product + NORMAL - 1) / NORMAL);
  }
}
