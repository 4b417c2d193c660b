package io.tideline.persistence.user;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import io.tideline.persistence.timeline.ReadMark;
import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.Watermark;
import io.tideline.protocols.log.v1.IntentLine;
import io.tideline.protocols.log.v1.ReadMarked;
import java.util.HashMap;
import java.util.Map;

/** How far a user has read each feed; only moves forward. */
public record ReadState(@JsonValue Map<String, ReadMark> marks) {
  public static final ReadState EMPTY = new ReadState(Map.of());

  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  public ReadState {
    marks = Map.copyOf(marks);
  }

  public ReadMark of(String surface) {
    return marks.getOrDefault(surface, ReadMark.NOTHING);
  }

  ReadState merge(IntentLine line) {
    if (!line.hasReadMarked()) return this;
    ReadMarked marked = line.getReadMarked();
    return merge(
        marked.getSurface(),
        new ReadMark(
            PostId.fromBytes(marked.getPostId()), Watermark.fromProto(marked.getWatermark())));
  }

  /**
   * The newest post wins; about the same post, what had arrived adds up: so a late arrival counts
   * as read once the feed has been read again.
   */
  ReadState merge(String surface, ReadMark mark) {
    ReadMark merged = merge(of(surface), mark);
    if (merged.equals(of(surface))) return this;
    Map<String, ReadMark> changed = new HashMap<>(marks);
    changed.put(surface, merged);
    return new ReadState(changed);
  }

  /** True when the mark would make a difference. */
  boolean movedBy(String surface, ReadMark mark) {
    return !merge(surface, mark).equals(this);
  }

  private static ReadMark merge(ReadMark one, ReadMark other) {
    PostId a = one.post();
    PostId b = other.post();
    if (a == null || b == null) return b == null ? one : other;
    int order = a.compareTo(b);
    if (order != 0) return order > 0 ? one : other;
    Positions positions = one.then().positions().merge(other.then().positions());
    return new ReadMark(
        a,
        new Watermark(
            positions,
            Math.max(one.then().rulesAt(), other.then().rulesAt()),
            min(one.then().floor(), other.then().floor()),
            max(one.then().newest(), other.then().newest())));
  }

  private static PostId min(PostId a, PostId b) {
    return a.compareTo(b) < 0 ? a : b;
  }

  private static PostId max(PostId a, PostId b) {
    return a.compareTo(b) > 0 ? a : b;
  }
}
