package io.tideline.node.api;

import static java.util.Objects.requireNonNull;

import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.Message;
import io.grpc.Status;
import io.tideline.persistence.posts.CardCache;
import io.tideline.persistence.posts.PostStore;
import io.tideline.persistence.user.Payload;
import io.tideline.persistence.user.UserEntity;
import io.tideline.persistence.user.UserReply;
import io.tideline.protocols.PostId;
import io.tideline.protocols.TokenCodec;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.PostFacts;
import io.tideline.protocols.log.v1.RelatedPost;
import io.tideline.protocols.v1.DeletePostRequest;
import io.tideline.protocols.v1.DeletePostResponse;
import io.tideline.protocols.v1.EditPostRequest;
import io.tideline.protocols.v1.EditPostResponse;
import io.tideline.protocols.v1.GetPostRequest;
import io.tideline.protocols.v1.GetPostResponse;
import io.tideline.protocols.v1.ListPostsRequest;
import io.tideline.protocols.v1.ListPostsResponse;
import io.tideline.protocols.v1.Post;
import io.tideline.protocols.v1.PostKind;
import io.tideline.protocols.v1.PostReference;
import io.tideline.protocols.v1.PostServicePowerApi;
import io.tideline.protocols.v1.PublishRequest;
import io.tideline.protocols.v1.PublishResponse;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.InstantSource;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.grpc.javadsl.Metadata;
import org.jspecify.annotations.Nullable;

/** Writing and reading posts, over gRPC. */
public final class PostGrpcService implements PostServicePowerApi {
  /** How many posts are read for one page of a list. */
  private static final int MOST_LISTED = 10_000;

  private final Users users;
  private final Principals principals;
  private final TokenCodec tokens;
  private final PostStore store;
  private final Posts posts;
  private final Consistency consistency;
  private final Replication replication;
  private final InstantSource clock;

  PostGrpcService(
      Users users,
      Principals principals,
      TokenCodec tokens,
      PostStore store,
      CardCache cards,
      Consistency consistency,
      Replication replication,
      InstantSource clock) {
    this.users = users;
    this.principals = principals;
    this.tokens = tokens;
    this.store = store;
    this.posts = new Posts(cards, store, clock);
    this.consistency = consistency;
    this.replication = replication;
    this.clock = clock;
  }

  @Override
  public CompletionStage<PublishResponse> publish(PublishRequest in, Metadata metadata) {
    Principal caller = principals.authenticate(metadata);
    FieldViolations fields = new FieldViolations();
    UserId author = fields.userId("author_id", in.getAuthorId());
    fields.text("idempotency_key", in.getIdempotencyKey(), 1, 128);
    if (in.getKind() == PostKind.UNRECOGNIZED) {
      fields.reject("kind", "expected ARTICLE, IMAGE, VIDEO or LIVE");
    }
    ContentRules.check(fields, in.getContent(), in.getRepostOf().isEmpty());
    PostId parent = optionalPost(fields, "reply_to", in.getReplyTo());
    PostId original = optionalPost(fields, "repost_of", in.getRepostOf());
    if (in.hasCreatedAtMillis()) {
      fields.range("created_at_millis", in.getCreatedAtMillis(), 0, clock.millis());
    }
    fields.check();
    principals.requireUser(caller, author);
    if (in.hasCreatedAtMillis()) principals.requireRole(caller, Principal.IMPORT);
    replication.require(in.getDurability());
    return related(parent)
        .thenCombine(related(original), (answered, passedOn) -> draft(in, answered, passedOn))
        .thenCompose(draft -> publish(in, author, draft))
        .thenCompose(answer -> replication.once(in.getDurability(), author, true, answer));
  }

  /** A post that lacks only what the author's entity decides, and what eligibility needs of it. */
  private record Draft(Post post, PostFacts facts) {}

  private CompletionStage<PublishResponse> publish(PublishRequest in, UserId author, Draft draft) {
    if (in.hasCreatedAtMillis()) {
      PostId id = PostId.imported(in.getCreatedAtMillis(), author, in.getIdempotencyKey());
      return store
          .find(id)
          .thenCompose(
              found ->
                  found.isPresent() && !store.erased().contains(author)
                      ? alreadyImported(in, id, author, draft)
                      : accept(in, author, draft));
    }
    return accept(in, author, draft);
  }

  private CompletionStage<PublishResponse> accept(PublishRequest in, UserId author, Draft draft) {
    Long createdAt = in.hasCreatedAtMillis() ? in.getCreatedAtMillis() : null;
    return users
        .write(
            author,
            replyTo ->
                new UserEntity.Publish(
                    author,
                    in.getIdempotencyKey(),
                    createdAt,
                    hash(in.toBuilder().clearDurability().build()),
                    payload(draft.post()),
                    payload(draft.facts()),
                    replyTo))
        .thenCompose(
            written ->
                idOf(author, written)
                    .thenApply(
                        id ->
                            PublishResponse.newBuilder()
                                .setPostId(id.toString())
                                .setConsistencyToken(users.tokenOf(author, written))
                                .build()));
  }

  /** When the key was known here, another cell may have accepted it before. */
  private CompletionStage<PostId> idOf(UserId author, UserReply.Written written) {
    PostId id = requireNonNull(written.post());
    return written.changed() == 0 ? store.lowest(author, id) : CompletableFuture.completedStage(id);
  }

  private CompletionStage<PublishResponse> alreadyImported(
      PublishRequest in, PostId id, UserId author, Draft draft) {
    return posts
        .find(id)
        .thenApply(
            found -> {
              if (found.isPresent() && !found.get().deleted()) {
                requireSame(Posts.decode(found.get()), in, draft.post());
              }
              UserReply.Written before = new UserReply.Written(id, 0, id.hi(), 0);
              return PublishResponse.newBuilder()
                  .setPostId(id.toString())
                  .setConsistencyToken(users.tokenOf(author, before))
                  .build();
            });
  }

  private static void requireSame(Post there, PublishRequest in, Post draft) {
    Post comparable =
        there.toBuilder()
            .clearPostId()
            .clearAuthorId()
            .clearCreatedAtMillis()
            .clearVersion()
            .build();
    // What was known of other posts then may differ from now, and an edit changes the content.
    boolean same =
        there.getEditedAtMillis() != 0
            || (withoutRelations(comparable).equals(withoutRelations(draft))
                && mayBeSame(there.getReplyTo(), in.getReplyTo(), draft.getReplyTo())
                && mayBeSame(there.getRepostOf(), in.getRepostOf(), draft.getRepostOf()));
    if (!same) {
      throw StatusMapping.failure(
          Status.Code.ALREADY_EXISTS,
          "ALREADY_EXISTS",
          "the idempotency key was used for another post, " + there.getPostId());
    }
  }

  private static Post withoutRelations(Post post) {
    Post.Builder bare = post.toBuilder().clearThreadRoot();
    if (bare.hasReplyTo()) bare.getReplyToBuilder().clear();
    if (bare.hasRepostOf()) bare.getRepostOfBuilder().clear();
    return bare.build();
  }

  /**
   * Whether the given id may have led to what is there: that post may have been unknown then, and
   * where one leads that is deleted nobody can tell.
   */
  private static boolean mayBeSame(PostReference there, String given, PostReference now) {
    return there.getPostId().equals(given)
        || there.getPostId().equals(now.getPostId())
        || now.getAuthorId().isEmpty();
  }

  @Override
  public CompletionStage<EditPostResponse> editPost(EditPostRequest in, Metadata metadata) {
    Principal caller = principals.authenticate(metadata);
    FieldViolations fields = new FieldViolations();
    UserId author = fields.userId("author_id", in.getAuthorId());
    PostId id = fields.postId("post_id", in.getPostId());
    ContentRules.check(fields, in.getContent(), false);
    fields.check();
    principals.requireUser(caller, author);
    replication.require(in.getDurability());
    return posts
        .find(id)
        .thenCompose(
            found -> {
              requireNotErased(author);
              Post post = Posts.live(id, found.orElse(null));
              requireAuthor(post, author);
              ContentRules.requireSubstance(in.getContent(), !post.hasRepostOf());
              Post edited = ContentRules.apply(in.getContent(), post.toBuilder()).build();
              return users.write(
                  author,
                  replyTo ->
                      new UserEntity.Edit(
                          author,
                          PostId.parse(post.getPostId()),
                          post.getVersion(),
                          payload(edited),
                          payload(factsOf(edited)),
                          replyTo));
            })
        .thenApply(
            written ->
                EditPostResponse.newBuilder()
                    .setConsistencyToken(users.tokenOf(author, written))
                    .build())
        .thenCompose(answer -> replication.once(in.getDurability(), author, true, answer));
  }

  @Override
  public CompletionStage<DeletePostResponse> deletePost(DeletePostRequest in, Metadata metadata) {
    Principal caller = principals.authenticate(metadata);
    FieldViolations fields = new FieldViolations();
    UserId author = fields.userId("author_id", in.getAuthorId());
    PostId id = fields.postId("post_id", in.getPostId());
    fields.check();
    principals.requireUser(caller, author);
    replication.require(in.getDurability());
    return posts
        .find(id)
        .thenCompose(
            found -> {
              requireNotErased(author);
              if (found.isPresent() && found.get().deleted()) {
                return CompletableFuture.completedStage(
                    new UserReply.Written(id, 0, found.get().version(), 0));
              }
              Post post = Posts.live(id, found.orElse(null));
              requireAuthor(post, author);
              return users.write(
                  author,
                  replyTo ->
                      new UserEntity.Delete(
                          author, PostId.parse(post.getPostId()), post.getVersion(), replyTo));
            })
        .thenApply(
            written ->
                DeletePostResponse.newBuilder()
                    .setConsistencyToken(users.tokenOf(author, written))
                    .build())
        .thenCompose(answer -> replication.once(in.getDurability(), author, true, answer));
  }

  @Override
  public CompletionStage<GetPostResponse> getPost(GetPostRequest in, Metadata metadata) {
    principals.authenticate(metadata);
    PostId id = Fields.postId("post_id", in.getPostId());
    return consistency
        .applied(consistency.read(in.getConsistencyToken()))
        .thenCompose(applied -> posts.get(id))
        .thenApply(post -> GetPostResponse.newBuilder().setPost(post).build());
  }

  @Override
  public CompletionStage<ListPostsResponse> listPosts(ListPostsRequest in, Metadata metadata) {
    principals.authenticate(metadata);
    FieldViolations fields = new FieldViolations();
    UserId author = fields.userId("author_id", in.getAuthorId());
    int limit = fields.pageSize("page_size", in.getPageSize(), 20, 100);
    fields.check();
    String scope = "posts:" + author;
    PostId olderThan =
        in.getPageToken().isEmpty()
            ? PostId.MAX
            : PostId.parse(StatusMapping.pageEnd(tokens, in.getPageToken(), scope));
    return consistency
        .stored(consistency.read(in.getConsistencyToken()))
        .thenCompose(stored -> store.written(author, olderThan, limit, MOST_LISTED))
        .thenCompose(written -> listPage(written, scope));
  }

  private CompletionStage<ListPostsResponse> listPage(PostStore.Written written, String scope) {
    PostId next = written.next();
    return posts
        .getAll(written.ids())
        .thenApply(
            page ->
                ListPostsResponse.newBuilder()
                    .addAllPosts(page)
                    .setNextPageToken(next == null ? "" : tokens.encodePage(scope, next.toString()))
                    .build());
  }

  private CompletionStage<Optional<Post>> related(@Nullable PostId id) {
    if (id == null) return CompletableFuture.completedStage(Optional.empty());
    return posts
        .find(id)
        .thenApply(
            found ->
                Optional.of(
                    found
                        .filter(card -> !card.deleted())
                        .map(Posts::decode)
                        .orElseGet(() -> Post.newBuilder().setPostId(id.toString()).build())));
  }

  private static Draft draft(PublishRequest in, Optional<Post> parent, Optional<Post> original) {
    Post.Builder post = ContentRules.apply(in.getContent(), Post.newBuilder());
    post.setKind(
        in.getKind() == PostKind.POST_KIND_UNSPECIFIED ? PostKind.POST_KIND_ARTICLE : in.getKind());
    parent.ifPresent(
        answered -> {
          post.setReplyTo(reference(answered));
          if (!answered.getAuthorId().isEmpty()) {
            post.setThreadRoot(
                answered.hasThreadRoot() ? answered.getThreadRoot() : reference(answered));
          }
        });
    original.ifPresent(
        passedOn ->
            post.setRepostOf(
                passedOn.hasRepostOf() ? passedOn.getRepostOf() : reference(passedOn)));
    Post made = post.build();
    return new Draft(made, factsOf(made));
  }

  private static PostFacts factsOf(Post post) {
    PostFacts.Builder facts =
        PostFacts.newBuilder()
            .addAllTags(post.getTagsList())
            .setLanguage(post.getLanguage())
            .addAllMentions(post.getMentionsList());
    if (post.hasReplyTo()) facts.setParent(related(post.getReplyTo()));
    if (post.hasThreadRoot()) facts.setRoot(related(post.getThreadRoot()));
    if (post.hasRepostOf()) facts.setOriginal(related(post.getRepostOf()));
    return facts.build();
  }

  private static RelatedPost related(PostReference reference) {
    return RelatedPost.newBuilder()
        .setPostId(PostId.parse(reference.getPostId()).toByteString())
        .setAuthorId(reference.getAuthorId())
        .setKnown(!reference.getAuthorId().isEmpty())
        .build();
  }

  private static PostReference reference(Post post) {
    return PostReference.newBuilder()
        .setPostId(post.getPostId())
        .setAuthorId(post.getAuthorId())
        .build();
  }

  private static @Nullable PostId optionalPost(FieldViolations fields, String field, String text) {
    return text.isEmpty() ? null : fields.postId(field, text);
  }

  /**
   * As its entity would say; but all posts of an erased author look deleted before that is asked.
   */
  private void requireNotErased(UserId author) {
    if (store.erased().contains(author)) {
      throw StatusMapping.failure(
          Status.Code.FAILED_PRECONDITION, UserReply.Refusal.ERASED.name(), author + " is erased");
    }
  }

  private static void requireAuthor(Post post, UserId author) {
    if (!post.getAuthorId().equals(author.value())) {
      throw StatusMapping.failure(
          Status.Code.PERMISSION_DENIED,
          "NOT_THE_AUTHOR",
          "the post " + post.getPostId() + " is by " + post.getAuthorId(),
          Map.of("post_id", post.getPostId(), "author_id", post.getAuthorId()));
    }
  }

  /** The first 64 bits of SHA-256 over everything that makes one body differ from another. */
  private static long hash(PublishRequest in) {
    byte[] bytes = new byte[in.getSerializedSize()];
    CodedOutputStream out = CodedOutputStream.newInstance(bytes);
    out.useDeterministicSerialization();
    try {
      in.writeTo(out);
      return ByteBuffer.wrap(MessageDigest.getInstance("SHA-256").digest(bytes)).getLong();
    } catch (IOException e) {
      throw new UncheckedIOException("the array has the size that was computed", e);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  private static Payload payload(Message message) {
    return new Payload(message.toByteArray());
  }
}
