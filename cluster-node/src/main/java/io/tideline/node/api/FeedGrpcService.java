package io.tideline.node.api;

import com.google.protobuf.UnknownFieldSet;
import io.grpc.Status;
import io.tideline.persistence.posts.CardCache;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.persistence.timeline.ResidentTimeline;
import io.tideline.persistence.timeline.ResidentTimelines;
import io.tideline.persistence.timeline.TimelineView;
import io.tideline.persistence.user.UserEntity;
import io.tideline.persistence.user.UserReply;
import io.tideline.protocols.ConsistencyToken;
import io.tideline.protocols.Cursor;
import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.TokenCodec;
import io.tideline.protocols.UserId;
import io.tideline.protocols.v1.Card;
import io.tideline.protocols.v1.FeedServicePowerApi;
import io.tideline.protocols.v1.FeedView;
import io.tideline.protocols.v1.GetReadStateRequest;
import io.tideline.protocols.v1.GetReadStateResponse;
import io.tideline.protocols.v1.MarkReadRequest;
import io.tideline.protocols.v1.MarkReadResponse;
import io.tideline.protocols.v1.Post;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import io.tideline.protocols.v1.WatchFeedRequest;
import io.tideline.protocols.v1.WatchFeedResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import org.apache.pekko.NotUsed;
import org.apache.pekko.grpc.javadsl.Metadata;
import org.apache.pekko.stream.javadsl.Source;
import org.jspecify.annotations.Nullable;

/**
 * Reading home feeds, over gRPC.
 *
 * <p>On the node that owns the user a page is cut from the resident view on the calling thread; any
 * other node passes the call on, once.
 */
public final class FeedGrpcService implements FeedServicePowerApi {
  static final String SURFACE = "home";
  private static final Duration RETRY_SOON = Duration.ofSeconds(1);

  private final Users users;
  private final Principals principals;
  private final TokenCodec tokens;
  private final ResidentTimelines residents;
  private final CardCache cards;
  private final Consistency consistency;
  private final Forwarding forwarding;
  private final BooleanSupplier fenceOpen;
  private final FeedWatch watches;

  FeedGrpcService(
      Users users,
      Principals principals,
      TokenCodec tokens,
      ResidentTimelines residents,
      CardCache cards,
      Consistency consistency,
      Forwarding forwarding,
      BooleanSupplier fenceOpen,
      FeedWatch watches) {
    this.users = users;
    this.principals = principals;
    this.tokens = tokens;
    this.residents = residents;
    this.cards = cards;
    this.consistency = consistency;
    this.forwarding = forwarding;
    this.fenceOpen = fenceOpen;
    this.watches = watches;
  }

  /** What a page is asked for. */
  private record Page(UserId user, int limit, @Nullable Cursor cursor, FeedView view) {}

  @Override
  public CompletionStage<ReadFeedResponse> readFeed(ReadFeedRequest in, Metadata metadata) {
    FieldViolations fields = new FieldViolations();
    UserId user = fields.userId("user_id", in.getUserId());
    int limit = fields.pageSize("page_size", in.getPageSize(), 20, 100);
    if (in.getView() == FeedView.UNRECOGNIZED) fields.reject("view", "expected FULL or REFS");
    fields.check();
    principals.requireUser(principals.authenticate(metadata), user);
    Page page = new Page(user, limit, cursor(in.getCursor(), user), in.getView());
    ConsistencyToken token = consistency.read(in.getConsistencyToken());
    TimelineView view = token == null ? resident(user) : null;
    if (view != null) return page(view, page);
    Map<String, String> headers = forwarding.headers(metadata);
    return atOwner(
        user,
        metadata,
        token,
        here -> page(here, page),
        node -> forwarding.to(node, headers).readFeed(in));
  }

  private @Nullable Cursor cursor(String text, UserId user) {
    return text.isEmpty() ? null : tokens.decodeCursor(text, user, SURFACE);
  }

  private @Nullable TimelineView resident(UserId user) {
    if (!fenceOpen.getAsBoolean()) {
      throw StatusMapping.unavailable(
          "FENCED", "this node is cut off from its cell", Map.of(), RETRY_SOON);
    }
    ResidentTimeline resident = residents.get(user);
    return resident == null ? null : resident.read();
  }

  /** Runs the read on this node if it owns the user, else passes it on to the owner. */
  private <T> CompletionStage<T> atOwner(
      UserId user,
      Metadata metadata,
      @Nullable ConsistencyToken token,
      Function<TimelineView, CompletionStage<T>> here,
      Function<String, CompletionStage<T>> there) {
    String known = forwarding.knownOwner(user, metadata);
    if (known == null) return askForOwner(user, metadata, token, here, there);
    // What is known may be old: then the entity is asked, which finds the new owner.
    return there
        .apply(known)
        .exceptionallyCompose(
            failure ->
                Status.fromThrowable(failure).getCode() == Status.Code.UNAVAILABLE
                    ? askForOwner(user, metadata, token, here, there)
                    : CompletableFuture.failedStage(failure));
  }

  private <T> CompletionStage<T> askForOwner(
      UserId user,
      Metadata metadata,
      @Nullable ConsistencyToken token,
      Function<TimelineView, CompletionStage<T>> here,
      Function<String, CompletionStage<T>> there) {
    return consistency
        .applied(token)
        .thenCompose(
            applied ->
                users.ask(
                    user, UserReply.Awake.class, replyTo -> new UserEntity.Wake(user, replyTo)))
        .thenCompose(
            awake -> {
              if (!forwarding.isHere(awake.node())) {
                forwarding.requireFirstHop(metadata, awake.node());
                return there.apply(awake.node());
              }
              TimelineView view = resident(user);
              if (view != null) return here.apply(view);
              throw StatusMapping.unavailable(
                  "MOVING", "the timeline is moving to another node", Map.of(), RETRY_SOON);
            });
  }

  private CompletionStage<ReadFeedResponse> page(TimelineView view, Page page) {
    Cursor cursor = page.cursor();
    if (cursor != null && cursor.direction() == Cursor.Direction.NEWER) {
      return newer(view, page, cursor);
    }
    PostId after = cursor == null ? null : cursor.after();
    Positions base = cursor == null ? view.positions() : cursor.base();
    List<PostRef> found = view.older(after, cursor == null ? null : base, page.limit() + 1);
    boolean more = found.size() > page.limit();
    List<PostRef> shown = more ? found.subList(0, page.limit()) : found;
    ReadFeedResponse.Builder answer =
        ReadFeedResponse.newBuilder()
            .setEndOfFeed(!more && !view.cutOff())
            .setNewerCursor(encode(page.user(), Cursor.Direction.NEWER, null, base, null));
    if (more) {
      PostId last = shown.get(shown.size() - 1).id();
      answer.setNextCursor(encode(page.user(), Cursor.Direction.OLDER, last, base, null));
    }
    return withCards(answer, shown, page.view());
  }

  private CompletionStage<ReadFeedResponse> newer(TimelineView view, Page page, Cursor cursor) {
    Positions until = cursor.until() == null ? view.positions() : cursor.until();
    List<PostRef> found = view.arrived(cursor.base(), until, cursor.after(), page.limit() + 1);
    boolean more = found.size() > page.limit();
    List<PostRef> shown = more ? found.subList(0, page.limit()) : found;
    String rest =
        more
            ? encode(
                page.user(),
                Cursor.Direction.NEWER,
                shown.get(shown.size() - 1).id(),
                cursor.base(),
                until)
            : encode(page.user(), Cursor.Direction.NEWER, null, until, null);
    return withCards(ReadFeedResponse.newBuilder().setNewerCursor(rest), shown, page.view());
  }

  private String encode(
      UserId reader,
      Cursor.Direction direction,
      @Nullable PostId after,
      Positions base,
      @Nullable Positions until) {
    return tokens.encode(new Cursor(reader, SURFACE, direction, after, base, until));
  }

  private CompletionStage<ReadFeedResponse> withCards(
      ReadFeedResponse.Builder answer, List<PostRef> shown, FeedView view) {
    if (view == FeedView.FEED_VIEW_REFS) {
      shown.forEach(ref -> answer.addCards(reference(ref)));
      return CompletableFuture.completedFuture(answer.build());
    }
    UnknownFieldSet.Field.Builder encoded = UnknownFieldSet.Field.newBuilder();
    List<PostId> ids = new ArrayList<>(shown.size());
    boolean complete = true;
    for (PostRef ref : shown) {
      PostId id = ref.id();
      ids.add(id);
      CardCache.Card card = complete ? cards.getIfPresent(id) : null;
      if (card == null) complete = false;
      else if (!card.deleted()) encoded.addLengthDelimited(card.encoded());
    }
    if (complete) return CompletableFuture.completedFuture(with(answer, encoded));
    return cards.fetch(ids).thenApply(found -> with(answer, inOrder(ids, found)));
  }

  private static UnknownFieldSet.Field.Builder inOrder(
      List<PostId> ids, Map<PostId, CardCache.Card> found) {
    UnknownFieldSet.Field.Builder encoded = UnknownFieldSet.Field.newBuilder();
    for (PostId id : ids) {
      CardCache.Card card = found.get(id);
      if (card != null && !card.deleted()) encoded.addLengthDelimited(card.encoded());
    }
    return encoded;
  }

  /**
   * Adds cards as the bytes they already are: to the message they are unknown fields with the
   * number of {@code cards}, which look the same on the wire.
   */
  private static ReadFeedResponse with(
      ReadFeedResponse.Builder answer, UnknownFieldSet.Field.Builder encoded) {
    UnknownFieldSet.Field field = encoded.build();
    if (field.getLengthDelimitedList().isEmpty()) return answer.build();
    return answer
        .setUnknownFields(
            UnknownFieldSet.newBuilder()
                .addField(ReadFeedResponse.CARDS_FIELD_NUMBER, field)
                .build())
        .build();
  }

  static Card reference(PostRef ref) {
    return Card.newBuilder()
        .setPost(
            Post.newBuilder()
                .setPostId(ref.id().toString())
                .setAuthorId(ref.author.value())
                .setVersion(ref.version))
        .build();
  }

  @Override
  public Source<WatchFeedResponse, NotUsed> watchFeed(WatchFeedRequest in, Metadata metadata) {
    UserId user = Fields.userId("user_id", in.getUserId());
    principals.requireUser(principals.authenticate(metadata), user);
    Cursor cursor = cursor(in.getCursor(), user);
    Positions from = cursor == null ? null : cursor.base();
    Map<String, String> headers = forwarding.headers(metadata);
    CompletionStage<Source<WatchFeedResponse, NotUsed>> opened =
        this.<Source<WatchFeedResponse, NotUsed>>atOwner(
            user,
            metadata,
            null,
            view -> CompletableFuture.completedStage(watchHere(user, from)),
            node -> CompletableFuture.completedStage(forwarding.to(node, headers).watchFeed(in)));
    return Source.completionStageSource(opened)
        .mapMaterializedValue(ignored -> NotUsed.getInstance());
  }

  private Source<WatchFeedResponse, NotUsed> watchHere(UserId user, @Nullable Positions from) {
    ResidentTimeline resident = residents.get(user);
    if (resident == null) {
      throw StatusMapping.unavailable(
          "MOVING", "the timeline is moving to another node", Map.of(), RETRY_SOON);
    }
    return watches.open(resident, from);
  }

  @Override
  public CompletionStage<MarkReadResponse> markRead(MarkReadRequest in, Metadata metadata) {
    FieldViolations fields = new FieldViolations();
    UserId user = fields.userId("user_id", in.getUserId());
    PostId post = fields.postId("post_id", in.getPostId());
    fields.check();
    principals.requireUser(principals.authenticate(metadata), user);
    return users
        .write(user, replyTo -> new UserEntity.MarkRead(user, post, replyTo))
        .thenApply(
            written ->
                MarkReadResponse.newBuilder()
                    .setReadPostId(text(written.post()))
                    .setConsistencyToken(users.tokenOf(user, written))
                    .build());
  }

  @Override
  public CompletionStage<GetReadStateResponse> getReadState(
      GetReadStateRequest in, Metadata metadata) {
    UserId user = Fields.userId("user_id", in.getUserId());
    principals.requireUser(principals.authenticate(metadata), user);
    Map<String, String> headers = forwarding.headers(metadata);
    return atOwner(
        user,
        metadata,
        null,
        view -> CompletableFuture.completedStage(readState(user, view)),
        node -> forwarding.to(node, headers).getReadState(in));
  }

  private GetReadStateResponse readState(UserId user, TimelineView view) {
    ResidentTimeline resident = residents.get(user);
    PostId readTo = resident == null ? null : resident.readTo();
    boolean beyond = view.cutOff() && (readTo == null || readTo.compareTo(view.floor()) < 0);
    return GetReadStateResponse.newBuilder()
        .setReadPostId(text(readTo))
        .setUnreadCount(view.countNewerThan(readTo))
        .setAtLeast(beyond)
        .build();
  }

  private static String text(@Nullable PostId id) {
    return id == null ? "" : id.toString();
  }
}
