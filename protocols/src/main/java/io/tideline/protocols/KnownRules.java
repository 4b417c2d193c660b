package io.tideline.protocols;

import java.util.Map;
import java.util.TreeMap;

/**
 * Which of a reader's decisions a cell knew at some moment, told so that another cell, which has
 * learned of them at other times, can tell too.
 *
 * @param cell the one that knew them
 * @param latest by the cell in which they were made, the hybrid time of the latest
 * @param digest of those that were in force; 0 = which ones is not certain any more
 */
public record KnownRules(int cell, Map<Integer, Long> latest, int digest)
    implements Comparable<KnownRules> {
  /** Says nothing, to any cell. */
  public static final KnownRules UNKNOWN = new KnownRules(0, Map.of(), 0);

  public KnownRules {
    latest = Map.copyOf(latest);
  }

  public boolean certain() {
    return digest != 0;
  }

  /** Whether a decision may have been known; it was, if decisions of a cell come in their order. */
  public boolean includes(long at, int madeIn) {
    Long last = latest.get(madeIn);
    return last != null && at <= last;
  }

  /** Whether what the other one says was known is known here as well. */
  public boolean covers(KnownRules other) {
    return other.latest.entrySet().stream().allMatch(e -> includes(e.getValue(), e.getKey()));
  }

  /** The same, without certainty. */
  KnownRules uncertain() {
    return new KnownRules(cell, latest, 0);
  }

  @Override
  public int compareTo(KnownRules other) {
    int order = Integer.compare(cell, other.cell);
    if (order == 0) order = Integer.compareUnsigned(digest, other.digest);
    return order != 0
        ? order
        : new TreeMap<>(latest).toString().compareTo(new TreeMap<>(other.latest).toString());
  }

  io.tideline.protocols.log.v1.KnownRules toProto() {
    var proto = io.tideline.protocols.log.v1.KnownRules.newBuilder().setCell(cell);
    Map<Integer, Long> inOrder = latest.size() < 2 ? latest : new TreeMap<>(latest);
    inOrder.forEach((madeIn, at) -> proto.addMadeIn(madeIn).addLatestAt(at));
    return proto.setDigest(digest).build();
  }

  static KnownRules fromProto(io.tideline.protocols.log.v1.KnownRules proto) {
    if (proto.getMadeInCount() != proto.getLatestAtCount()) {
      throw new IllegalArgumentException("a time for each cell");
    }
    Map<Integer, Long> latest = new TreeMap<>();
    for (int i = 0; i < proto.getMadeInCount(); i++) {
      latest.put(proto.getMadeIn(i), proto.getLatestAt(i));
    }
    return new KnownRules(proto.getCell(), latest, proto.getDigest());
  }
}
