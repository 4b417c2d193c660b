package io.tideline.persistence.timeline;

import io.tideline.protocols.LogPartition;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.PostLine;
import io.tideline.protocols.log.v1.PostLineKind;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One post as timelines know it: who wrote it, in which version, and where it arrived; 64 bytes,
 * and more only for those that have facts.
 *
 * <p>The halves of the id are fields of their own because there are millions of references: a
 * {@link PostId} each would cost half as much again. Author and partition are shared instances.
 */
public final class PostRef {
  public static final int DELETED = 1;
  public static final int EDITED = 2;
  public static final int REPLY = 4;
  public static final int REPOST = 8;

  /** Together with {@link #DELETED}: all posts of the author are no more; the id says nothing. */
  public static final int ERASED = 16;

  /** As {@link PostId#compareTo}. */
  static final Comparator<PostRef> BY_ID = (a, b) -> a.compareToId(b.idHi, b.idLo);

  private static final int MOST_FORMER = 4;

  public final long idHi;
  public final long idLo;
  public final long version;
  public final UserId author;
  public final LogPartition partition;
  public final long offset;
  public final int flags;
  public final Facts facts;

  /** What the post was before its latest edit, as far as that is known. */
  public final @Nullable Former former;

  public PostRef(
      long idHi,
      long idLo,
      long version,
      UserId author,
      LogPartition partition,
      long offset,
      int flags) {
    this(idHi, idLo, version, author, partition, offset, flags, Facts.NONE);
  }

  public PostRef(
      long idHi,
      long idLo,
      long version,
      UserId author,
      LogPartition partition,
      long offset,
      int flags,
      Facts facts) {
    this(idHi, idLo, version, author, partition, offset, flags, facts, null);
  }

  public PostRef(
      long idHi,
      long idLo,
      long version,
      UserId author,
      LogPartition partition,
      long offset,
      int flags,
      Facts facts,
      @Nullable Former former) {
    this.idHi = idHi;
    this.idLo = idLo;
    this.version = version;
    this.author = author;
    this.partition = partition;
    this.offset = offset;
    this.flags = flags;
    this.facts = facts;
    this.former = former;
  }

  /**
   * An earlier version of a post.
   *
   * @param met the rules about texts that it met
   * @param partition where the version after it arrived
   */
  public record Former(PostRef post, List<String> met, LogPartition partition, long offset) {
    public Former {
      met = List.copyOf(met);
    }
  }

  /** The reference that a line of the posts log stands for; the author is the line's. */
  public static PostRef of(PostLine line, UserId author, LogPartition partition, long offset) {
    boolean erased = line.getKind() == PostLineKind.POST_LINE_KIND_ERASED;
    PostId id = erased ? PostId.MIN : PostId.fromBytes(line.getPostId());
    return new PostRef(
        id.hi(),
        id.lo(),
        line.getVersion(),
        author,
        partition,
        offset,
        flagsOf(line),
        Facts.of(line.getFacts()));
  }

  /** The flags of the post as this line describes it. */
  public static int flagsOf(PostLine line) {
    if (line.getKind() == PostLineKind.POST_LINE_KIND_DELETED) {
      return DELETED;
    }
    if (line.getKind() == PostLineKind.POST_LINE_KIND_ERASED) {
      return DELETED | ERASED;
    }
    int flags = line.getKind() == PostLineKind.POST_LINE_KIND_EDITED ? EDITED : 0;
    flags |= line.getFacts().hasParent() ? REPLY : 0;
    flags |= line.getFacts().hasOriginal() ? REPOST : 0;
    return flags;
  }

  public PostId id() {
    return new PostId(idHi, idLo);
  }

  public boolean deleted() {
    return (flags & DELETED) != 0;
  }

  /** Whether it says what has become of a post, or of all of its author's. */
  boolean isLaterWord() {
    return (flags & (EDITED | DELETED)) != 0;
  }

  /** Whether it stands for all posts of its author, none of which is there any more. */
  public boolean erased() {
    return (flags & ERASED) != 0;
  }

  boolean isAbove(PostId floor) {
    return compareToId(floor.hi(), floor.lo()) > 0;
  }

  boolean isOf(PostId post) {
    return idHi == post.hi() && idLo == post.lo();
  }

  /** Orders by post id, as {@link PostId#compareTo} does. */
  public int compareToId(long otherHi, long otherLo) {
    int order = Long.compareUnsigned(idHi, otherHi);
    return order != 0 ? order : Long.compareUnsigned(idLo, otherLo);
  }

  /**
   * The same post after an edit, remembering what it was before if that may have decided otherwise.
   *
   * @param met the rules about texts that this version met
   * @param metNow those that the later one meets
   */
  PostRef edited(PostRef line, List<String> met, List<String> metNow) {
    PostRef merged = merge(line);
    if (merged.deleted() || (facts.equals(line.facts) && met.equals(metNow))) {
      return merged.after(former);
    }
    return merged.after(new Former(cut(MOST_FORMER - 1), met, line.partition, line.offset));
  }

  private PostRef cut(int depth) {
    if (former == null) return this;
    if (depth == 0) return after(null);
    return after(
        new Former(former.post.cut(depth - 1), former.met, former.partition, former.offset));
  }

  PostRef after(@Nullable Former earlier) {
    if (Objects.equals(earlier, former)) return this;
    return new PostRef(idHi, idLo, version, author, partition, offset, flags, facts, earlier);
  }

  /**
   * What two lines of one post say together: a delete wins, else the later version, at the place
   * where the post has arrived; whichever of them comes first.
   */
  public PostRef merge(PostRef other) {
    boolean loses = deleted() == other.deleted() ? other.version > version : other.deleted();
    PostRef winner = loses ? other : this;
    PostRef first = other.arrivesBefore(this) ? other : this;
    Former earlier = winner.formerAfter(loses ? this : other);
    if (winner.offset == first.offset && winner.partition.equals(first.partition)) {
      return winner.after(earlier);
    }
    return new PostRef(
        idHi,
        idLo,
        winner.version,
        author,
        first.partition,
        first.offset,
        winner.flags,
        winner.facts,
        earlier);
  }

  /**
   * Whether this line rather than the other one, which came perhaps by another cell's log, tells
   * where their post has arrived: where the post's own cell has written it, as the store has it.
   */
  public boolean arrivesBefore(PostRef other) {
    if (atHome() != other.atHome()) return atHome();
    if (offset != other.offset) return offset < other.offset;
    return partition.compareTo(other.partition) < 0;
  }

  private boolean atHome() {
    return partition.cell() == idLo >>> 56;
  }

  /** The same post, arrived where this line says if that is before. */
  PostRef arrivedAs(PostRef line) {
    if (partition.equals(line.partition) || !line.arrivesBefore(this)) return this;
    return new PostRef(
        idHi, idLo, version, author, line.partition, line.offset, flags, facts, former);
  }

  private @Nullable Former formerAfter(PostRef earlier) {
    if (former != null || deleted() || version == earlier.version) return former;
    return facts.equals(earlier.facts)
        ? earlier.former
        : new Former(earlier.cut(MOST_FORMER - 1), List.of(), partition, offset);
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return this == other
        || (other instanceof PostRef that
            && idHi == that.idHi
            && idLo == that.idLo
            && version == that.version
            && author.equals(that.author)
            && partition.equals(that.partition)
            && offset == that.offset
            && flags == that.flags
            && facts.equals(that.facts)
            && Objects.equals(former, that.former));
  }

  @Override
  public int hashCode() {
    return Long.hashCode(idHi * 31 + idLo);
  }

  @Override
  public String toString() {
    return "%s by %s, version %d, flags %d, arrived at %s:%d"
        .formatted(id(), author, version, flags, partition, offset);
  }
}
