package io.tideline.persistence.user;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonFormat;
import com.fasterxml.jackson.annotation.JsonPropertyOrder;
import com.fasterxml.jackson.annotation.JsonValue;
import io.tideline.persistence.timeline.Moment;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One thing that a user may change anywhere, as this cell knows it: the last writer wins. It
 * remembers a few earlier values, because cursors ask what a feed was made of before.
 *
 * @param at hybrid time of the change
 * @param cell where it was made; decides between two of the same time
 * @param seenAt hybrid time at which this cell learned of it
 * @param value {@code null} = there is none
 * @param earlier the changes before, latest first, without their own earlier ones
 */
public record Register<V>(
    long at, int cell, long seenAt, @Nullable V value, List<Register<V>> earlier) {
  private static final int REMEMBERED = 7;

  public Register {
    earlier = List.copyOf(earlier);
  }

  /** This one and those before, latest first. */
  List<Register<V>> changes() {
    List<Register<V>> all = new ArrayList<>(1 + earlier.size());
    addAll(all);
    return all;
  }

  /** How a snapshot keeps one change: an array of four. */
  @JsonFormat(shape = JsonFormat.Shape.ARRAY)
  @JsonPropertyOrder({"at", "cell", "seenAt", "value"})
  record Change<V>(long at, int cell, long seenAt, @Nullable V value) {
    Register<V> alone() {
      return of(at, cell, seenAt, value);
    }
  }

  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  Register(List<Change<V>> latestFirst) {
    this(
        latestFirst.get(0).at,
        latestFirst.get(0).cell,
        latestFirst.get(0).seenAt,
        latestFirst.get(0).value,
        latestFirst.stream().skip(1).map(Change::alone).toList());
  }

  @JsonValue
  List<Change<V>> latestFirst() {
    return changes().stream()
        .map(each -> new Change<>(each.at, each.cell, each.seenAt, each.value))
        .toList();
  }

  static <V> Register<V> of(long at, int cell, long seenAt, @Nullable V value) {
    return new Register<>(at, cell, seenAt, value, List.of());
  }

  /** What was in force at some moment, as far as was known then. */
  @Nullable V asOf(Moment then) {
    Register<V> change = changeAsOf(then);
    return change == null ? null : change.value;
  }

  /** The change that was the latest at some moment, as far as was known then. */
  @Nullable Register<V> changeAsOf(Moment then) {
    if (knownAt(then)) return this;
    for (Register<V> before : earlier) {
      if (before.knownAt(then)) return before;
    }
    return null;
  }

  /** The latest end that was known at some moment. */
  @Nullable Register<V> lastEndAsOf(Moment then) {
    if (value == null && knownAt(then)) return this;
    for (Register<V> before : earlier) {
      if (before.value == null && before.knownAt(then)) return before;
    }
    return null;
  }

  /** Of the latest change, well mixed. */
  long fingerprint() {
    long mixed = (at + cell) * 0x9E3779B97F4A7C15L;
    mixed = (mixed ^ (mixed >>> 32)) * 0xD6E8FEB86659FD93L;
    return (mixed ^ (mixed >>> 29)) * (2L * cell + 1);
  }

  /**
   * @param byCell of each cell when its latest change was made
   */
  void noteLatest(Map<Integer, Long> byCell) {
    byCell.merge(cell, at, Math::max);
    for (Register<V> before : earlier) byCell.merge(before.cell, before.at, Math::max);
  }

  boolean knownAt(Moment then) {
    return then.knew(at, cell, seenAt);
  }

  /** Commutative, associative and idempotent in everything but {@code seenAt}. */
  Register<V> merge(Register<V> other) {
    if (other.earlier.isEmpty() && wins(other)) {
      List<Register<V>> before = new ArrayList<>(REMEMBERED + 1);
      addAll(before);
      return new Register<>(other.at, other.cell, other.seenAt, other.value, remembered(before));
    }
    List<Register<V>> all = new ArrayList<>();
    addAll(all);
    other.addAll(all);
    all.sort(
        Comparator.<Register<V>>comparingLong(Register::at)
            .thenComparingInt(Register::cell)
            .reversed()
            .thenComparingLong(Register::seenAt));
    List<Register<V>> distinct = new ArrayList<>();
    for (Register<V> change : all) {
      if (distinct.isEmpty() || !change.isSame(distinct.get(distinct.size() - 1))) {
        distinct.add(change);
      }
    }
    Register<V> last = distinct.get(0);
    List<Register<V>> before = distinct.subList(1, distinct.size());
    return new Register<>(last.at, last.cell, last.seenAt, last.value, remembered(before));
  }

  /** The first few, and the last end: what was there before an end must not come back. */
  private static <V> List<Register<V>> remembered(List<Register<V>> before) {
    if (before.size() <= REMEMBERED) return before;
    for (int i = 0; i < before.size(); i++) {
      if (before.get(i).value != null) continue;
      if (i < REMEMBERED) break;
      List<Register<V>> withEnd = new ArrayList<>(before.subList(0, REMEMBERED));
      withEnd.add(before.get(i));
      return withEnd;
    }
    return before.subList(0, REMEMBERED);
  }

  /** Whether the other change is the later one. */
  boolean wins(Register<?> other) {
    return other.at > at || (other.at == at && other.cell > cell);
  }

  private boolean isSame(Register<V> other) {
    return at == other.at && cell == other.cell;
  }

  private Register<V> alone() {
    return earlier.isEmpty() ? this : new Register<>(at, cell, seenAt, value, List.of());
  }

  private void addAll(List<Register<V>> all) {
    all.add(alone());
    all.addAll(earlier);
  }
}
