package io.tideline.bench.micro;

import com.google.protobuf.ByteString;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.FollowsChanged;
import io.tideline.protocols.log.v1.IntentLine;
import io.tideline.protocols.log.v1.PostFacts;
import io.tideline.protocols.log.v1.PostLine;
import io.tideline.protocols.log.v1.PostLineKind;
import io.tideline.protocols.v1.Post;

/** Log lines of usual sizes. */
final class Lines {
  private static final int CELL = 1;

  private Lines() {}

  static ByteString post(PostId id, UserId author) {
    return Post.newBuilder()
        .setPostId(id.toString())
        .setAuthorId(author.value())
        .setCreatedAtMillis(id.millis())
        .setVersion(id.hi())
        .setText("x".repeat(120))
        .build()
        .toByteString();
  }

  static PostLine published(PostId id, UserId author, ByteString post) {
    return PostLine.newBuilder()
        .setKind(PostLineKind.POST_LINE_KIND_PUBLISHED)
        .setPostId(id.toByteString())
        .setAuthorId(author.value())
        .setVersion(id.hi())
        .setOriginCell(CELL)
        .setSequence(17)
        .setWriterEpoch(id.hi())
        .setFacts(PostFacts.newBuilder().setLanguage("en"))
        .setPost(post)
        .build();
  }

  static IntentLine followed(UserId user, UserId followee, long at) {
    return IntentLine.newBuilder()
        .setUserId(user.value())
        .setOriginCell(CELL)
        .setSequence(17)
        .setWriterEpoch(at)
        .setAt(at)
        .setFollowsChanged(
            FollowsChanged.newBuilder().addTargetIds(followee.value()).setActive(true))
        .build();
  }
}
