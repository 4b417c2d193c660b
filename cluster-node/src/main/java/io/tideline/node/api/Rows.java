package io.tideline.node.api;

import io.tideline.persistence.timeline.PostRef;
import io.tideline.persistence.timeline.Verdict;
import io.tideline.protocols.PostId;
import io.tideline.protocols.v1.EntryGroup;
import io.tideline.protocols.v1.PostReference;
import io.tideline.protocols.v1.ReadFeedResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.IntPredicate;
import java.util.function.IntUnaryOperator;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The rows of one page in the order of a walk: an entry each, or neighbours in one row that are
 * about one original or by one author.
 */
final class Rows {
  private static final int SHOWN_MEMBERS = 15;
  private static final int MOST_MEMBERS = 1_000;

  /** What the members of a row have in common. */
  private enum Bond {
    NONE,
    ORIGINAL,
    AUTHOR
  }

  private static final class Row {
    final List<PostRef> members = new ArrayList<>(1);
    Bond bond = Bond.NONE;

    Row(PostRef first) {
      members.add(first);
    }

    PostRef newest() {
      PostRef first = members.get(0);
      PostRef last = members.get(members.size() - 1);
      return first.compareToId(last.idHi, last.idLo) > 0 ? first : last;
    }

    boolean take(PostRef next) {
      if (members.size() == MOST_MEMBERS) return false;
      PostRef one = members.get(0);
      boolean sameOriginal = about(one).equals(about(next));
      boolean sameAuthor = one.author.equals(next.author);
      switch (bond) {
        case NONE -> {
          if (!sameOriginal && !sameAuthor) return false;
          bond = sameOriginal ? Bond.ORIGINAL : Bond.AUTHOR;
        }
        case ORIGINAL -> {
          if (!sameOriginal) return false;
        }
        case AUTHOR -> {
          if (!sameAuthor) return false;
        }
      }
      members.add(next);
      return true;
    }

    private static PostId about(PostRef ref) {
      PostId original = ref.facts.original();
      return original == null ? ref.id() : original;
    }
  }

  private final int limit;
  private final List<PostRef> heads;
  private final List<Verdict> verdicts;
  // Only where rows may have several members.
  private final @Nullable List<Row> rows;
  private boolean full;

  Rows(int limit, boolean group) {
    this.limit = limit;
    this.heads = new ArrayList<>(limit);
    this.verdicts = new ArrayList<>(limit);
    this.rows = group ? new ArrayList<>() : null;
  }

  /** Takes the next entry of the walk; false when it belongs to the next page. */
  boolean add(PostRef entry, Verdict why) {
    if (full) return false;
    if (rows != null && !rows.isEmpty()) {
      Row last = rows.get(rows.size() - 1);
      if (last.take(entry)) {
        if (last.newest().equals(entry)) {
          heads.set(heads.size() - 1, entry);
          verdicts.set(heads.size() - 1, why);
        }
        return true;
      }
    }
    if (heads.size() == limit) {
      full = true;
      return false;
    }
    heads.add(entry);
    verdicts.add(why);
    if (rows != null) rows.add(new Row(entry));
    return true;
  }

  /** True when there is an entry for which there was no room. */
  boolean full() {
    return full;
  }

  /** How many entries it takes at least to fill them and to know that there is another page. */
  int wanted() {
    return limit - heads.size() + 1;
  }

  /** Where the walk is behind them; {@code null} when there are none. */
  @Nullable PostId last() {
    if (heads.isEmpty()) return null;
    if (rows == null) return heads.get(heads.size() - 1).id();
    List<PostRef> members = rows.get(rows.size() - 1).members;
    return members.get(members.size() - 1).id();
  }

  /**
   * Leaves out the newest entries of these rows where there are others; false when there are none.
   *
   * @param why the one that is the newest then is there
   */
  boolean leaveOutHeads(IntPredicate of, Function<PostRef, Verdict> why) {
    if (rows == null) return false;
    boolean others = false;
    for (int i = 0; i < rows.size(); i++) {
      Row row = rows.get(i);
      if (row.members.size() == 1 || !of.test(i)) continue;
      row.members.remove(row.newest());
      heads.set(i, row.newest());
      verdicts.set(i, why.apply(row.newest()));
      others = true;
    }
    return others;
  }

  /** The newest entry of each; not to be changed. */
  List<PostRef> heads() {
    return heads;
  }

  /** Why the newest entry of a row is there. */
  Verdict verdict(int row) {
    return verdicts.get(row);
  }

  /** Whether a row has such an entry. */
  boolean has(int row, Predicate<PostRef> which) {
    return rows == null
        ? which.test(heads.get(row))
        : rows.get(row).members.stream().anyMatch(which);
  }

  /**
   * Tells of the rows that have several members.
   *
   * @param place the index of a row's card in the answer; negative when it has none
   */
  void describe(ReadFeedResponse.Builder answer, IntUnaryOperator place) {
    if (rows == null) return;
    for (int i = 0; i < rows.size(); i++) {
      List<PostRef> members = rows.get(i).members;
      int card = place.applyAsInt(i);
      if (members.size() == 1 || card < 0) continue;
      EntryGroup.Builder described =
          answer.addGroupsBuilder().setCard(card).setTotal(members.size());
      members.stream()
          .sorted((a, b) -> b.compareToId(a.idHi, a.idLo))
          .limit(SHOWN_MEMBERS)
          .forEach(member -> described.addMembers(reference(member)));
    }
  }

  private static PostReference reference(PostRef ref) {
    return PostReference.newBuilder()
        .setPostId(ref.id().toString())
        .setAuthorId(ref.author.value())
        .build();
  }
}
