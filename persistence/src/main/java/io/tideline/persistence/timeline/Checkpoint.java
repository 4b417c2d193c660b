package io.tideline.persistence.timeline;

import com.google.protobuf.InvalidProtocolBufferException;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.EntryFacts;
import io.tideline.protocols.log.v1.EntryFormer;
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
import org.jspecify.annotations.Nullable;

/**
 * What a timeline held when everything below some positions had been applied; the journal keeps the
 * differences from one to the next.
 *
 * @param entries oldest first, also those that the reader's rules hide
 * @param positions every line below them is reflected
 * @param floor no post of the sources above it is missing
 * @param rulesAt hybrid time of the rules that it was shown by
 */
public record Checkpoint(List<PostRef> entries, Positions positions, PostId floor, long rulesAt) {
  public static final Checkpoint EMPTY = new Checkpoint(List.of(), Positions.EMPTY, PostId.MIN, 0);

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

  /** The same of other references to the same entries. */
  Checkpoint of(List<PostRef> same) {
    return new Checkpoint(same, positions, floor, rulesAt);
  }

  /**
   * How many entries have come, changed or gone since.
   *
   * @param newer oldest first
   */
  public int changesTo(List<PostRef> newer) {
    int common = 0;
    int at = 0;
    for (PostRef ref : newer) {
      at = firstNotBelow(ref, at);
      if (isAt(ref, at) && entries.get(at).equals(ref)) common++;
    }
    return newer.size() + entries.size() - 2 * common;
  }

  /** What {@link #then} needs to turn this checkpoint into the newer one. */
  public byte[] differenceTo(Checkpoint newer) {
    TimelineCheckpoint.Builder difference =
        TimelineCheckpoint.newBuilder()
            .addAllPositions(newer.positions().toProto())
            .setFloorHigh(newer.floor().hi())
            .setFloorLow(newer.floor().lo())
            .setRulesAt(newer.rulesAt());
    Columns columns = new Columns();
    int at = 0;
    for (PostRef ref : newer.entries()) {
      int next = firstNotBelow(ref, at);
      remove(at, next, difference);
      boolean known = isAt(ref, next);
      if (!known || !entries.get(next).equals(ref)) columns.add(ref);
      at = known ? next + 1 : next;
    }
    remove(at, entries.size(), difference);
    return difference.setEntries(columns.build()).build().toByteArray();
  }

  private int firstNotBelow(PostRef ref, int from) {
    int at = from;
    while (at < entries.size() && PostRef.BY_ID.compare(entries.get(at), ref) < 0) at++;
    return at;
  }

  private boolean isAt(PostRef ref, int at) {
    return at < entries.size() && PostRef.BY_ID.compare(entries.get(at), ref) == 0;
  }

  private void remove(int from, int to, TimelineCheckpoint.Builder difference) {
    for (PostRef gone : entries.subList(from, to)) {
      difference.addRemovedHigh(gone.idHi).addRemovedLow(gone.idLo);
    }
  }

  /** The checkpoint that a recorded difference leads to. */
  public Checkpoint then(byte[] difference) {
    TimelineCheckpoint read = parse(difference);
    Set<PostId> removed = new HashSet<>();
    for (int i = 0; i < read.getRemovedHighCount(); i++) {
      removed.add(new PostId(read.getRemovedHigh(i), read.getRemovedLow(i)));
    }
    List<PostRef> came = refs(read.getEntries());
    came.sort(PostRef.BY_ID);
    List<PostRef> merged = new ArrayList<>(entries.size() + came.size());
    int at = 0;
    for (PostRef ref : came) {
      int next = firstNotBelow(ref, at);
      keep(at, next, removed, merged);
      merged.add(ref);
      at = isAt(ref, next) ? next + 1 : next;
    }
    keep(at, entries.size(), removed, merged);
    return new Checkpoint(
        merged,
        Positions.fromProto(read.getPositionsList()),
        new PostId(read.getFloorHigh(), read.getFloorLow()),
        read.getRulesAt());
  }

  private void keep(int from, int to, Set<PostId> removed, List<PostRef> merged) {
    for (PostRef ref : entries.subList(from, to)) {
      if (removed.isEmpty() || !removed.contains(ref.id())) merged.add(ref);
    }
  }

  private static TimelineCheckpoint parse(byte[] bytes) {
    try {
      return TimelineCheckpoint.parseFrom(bytes);
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalArgumentException("not a timeline checkpoint: " + e.getMessage(), e);
    }
  }

  private static List<PostRef> refs(TimelineEntries columns) {
    List<UserId> authors = columns.getAuthorsList().stream().map(SharedUsers::of).toList();
    List<LogPartition> partitions =
        columns.getPartitionsList().stream()
            .map(p -> new LogPartition(p.getCell(), p.getIncarnation(), p.getPartition()))
            .toList();
    Map<Integer, EntryFacts> facts = new HashMap<>();
    for (EntryFacts of : columns.getFactsList()) facts.put(of.getEntry(), of);
    List<PostRef> refs = new ArrayList<>(columns.getIdHighCount());
    for (int i = 0; i < columns.getIdHighCount(); i++) {
      PostRef plain =
          new PostRef(
              columns.getIdHigh(i),
              columns.getIdLow(i),
              columns.getVersion(i),
              authors.get(columns.getAuthor(i)),
              partitions.get(columns.getPartition(i)),
              columns.getOffset(i),
              columns.getFlags(i));
      EntryFacts of = facts.get(i);
      refs.add(
          of == null ? plain : version(plain, plain.version, plain.flags, of, authors, partitions));
    }
    return refs;
  }

  private static PostRef version(
      PostRef of,
      long version,
      int flags,
      EntryFacts facts,
      List<UserId> authors,
      List<LogPartition> partitions) {
    EntryFormer former = facts.hasFormer() ? facts.getFormer() : null;
    return new PostRef(
        of.idHi,
        of.idLo,
        version,
        of.author,
        of.partition,
        of.offset,
        flags,
        facts(facts, authors),
        former == null
            ? null
            : new PostRef.Former(
                version(
                    of,
                    former.getVersion(),
                    former.getFlags(),
                    former.getFacts(),
                    authors,
                    partitions),
                former.getMetList(),
                partitions.get(former.getPartition()),
                former.getOffset()));
  }

  private static Facts facts(EntryFacts facts, List<UserId> authors) {
    return new Facts(
        facts.getTagsList(),
        facts.getLanguage(),
        facts.getMentionsList().stream().map(i -> authors.get(i - 1)).toList(),
        facts.getHasParent(),
        authorAt(facts.getParentAuthor(), authors),
        authorAt(facts.getRootAuthor(), authors),
        facts.getOriginalPostId().isEmpty() ? null : PostId.fromBytes(facts.getOriginalPostId()),
        authorAt(facts.getOriginalAuthor(), authors));
  }

  private static @Nullable UserId authorAt(int index, List<UserId> authors) {
    return index == 0 ? null : authors.get(index - 1);
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
          .addAuthor(indexOf(ref.author) - 1)
          .addPartition(indexOf(ref.partition))
          .addOffset(ref.offset)
          .addFlags(ref.flags);
      if (ref.former != null || !ref.facts.equals(Facts.NONE)) {
        columns.addFacts(facts(ref).setEntry(columns.getIdHighCount() - 1));
      }
    }

    private int indexOf(LogPartition partition) {
      return partitions.computeIfAbsent(partition, p -> partitions.size());
    }

    /** One more than the author's place; 0 for nobody. */
    private int indexOf(@Nullable UserId author) {
      if (author == null) return 0;
      return authors.computeIfAbsent(author, added -> authors.size()) + 1;
    }

    private EntryFacts.Builder facts(PostRef ref) {
      Facts facts = ref.facts;
      EntryFacts.Builder proto =
          EntryFacts.newBuilder()
              .addAllTags(facts.tags())
              .setLanguage(facts.language())
              .setHasParent(facts.reply())
              .setParentAuthor(indexOf(facts.parentAuthor()))
              .setRootAuthor(indexOf(facts.rootAuthor()))
              .setOriginalAuthor(indexOf(facts.originalAuthor()));
      facts.mentions().forEach(user -> proto.addMentions(indexOf(user)));
      PostId original = facts.original();
      if (original != null) proto.setOriginalPostId(original.toByteString());
      PostRef.Former former = ref.former;
      if (former == null) return proto;
      return proto.setFormer(
          EntryFormer.newBuilder()
              .setFacts(facts(former.post()))
              .setVersion(former.post().version)
              .setFlags(former.post().flags)
              .setPartition(indexOf(former.partition()))
              .setOffset(former.offset())
              .addAllMet(former.met()));
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
