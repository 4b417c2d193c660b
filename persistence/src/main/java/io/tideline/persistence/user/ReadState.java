package io.tideline.persistence.user;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import io.tideline.protocols.KnownRules;
import io.tideline.protocols.Watermark;
import io.tideline.protocols.log.v1.IntentLine;
import io.tideline.protocols.log.v1.ReadMarked;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;

/**
 * How far a user has read each feed; only moves forward.
 *
 * @param marks by surface: what the feed was made of when it was read; {@code newest} is the newest
 *     post that was
 */
public record ReadState(@JsonValue Map<String, Watermark> marks) {
  public static final ReadState EMPTY = new ReadState(Map.of());

  private static final Comparator<Watermark> LATER_RULES =
      Comparator.comparingLong(Watermark::rulesAt)
          .thenComparing(
              Watermark::knownRules, Comparator.nullsFirst(Comparator.<KnownRules>naturalOrder()));

  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  public ReadState {
    marks = Map.copyOf(marks);
  }

  public Watermark of(String surface) {
    return marks.getOrDefault(surface, Watermark.NOTHING);
  }

  ReadState merge(IntentLine line) {
    if (!line.hasReadMarked()) return this;
    ReadMarked marked = line.getReadMarked();
    return merge(marked.getSurface(), Watermark.fromProto(marked.getWatermark()));
  }

  /**
   * The newer post wins; about the same post, what had arrived adds up: so a late arrival counts as
   * read once the feed has been read again.
   */
  ReadState merge(String surface, Watermark mark) {
    Watermark before = of(surface);
    Watermark merged = merge(before, mark);
    if (merged.equals(before)) return this;
    Map<String, Watermark> changed = new HashMap<>(marks);
    changed.put(surface, merged);
    return new ReadState(changed);
  }

  /** True when the mark would make a difference. */
  boolean movedBy(String surface, Watermark mark) {
    return !merge(surface, mark).equals(this);
  }

  private static Watermark merge(Watermark one, Watermark other) {
    int order = one.newest().compareTo(other.newest());
    if (order != 0) return order > 0 ? one : other;
    Watermark later = LATER_RULES.compare(one, other) > 0 ? one : other;
    return new Watermark(
        one.positions().merge(other.positions()),
        later.rulesAt(),
        one.floor().compareTo(other.floor()) < 0 ? one.floor() : other.floor(),
        one.newest(),
        later.knownRules());
  }
}
