package io.tideline.persistence.user;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.tideline.persistence.user.UserEvent.Erased;
import io.tideline.persistence.user.UserEvent.IntentAccepted;
import io.tideline.persistence.user.UserEvent.PostDeleted;
import io.tideline.persistence.user.UserEvent.PostEdited;
import io.tideline.persistence.user.UserEvent.PostPublished;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.IntentLine;
import io.tideline.protocols.log.v1.PostFacts;
import io.tideline.protocols.log.v1.PostLine;
import io.tideline.protocols.log.v1.PostLineKind;
import io.tideline.protocols.log.v1.UserErased;
import io.tideline.protocols.v1.Post;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/** Makes the log lines of one user, and puts those that events hold on the logs. */
final class Lines {
  private final UserId user;
  private final int cell;
  private final long epoch;
  private final User state;

  /**
   * @param epoch tells this life of the user's entity from others
   */
  Lines(UserId user, int cell, long epoch, User state) {
    this.user = user;
    this.cell = cell;
    this.epoch = epoch;
    this.state = state;
  }

  PostLine published(PostId id, long version, Payload post, Payload facts) {
    Post whole =
        parse(post)
            .setPostId(id.toString())
            .setAuthorId(user.value())
            .setCreatedAtMillis(id.millis())
            .setVersion(version)
            .build();
    return line(PostLineKind.POST_LINE_KIND_PUBLISHED, id, version)
        .setFacts(facts(facts))
        .setPost(whole.toByteString())
        .build();
  }

  PostLine edited(PostId id, long version, Payload post, Payload facts) {
    Post whole =
        parse(post).setEditedAtMillis(HybridClock.millisOf(version)).setVersion(version).build();
    return line(PostLineKind.POST_LINE_KIND_EDITED, id, version)
        .setFacts(facts(facts))
        .setPost(whole.toByteString())
        .build();
  }

  PostLine deleted(PostId id, long version) {
    return line(PostLineKind.POST_LINE_KIND_DELETED, id, version).build();
  }

  PostLine erased(long at) {
    return line(PostLineKind.POST_LINE_KIND_ERASED, null, at).build();
  }

  /** The line that announces what the user has decided. */
  IntentLine intent(IntentLine what, long at) {
    return what.toBuilder()
        .setUserId(user.value())
        .setOriginCell(cell)
        .setSequence(state.intents() + 1)
        .setWriterEpoch(epoch)
        .setAt(at)
        .build();
  }

  /** What tells other cells of the end of a user: posts are no business of their entities. */
  static IntentLine userErased(PostLine erased) {
    return IntentLine.newBuilder()
        .setUserId(erased.getAuthorId())
        .setOriginCell(erased.getOriginCell())
        .setWriterEpoch(erased.getWriterEpoch())
        .setAt(erased.getVersion())
        .setUserErased(UserErased.getDefaultInstance())
        .build();
  }

  private PostLine.Builder line(PostLineKind kind, @Nullable PostId id, long version) {
    return PostLine.newBuilder()
        .setKind(kind)
        .setPostId(id == null ? ByteString.EMPTY : id.toByteString())
        .setAuthorId(user.value())
        .setVersion(version)
        .setOriginCell(cell)
        .setSequence(state.posting().sequence() + 1)
        .setWriterEpoch(epoch);
  }

  /** Appends the lines of these events; done when the logs have acknowledged all of them. */
  static CompletionStage<Void> appendAll(LogPort log, List<UserEvent> events) {
    CompletableFuture<?>[] appends =
        events.stream()
            .map(event -> append(log, event).toCompletableFuture())
            .toArray(CompletableFuture<?>[]::new);
    return CompletableFuture.allOf(appends);
  }

  /** Appends what this event announces. */
  static CompletionStage<Void> append(LogPort log, UserEvent event) {
    try {
      if (event instanceof PostPublished e) return log.append(PostLine.parseFrom(e.line().bytes()));
      if (event instanceof PostEdited e) return log.append(PostLine.parseFrom(e.line().bytes()));
      if (event instanceof PostDeleted e) return log.append(PostLine.parseFrom(e.line().bytes()));
      if (event instanceof Erased e) {
        PostLine line = PostLine.parseFrom(e.line().bytes());
        return log.append(line).thenCombine(log.append(userErased(line)), (posts, intents) -> null);
      }
      if (event instanceof IntentAccepted e) {
        return log.append(IntentLine.parseFrom(e.line().bytes()));
      }
      return CompletableFuture.completedFuture(null);
    } catch (InvalidProtocolBufferException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  static PostLine postLine(Payload line) {
    try {
      return PostLine.parseFrom(line.bytes());
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalArgumentException("not a post line: " + e.getMessage(), e);
    }
  }

  private static Post.Builder parse(Payload post) {
    try {
      return Post.parseFrom(post.bytes()).toBuilder();
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalArgumentException("not an encoded post", e);
    }
  }

  private static PostFacts facts(Payload facts) {
    try {
      return PostFacts.parseFrom(ByteString.copyFrom(facts.bytes()));
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalArgumentException("not encoded post facts", e);
    }
  }
}
