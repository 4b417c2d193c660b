package io.tideline.persistence.timeline;

import com.google.protobuf.InvalidProtocolBufferException;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.LogPosition;
import io.tideline.protocols.log.v1.TimelineCheckpoint;
import io.tideline.protocols.log.v1.TimelineEntries;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * What a timeline held when everything below some positions had been applied; the journal keeps the
 * differences from one to the next.
 *
 * @param entries oldest first
 * @param positions every line below them is reflected
 * @param floor no eligible post above it is missing
 */
public record Checkpoint(List<PostRef> entries, Positions positions, PostId floor) {
  public static final Checkpoint EMPTY = new Checkpoint(List.of(), Positions.EMPTY, PostId.MIN);

  public Checkpoint {
    entries = List.copyOf(entries);
  }

  /** Reads a whole checkpoint; throws {@link IllegalArgumentException} for anything else. */
  public static Checkpoint decode(byte[] bytes) {
    return EMPTY.then(bytes);
  }

  public byte[] encode() {
    return EMPTY.differenceTo(this);
  }

  /** How many entries have come, changed or gone since. */
  public int changesTo(List<PostRef> newer) {
    Set<PostRef> common = new HashSet<>(entries);
    common.retainAll(new HashSet<>(newer));
    return newer.size() + entries.size() - 2 * common.size();
  }

  /** What {@link #then} needs to turn this checkpoint into the newer one. */
  public byte[] differenceTo(Checkpoint newer) {
    Map<PostId, PostRef> old = new HashMap<>();
    for (PostRef ref : entries) old.put(ref.id(), ref);
    Columns columns = new Columns();
    for (PostRef ref : newer.entries()) {
      if (!ref.equals(old.remove(ref.id()))) columns.add(ref);
    }
    TimelineCheckpoint.Builder difference =
        TimelineCheckpoint.newBuilder()
            .setEntries(columns.build())
            .addAllPositions(newer.positions().toProto())
            .setFloorHigh(newer.floor().hi())
            .setFloorLow(newer.floor().lo());
    for (PostRef gone : entries) {
      if (!old.containsKey(gone.id())) continue;
      difference.addRemovedHigh(gone.idHi).addRemovedLow(gone.idLo);
    }
    return difference.build().toByteArray();
  }

  /** The checkpoint that a recorded difference leads to. */
  public Checkpoint then(byte[] difference) {
    TimelineCheckpoint read = parse(difference);
    TreeMap<PostId, PostRef> merged = new TreeMap<>();
    for (PostRef ref : entries) merged.put(ref.id(), ref);
    for (int i = 0; i < read.getRemovedHighCount(); i++) {
      merged.remove(new PostId(read.getRemovedHigh(i), read.getRemovedLow(i)));
    }
    for (PostRef ref : refs(read.getEntries())) merged.put(ref.id(), ref);
    return new Checkpoint(
        new ArrayList<>(merged.values()),
        Positions.fromProto(read.getPositionsList()),
        new PostId(read.getFloorHigh(), read.getFloorLow()));
  }

  private static TimelineCheckpoint parse(byte[] bytes) {
    try {
      return TimelineCheckpoint.parseFrom(bytes);
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalArgumentException("not a timeline checkpoint: " + e.getMessage(), e);
    }
  }

  private static List<PostRef> refs(TimelineEntries columns) {
    List<UserId> authors = columns.getAuthorsList().stream().map(UserId::new).toList();
    List<LogPartition> partitions =
        columns.getPartitionsList().stream()
            .map(p -> new LogPartition(p.getCell(), p.getIncarnation(), p.getPartition()))
            .toList();
    List<PostRef> refs = new ArrayList<>(columns.getIdHighCount());
    for (int i = 0; i < columns.getIdHighCount(); i++) {
      refs.add(
          new PostRef(
              columns.getIdHigh(i),
              columns.getIdLow(i),
              columns.getVersion(i),
              authors.get(columns.getAuthor(i)),
              partitions.get(columns.getPartition(i)),
              columns.getOffset(i),
              columns.getFlags(i)));
    }
    return refs;
  }

  private static final class Columns {
    private final TimelineEntries.Builder columns = TimelineEntries.newBuilder();
    private final Map<UserId, Integer> authors = new LinkedHashMap<>();
    private final Map<LogPartition, Integer> partitions = new LinkedHashMap<>();

    void add(PostRef ref) {
      columns
          .addIdHigh(ref.idHi)
          .addIdLow(ref.idLo)
          .addVersion(ref.version)
          .addAuthor(authors.computeIfAbsent(ref.author, author -> authors.size()))
          .addPartition(partitions.computeIfAbsent(ref.partition, p -> partitions.size()))
          .addOffset(ref.offset)
          .addFlags(ref.flags);
    }

    TimelineEntries build() {
      authors.keySet().forEach(author -> columns.addAuthors(author.value()));
      for (LogPartition p : partitions.keySet()) {
        columns.addPartitions(
            LogPosition.newBuilder()
                .setCell(p.cell())
                .setIncarnation(p.incarnation())
                .setPartition(p.partition()));
      }
      return columns.build();
    }
  }
}
