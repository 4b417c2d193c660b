package io.tideline.protocols;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.google.protobuf.ByteString;
import io.tideline.protocols.log.v1.FeedWatermark;
import org.jspecify.annotations.Nullable;

/**
 * What one reader's feed was made of at one moment.
 *
 * @param positions every line of the logs below them, and none above
 * @param rulesAt the reader's rules as of this hybrid time
 * @param floor nothing eligible above it was left out; what was at or below it is not spoken of
 * @param newest its newest entry, which stands in for positions in logs that they do not know;
 *     {@link PostId#MIN} when it was empty
 * @param knownRules what tells other cells which rules those were; {@code null} = nothing does
 */
public record Watermark(
    Positions positions,
    long rulesAt,
    PostId floor,
    PostId newest,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable KnownRules knownRules) {
  public static final Watermark NOTHING = new Watermark(Positions.EMPTY, 0, PostId.MIN, PostId.MIN);

  @JsonCreator
  public Watermark {}

  public Watermark(Positions positions, long rulesAt, PostId floor, PostId newest) {
    this(positions, rulesAt, floor, newest, null);
  }

  /** The same moment, of whose rules nobody can be certain any more. */
  public Watermark uncertain() {
    return knownRules == null
        ? this
        : new Watermark(positions, rulesAt, floor, newest, knownRules.uncertain());
  }

  /** The same moment, of whose rules only the time is said. */
  Watermark withoutRules() {
    return new Watermark(
        positions, rulesAt, floor, newest, knownRules == null ? null : KnownRules.UNKNOWN);
  }

  public FeedWatermark toProto() {
    FeedWatermark.Builder proto =
        FeedWatermark.newBuilder()
            .setPositions(positions.toCompactProto())
            .setRulesAt(rulesAt)
            .setFloorPostId(bytes(floor))
            .setNewestPostId(bytes(newest));
    if (knownRules != null) proto.setKnownRules(knownRules.toProto());
    return proto.build();
  }

  /** Throws {@link IllegalArgumentException} for what {@link #toProto} cannot have made. */
  public static Watermark fromProto(FeedWatermark proto) {
    return new Watermark(
        Positions.fromCompactProto(proto.getPositions()),
        proto.getRulesAt(),
        id(proto.getFloorPostId()),
        id(proto.getNewestPostId()),
        proto.hasKnownRules() ? KnownRules.fromProto(proto.getKnownRules()) : null);
  }

  private static ByteString bytes(PostId id) {
    return id.equals(PostId.MIN) ? ByteString.EMPTY : id.toByteString();
  }

  private static PostId id(ByteString bytes) {
    return bytes.isEmpty() ? PostId.MIN : PostId.fromBytes(bytes);
  }
}
