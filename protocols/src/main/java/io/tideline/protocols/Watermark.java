package io.tideline.protocols;

import com.google.protobuf.ByteString;
import io.tideline.protocols.log.v1.FeedWatermark;

/**
 * What one reader's feed was made of at one moment.
 *
 * @param positions every line of the logs below them, and none above
 * @param rulesAt the reader's rules as of this hybrid time
 * @param floor nothing eligible above it was left out; what was at or below it is not spoken of
 * @param newest its newest entry, which stands in for positions in logs that they do not know;
 *     {@link PostId#MIN} when it was empty
 */
public record Watermark(Positions positions, long rulesAt, PostId floor, PostId newest) {
  public static final Watermark NOTHING = new Watermark(Positions.EMPTY, 0, PostId.MIN, PostId.MIN);

  public FeedWatermark toProto() {
    return FeedWatermark.newBuilder()
        .setPositions(positions.toCompactProto())
        .setRulesAt(rulesAt)
        .setFloorPostId(bytes(floor))
        .setNewestPostId(bytes(newest))
        .build();
  }

  /** Throws {@link IllegalArgumentException} for what {@link #toProto} cannot have made. */
  public static Watermark fromProto(FeedWatermark proto) {
    return new Watermark(
        Positions.fromCompactProto(proto.getPositions()),
        proto.getRulesAt(),
        id(proto.getFloorPostId()),
        id(proto.getNewestPostId()));
  }

  private static ByteString bytes(PostId id) {
    return id.equals(PostId.MIN) ? ByteString.EMPTY : id.toByteString();
  }

  private static PostId id(ByteString bytes) {
    return bytes.isEmpty() ? PostId.MIN : PostId.fromBytes(bytes);
  }
}
